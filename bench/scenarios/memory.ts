/** Resident memory for each message, on every node; and a very large log. */
import { fill, startCluster, startMaster } from '../measure/cluster.ts';
import { LoadGenerator } from '../measure/load.ts';
import { restingBytes } from '../measure/memory.ts';
import { getRequest } from '../measure/requests.ts';
import { residentBytesOf } from '../measure/usage.ts';
import type { Cell, Table } from '../report/table.ts';
import { settings } from '../settings.ts';
import type { Scenario } from './scenario.ts';

const { messages } = settings;
const MANY = 10_000_000;
const REST_MS = settings.isQuick ? 1000 : 5000;
const PROBE_EVERY_MS = 5;
const MONITOR = './bench/targets/event-loop-monitor.ts';

export const memory: Scenario = {
  name: 'memory',
  shows: `resident bytes for each of ${messages.toLocaleString('en-US')} messages of 100 bytes`,
  async run() {
    const each = await bytesPerMessage();
    return { tables: settings.isQuick ? [each] : [each, await manyMessages()] };
  },
};

async function bytesPerMessage(): Promise<Table> {
  const { master, pids } = await startCluster(2);
  const fresh = Object.values(pids).map(residentBytesOf);
  await fill(master, messages, 3);
  const full = await Promise.all(Object.values(pids).map((pid) => restingBytes(pid, REST_MS)));
  const MEBIBYTE = 2 ** 20;
  const rows = Object.keys(pids).map((name, i): Cell[] => {
    const [before = 0, after = 0] = [fresh[i], full[i]];
    return [name, before / MEBIBYTE, after / MEBIBYTE, (after - before) / messages];
  });
  const columns = ['node', 'fresh MiB', 'full MiB', 'bytes a message'];
  return { title: memory.shows, columns, rows };
}

/** A master alone, with the default heap: the longest delays of its event loop and of a probe. */
async function manyMessages(): Promise<Table> {
  const isNode = settings.runtime[0]?.endsWith('node') ?? false;
  const master = await startMaster([], {}, isNode ? ['--import', MONITOR] : []);
  const fresh = residentBytesOf(master.pid);
  const probe = new LoadGenerator();
  const livez = { port: master.port, request: getRequest('/livez'), connections: 1 };
  const paced = { everyMs: PROBE_EVERY_MS, warmUpMs: 0, measureMs: null };
  const probing = await probe.begin({ ...livez, ...paced }, {});
  const start = performance.now();
  await fill(master, MANY, 1);
  const seconds = (performance.now() - start) / 1000;
  const { max, p999 } = await probing.end();
  const full = await restingBytes(master.pid, REST_MS);
  await master.stop('SIGTERM');
  const monitored = isNode ? await master.event('event-loop') : null;
  return {
    title: `a master alone with ${MANY.toLocaleString('en-US')} messages, filled in batches of 1000, its default heap; a probe each ${PROBE_EVERY_MS} ms`,
    columns: ['filled in s', 'bytes a message', 'probe p99.9 ms', 'probe max ms', 'loop max ms'],
    rows: [[seconds, (full - fresh) / MANY, p999, max, (monitored?.maxMs as number) ?? null]],
  };
}
