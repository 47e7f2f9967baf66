/** A whole log in one answer: its time beside prepared buffers, its memory, and how much it slows appends. */
import { setTimeout as sleep } from 'node:timers/promises';
import { askAndStall, readAll } from '../load/reader.ts';
import { fill, startCluster } from '../measure/cluster.ts';
import { loadTable } from '../measure/load-table.ts';
import { memoryDuring } from '../measure/memory.ts';
import { type Started, startScript } from '../measure/processes.ts';
import { median, spreadOf } from '../measure/statistics.ts';
import { alternate, appending, type Target } from '../measure/targets.ts';
import type { Table } from '../report/table.ts';
import { settings } from '../settings.ts';
import type { Context, Scenario } from './scenario.ts';

const { messages } = settings;
const STALLED = 20;
const STALL_MS = 1000;
/** The log grows during the measurement; the limit keeps the answer the same. */
const PATH = `/messages?limit=${messages}`;

export const reading: Scenario = {
  name: 'reading',
  shows: `GET /messages of ${messages.toLocaleString('en-US')} messages of 100 bytes`,
  async run(context) {
    const cluster = await startCluster(2);
    await fill(cluster.master, messages, 3);
    const beside = appending('w=1', { port: cluster.master.port, pids: cluster.pids });
    return {
      tables: [
        await times(cluster.master),
        await memory(cluster.master),
        await appends(context, { ...beside, connections: 16 }),
      ],
    };
  },
};

async function times(master: Started): Promise<Table> {
  const prepared = await startScript('bench/targets/prepared.ts', { MESSAGES: messages });
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round <= 2 * settings.repeats; round += 1) {
    const own = await readAll(master.port, PATH);
    const other = await readAll(prepared.port, PATH);
    if (own.bytes !== other.bytes) throw new Error(`${own.bytes} bytes, not ${other.bytes}`);
    if (round === 0) continue;
    ours.push(own.ms);
    theirs.push(other.ms);
  }
  const ratios = theirs.map((ms, i) => ms / (ours[i] as number));
  return {
    title: `${reading.shows}, beside the same bytes from prepared buffers`,
    columns: ['server', 'ms', 'as fast as prepared'],
    rows: [
      ['prepared', spreadOf(theirs), 1],
      ['master', spreadOf(ours), spreadOf(ratios)],
    ],
  };
}

async function memory({ pid, port }: Started): Promise<Table> {
  const one: number[] = [];
  for (let round = 0; round < settings.repeats; round += 1) {
    const { beforeBytes, mostBytes } = await memoryDuring(pid, () => readAll(port, PATH));
    one.push(mostBytes - beforeBytes);
  }
  const stalled = await memoryDuring(pid, async () => {
    const sockets = Array.from({ length: STALLED }, () => askAndStall(port, PATH));
    await sleep(STALL_MS);
    for (const socket of sockets) socket.destroy();
  });
  const MEBIBYTE = 2 ** 20;
  return {
    title: "what the master's resident memory grows by meanwhile",
    columns: ['readers', 'MiB'],
    rows: [
      ['one that reads', median(one) / MEBIBYTE],
      [`${STALLED} that do not read`, (stalled.mostBytes - stalled.beforeBytes) / MEBIBYTE],
    ],
  };
}

async function appends({ load }: Context, target: Target): Promise<Table> {
  const kind = { kind: target.kind, variant: 'nobody reads' };
  const targets = [
    { ...target, ...kind },
    { ...target, variant: 'one reads on and on', beside: () => readAll(target.port, PATH) },
  ];
  const rounds = await alternate(load, targets, settings.times);
  const title = 'appends of 100 bytes, w=1, 16 connections, while the log is read from the master';
  return loadTable(title, rounds, { 'to nobody reads': () => kind });
}
