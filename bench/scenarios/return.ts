/** A secondary that comes back: killed and now empty, or stopped and continued with its log. */
import { type Arrival, arrival, arrivalRow, arrivalTable } from '../measure/arrival.ts';
import {
  type Cluster,
  fill,
  startCluster,
  startSecondary,
  untilStatus,
} from '../measure/cluster.ts';
import type { Started } from '../measure/processes.ts';
import { settings } from '../settings.ts';
import type { Scenario } from './scenario.ts';

const MISSED = 200_000;
const ROUNDS = settings.isQuick ? 1 : 3;

export const comeBack: Scenario = {
  name: 'return',
  shows: `a secondary that comes back ${MISSED.toLocaleString('en-US')} messages behind, a heartbeat each second`,
  async run() {
    const killed: Arrival[] = [];
    const stopped: Arrival[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const cluster = await startCluster(2);
      const { secondary, arrived } = await killAndStart(cluster);
      killed.push(arrived);
      stopped.push(await stopAndContinue(cluster, secondary));
      await Promise.all([cluster.master, secondary].map((node) => node.stop()));
    }
    const rows = [arrivalRow('killed, empty', killed), arrivalRow('stopped, Unhealthy', stopped)];
    return { tables: [arrivalTable(comeBack.shows, rows)] };
  },
};

async function killAndStart({ master, secondaries }: Cluster) {
  const victim = secondaries[1] as Started;
  await victim.stop();
  await untilStatus(master, 's2', ['Suspected', 'Unhealthy']);
  await fill(master, MISSED, 2);
  const secondary = await startSecondary(2, { PORT: victim.port });
  const { at } = await secondary.event('listening');
  return { secondary, arrived: await arrival(master, 's2', secondary, at, MISSED) };
}

async function stopAndContinue({ master }: Cluster, secondary: Started): Promise<Arrival> {
  secondary.signal('SIGSTOP');
  await untilStatus(master, 's2', ['Unhealthy']);
  await fill(master, MISSED, 2);
  const since = performance.now();
  secondary.signal('SIGCONT');
  return arrival(master, 's2', secondary, since, 2 * MISSED);
}
