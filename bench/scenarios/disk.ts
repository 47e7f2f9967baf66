/** The cost of durability: on disk with and without fsync, beside memory; and the time of an fsync. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { Latencies } from '../load/latencies.ts';
import { startCluster } from '../measure/cluster.ts';
import { loadTable, variantOf } from '../measure/load-table.ts';
import { temporaryDirectory } from '../measure/running.ts';
import { alternate, appending, type Target } from '../measure/targets.ts';
import type { Table } from '../report/table.ts';
import { settings } from '../settings.ts';
import type { Scenario } from './scenario.ts';

const SYNCS = 200;
const WRITE_BYTES = 4096;

export const disk: Scenario = {
  name: 'disk',
  shows: 'appends of 100 bytes, w=3, 64 connections, in memory, and on disk on every node',
  async run({ load }) {
    const directory = temporaryDirectory(settings.diskDirectory);
    const fsync = await measureFsync(directory);
    const targets: Target[] = [];
    for (const variant of ['memory', 'FSYNC=never', 'FSYNC=always']) {
      const { master, pids } = await startCluster(2, (node) => {
        if (variant === 'memory') return {};
        return { DATA_DIR: join(directory, variant, node), FSYNC: variant.slice('FSYNC='.length) };
      });
      targets.push(appending('w=3', { port: master.port, pids }, { w: 3, variant }));
    }
    const rounds = await alternate(load, targets, settings.times);
    const baselines = { 'to memory': variantOf('memory') };
    return { tables: [fsync, loadTable(disk.shows, rounds, baselines)] };
  },
};

/** How long this disk takes for a small durable write. */
async function measureFsync(directory: string): Promise<Table> {
  const file = await open(join(directory, 'fsync'), 'w');
  const bytes = Buffer.alloc(WRITE_BYTES, 'x');
  const latencies = new Latencies();
  for (let i = 0; i < SYNCS; i += 1) {
    const start = performance.now();
    await file.write(bytes);
    await file.datasync();
    latencies.add(performance.now() - start);
  }
  await file.close();
  const { p50, p99, max } = latencies.percentiles();
  return {
    title: `a write of ${WRITE_BYTES} bytes and its fdatasync, on the same disk, alone`,
    columns: ['p50 ms', 'p99 ms', 'max ms'],
    rows: [[p50, p99, max]],
  };
}
