/** Messages from 100 bytes to a mebibyte. */
import { startCluster } from '../measure/cluster.ts';
import { loadTable, versus } from '../measure/load-table.ts';
import { alternate, appending, type Target } from '../measure/targets.ts';
import { settings } from '../settings.ts';
import { startFloor } from './floor.ts';
import type { Scenario } from './scenario.ts';

/** Large messages use fewer connections, so that the time in socket buffers is not measured. */
const SIZES = [
  { variant: '100 B', bytes: 100, connections: 64 },
  { variant: '10 KiB', bytes: 10 * 1024, connections: 64 },
  { variant: '1 MiB', bytes: 1024 * 1024, connections: 8 },
];

export const sizes: Scenario = {
  name: 'sizes',
  shows: 'appends of 100 B and 10 KiB from 64 connections, of 1 MiB from 8',
  async run({ load }) {
    const floor = await startFloor();
    const { master, pids } = await startCluster(2);
    const cluster = { port: master.port, pids };
    const targets = SIZES.flatMap((size): Target[] => [
      appending('floor', floor, size),
      appending('w=1', cluster, { ...size, w: 1 }),
      appending('w=3', cluster, { ...size, w: 3 }),
    ]);
    // Every node keeps all messages, so a long run of large ones would fill the memory.
    const { rounds, warmUpMs, measureMs } = settings.times;
    const shortMs = Math.max(200, measureMs / 2);
    const times = { rounds: Math.min(rounds, 5), warmUpMs, measureMs: shortMs, firstMs: shortMs };
    const played = await alternate(load, targets, times);
    return { tables: [loadTable(sizes.shows, played, { 'to the floor': versus('floor') })] };
  },
};
