/** Appends with an idempotency key each: the cost of a key in time and memory, also when there are many. */
import { startCluster, startMaster, startSecondary } from '../measure/cluster.ts';
import { loadTable, versus } from '../measure/load-table.ts';
import { restingBytes } from '../measure/memory.ts';
import type { Started } from '../measure/processes.ts';
import { alternate, appending } from '../measure/targets.ts';
import { residentBytesOf } from '../measure/usage.ts';
import type { Cell, Table } from '../report/table.ts';
import { settings } from '../settings.ts';
import { startFloor } from './floor.ts';
import type { Scenario } from './scenario.ts';

const MANY = settings.isQuick ? 500_000 : 20_000_000;
const FRAME_ENTRIES = 10_000;
const MESSAGE = 'x'.repeat(20);
const REST_MS = settings.isQuick ? 1000 : 5000;
const many = MANY.toLocaleString('en-US');

export const keys: Scenario = {
  name: 'keys',
  shows: `appends of 100 bytes with and without a key, to an empty log and to one with ${many} keys`,
  async run({ load }) {
    const { full, table } = await fillSecondaries();
    const { master: fresh, pids } = await startCluster(1);
    const old = await startMaster([full.port], { RECOVERY_TIMEOUT_MS: 60_000 });
    const { at: listening } = await old.event('listening');
    const { at: recovered } = await old.event('recovered');
    const clusters = {
      'an empty log': { port: fresh.port, pids },
      [`${many} keys`]: { port: old.port, pids: { master: old.pid } },
    };
    const targets = [
      appending('floor', await startFloor()),
      ...Object.entries(clusters).flatMap(([variant, cluster]) =>
        [false, true].map((isKeyed) =>
          appending(isKeyed ? 'a key each' : 'no keys', cluster, { variant, isKeyed }),
        ),
      ),
    ];
    const rounds = await alternate(load, targets, settings.times);
    const ratios = { 'to no keys': versus('no keys') };
    const recovery: Table = {
      title: `a new master adopts the log with ${many} keys`,
      columns: ['', 's'],
      rows: [['from listening to ready for appends', (recovered - listening) / 1000]],
    };
    return { tables: [table, recovery, loadTable(keys.shows, rounds, ratios)] };
  },
};

/** Fills two secondaries with many short messages: one with a key for each, the other without. */
async function fillSecondaries(): Promise<{ full: Started; table: Table }> {
  const rows: Cell[][] = [];
  let full: Started | null = null;
  let bytesWithout = 0;
  for (const isKeyed of [false, true]) {
    const secondary = await startSecondary(1);
    const fresh = residentBytesOf(secondary.pid);
    const { seconds, slowestMs } = await push(secondary, isKeyed);
    const bytes = ((await restingBytes(secondary.pid, REST_MS)) - fresh) / MANY;
    if (isKeyed) full = secondary;
    else bytesWithout = bytes;
    const name = isKeyed ? 'a key of 20 characters each' : 'no keys';
    rows.push([name, seconds, slowestMs, bytes, isKeyed ? bytes - bytesWithout : null]);
    if (!isKeyed) await secondary.stop();
  }
  const columns = ['', 'filled in s', 'slowest frame ms', 'bytes a message', 'bytes a key'];
  const title = `${many} messages of ${MESSAGE.length} bytes in a secondary, ${FRAME_ENTRIES} a frame`;
  return { full: full as Started, table: { title, columns, rows } };
}

async function push({ port }: Started, isKeyed: boolean) {
  const start = performance.now();
  let slowestMs = 0;
  for (let from = 1; from <= MANY; from += FRAME_ENTRIES) {
    const body = frameLine(from, isKeyed);
    const sent = performance.now();
    const answer = await fetch(`http://127.0.0.1:${port}/replicate`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body,
    });
    const said = await answer.text();
    slowestMs = Math.max(slowestMs, performance.now() - sent);
    if (JSON.parse(said).length !== from + FRAME_ENTRIES - 1) throw new Error(said);
  }
  return { seconds: (performance.now() - start) / 1000, slowestMs };
}

function frameLine(from: number, isKeyed: boolean): string {
  const messages = new Array<string>(FRAME_ENTRIES).fill(MESSAGE);
  const keyOf = (seq: number) => `key-${String(seq).padStart(16, '0')}`;
  const entries = messages.map((_, i) => [from + i, keyOf(from + i)] as const);
  const keys = isKeyed ? { keys: Object.fromEntries(entries) } : {};
  return `${JSON.stringify({ logId: 'many-keys', epoch: 1, from, messages, ...keys })}\n`;
}
