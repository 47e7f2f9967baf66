/** A new master over secondaries with a large log: how long it takes until it accepts appends. */
import { fill, health, startCluster, startMaster } from '../measure/cluster.ts';
import { spreadOf } from '../measure/statistics.ts';
import { settings } from '../settings.ts';
import type { Scenario } from './scenario.ts';

const { messages } = settings;

export const recovery: Scenario = {
  name: 'recovery',
  shows: `a new master, while two secondaries hold ${messages.toLocaleString('en-US')} messages of 100 bytes`,
  async run() {
    const { master, secondaries } = await startCluster(2);
    await fill(master, messages, 3);
    const ports = secondaries.map(({ port }) => port);
    const times: number[] = [];
    let current = master;
    for (let round = 0; round < settings.repeats; round += 1) {
      await current.stop();
      current = await startMaster(ports);
      const { at: listening } = await current.event('listening');
      const { at: recovered } = await current.event('recovered');
      times.push(recovered - listening);
      const { length } = await health(current);
      if (length !== messages) throw new Error(`the new master has ${length} messages`);
    }
    const columns = ['', 'ms'];
    const rows = [['from listening to ready for appends', spreadOf(times)]];
    return { tables: [{ title: recovery.shows, columns, rows }] };
  },
};
