/** An empty secondary: how long it takes until it holds a large log, and how much that slows appends. */
import { freePort } from '../../test/support/port.ts';
import { type Arrival, arrival, arrivalRow, arrivalTable } from '../measure/arrival.ts';
import { fill, health, startMaster, startSecondary, untilStatus } from '../measure/cluster.ts';
import type { Slice } from '../measure/load.ts';
import { loadTable } from '../measure/load-table.ts';
import { type Started, until } from '../measure/processes.ts';
import { spreadOf } from '../measure/statistics.ts';
import { appending } from '../measure/targets.ts';
import { fillRedis, follow, startRedisServer } from '../peers/redis.ts';
import { settings } from '../settings.ts';
import type { Context, Scenario } from './scenario.ts';

const { messages } = settings;
/** Short, because the transfer is measured, not the time until the master notices the secondary. */
const HEARTBEAT_INTERVAL_MS = 100;

export const catchUp: Scenario = {
  name: 'catch-up',
  shows: `an empty secondary that joins a log of ${messages.toLocaleString('en-US')} messages of 100 bytes, a heartbeat each ${HEARTBEAT_INTERVAL_MS} ms`,
  async run({ load, peers }) {
    const { port } = await startSecondary(1);
    const newPort = await freePort();
    const master = await startMaster([port, newPort], { HEARTBEAT_INTERVAL_MS });
    await until('a quorum', async () => (await health(master)).status === 'degraded');
    await fill(master, messages, 2);
    const redis = peers.has('redis') ? await startRedisServer() : null;
    if (redis !== null) await fillRedis(redis, messages);

    const target = appending('w=1', { port: master.port, pids: { master: master.pid } });
    const spec = { port: master.port, request: target.request, connections: 16, warmUpMs: 0 };
    const append = () => load.begin({ ...spec, measureMs: null }, target.pids);
    const { measureMs, firstMs } = settings.times;
    await load.play({ ...spec, measureMs: firstMs }, target.pids);
    const alone: Arrival[] = [];
    const loaded: Arrival[] = [];
    const syncs: number[] = [];
    const undisturbed: Slice[] = [];
    const beside: Slice[] = [];
    for (let round = 0; round < settings.repeats; round += 1) {
      alone.push((await join(master, newPort)).arrived);
      if (redis !== null) syncs.push(await syncRedis(redis));
      undisturbed.push(await load.play({ ...spec, measureMs }, target.pids));
      const { arrived, slice } = await join(master, newPort, append);
      loaded.push(arrived);
      if (slice !== null) beside.push(slice);
    }
    const rows = [arrivalRow('alone', alone), arrivalRow('beside appends', loaded)];
    if (redis !== null) rows.push(['a replica of Redis', null, spreadOf(syncs), null]);
    const slices = new Map([
      [{ ...target, variant: 'nobody joins' }, undisturbed],
      [{ ...target, variant: 'one joins' }, beside],
    ]);
    const title = 'appends of 100 bytes, w=1, 16 connections, meanwhile';
    return { tables: [arrivalTable(catchUp.shows, rows), loadTable(title, slices, {})] };
  },
};

/** Starts the second secondary, waits until it holds the log, and kills it. */
async function join(
  master: Started,
  port: number,
  append?: () => ReturnType<Context['load']['begin']>,
): Promise<{ arrived: Arrival; slice: Slice | null }> {
  const secondary = await startSecondary(2, { PORT: port });
  const { at } = await secondary.event('listening');
  const appends = await append?.();
  const arrived = await arrival(master, 's2', secondary, at, messages);
  const slice = (await appends?.end()) ?? null;
  await secondary.stop();
  await untilStatus(master, 's2', ['Suspected', 'Unhealthy']);
  return { arrived, slice };
}

/** The time of a full synchronisation of an empty replica, in ms. */
async function syncRedis(primary: Started): Promise<number> {
  const replica = await startRedisServer();
  const start = performance.now();
  await follow(replica, primary.port);
  const ms = performance.now() - start;
  await replica.stop();
  return ms;
}
