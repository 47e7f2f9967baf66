/** More secondaries; one that hangs or is slow; and clients that wait for it. */
import { connect } from 'node:net';
import { type Cluster, health, masterHealth, startCluster } from '../measure/cluster.ts';
import { loadTable, variantOf } from '../measure/load-table.ts';
import { type Started, until } from '../measure/processes.ts';
import { appendRequest, getRequest } from '../measure/requests.ts';
import { alternate, appending, type Target } from '../measure/targets.ts';
import type { Table } from '../report/table.ts';
import { settings } from '../settings.ts';
import type { Context, Scenario } from './scenario.ts';

const COUNTS = settings.isQuick ? [2, 8] : [2, 4, 8];
const WAITING = 300;
const DELAY_MS = 200;

export const secondaries: Scenario = {
  name: 'secondaries',
  shows: 'more secondaries, one that hangs or is slow, and clients that wait for it',
  async run(context) {
    return { tables: [await more(context), await unwell(context), await waiting(context)] };
  },
};

async function more({ load }: Context): Promise<Table> {
  const targets: Target[] = [];
  for (const count of COUNTS) {
    const { master, pids } = await startCluster(count);
    const variant = `${count} secondaries`;
    targets.push(appending('w=2', { port: master.port, pids: masterOf(pids) }, { w: 2, variant }));
  }
  const rounds = await alternate(load, targets, settings.times);
  const title = "w=2, 64 connections, with more secondaries: what counts is the master's CPU";
  return loadTable(title, rounds, { 'to 2 secondaries': variantOf(`${COUNTS[0]} secondaries`) });
}

async function unwell({ load }: Context): Promise<Table> {
  const well = await startCluster(2);
  const hung = await startCluster(2);
  const slow = await startCluster(2, (node) =>
    node === 's2' ? { FAULT_INJECTION: true, FAULT_DELAY_MS: DELAY_MS } : {},
  );
  hung.secondaries[1]?.signal('SIGSTOP');
  const variants = { 'all well': well, 's2 hung': hung, [`s2 ${DELAY_MS} ms late`]: slow };
  const targets = Object.entries(variants).map(([variant, cluster]) => w2(cluster, variant));
  const rounds = await alternate(load, targets, settings.times);
  const title = 'w=2, 64 connections, while the other secondary is stopped by SIGSTOP, or late';
  return loadTable(title, rounds, { 'to all well': variantOf('all well') });
}

async function waiting({ load }: Context): Promise<Table> {
  const targets: Target[] = [];
  for (const count of [0, WAITING]) {
    const cluster = await startCluster(2);
    cluster.secondaries[1]?.signal('SIGSTOP');
    await wait(cluster.master, count);
    const at = { port: cluster.master.port, pids: cluster.pids };
    const variant = `${count} waiting`;
    targets.push(appending('w=1', at, { w: 1, variant }), w2(cluster, variant));
  }
  const rounds = await alternate(load, targets, settings.times);
  const title = `64 connections beside ${WAITING} clients that wait for a stopped secondary`;
  return loadTable(title, rounds, { 'to 0 waiting': variantOf('0 waiting') });
}

/** Starts clients that wait for all nodes: half of them append, the others await the first message. */
async function wait(master: Started, count: number): Promise<void> {
  const append = appendRequest(100, 1, 3);
  const awaiting = getRequest('/messages/1?w=3');
  for (let i = 0; i < count; i += 1) {
    const socket = connect({ port: master.port, host: '127.0.0.1' });
    // They are still connected when the master is ended.
    socket.on('error', () => {});
    socket.write((i % 2 === 0 ? append : awaiting).text);
    // The first message must be there before it is awaited.
    if (i === 0) await until('a message', async () => (await health(master)).length > 0);
  }
  await until('waiting clients', async () => (await masterHealth(master)).waiting === count);
}

function w2(cluster: Cluster, variant: string): Target {
  return appending('w=2', { port: cluster.master.port, pids: cluster.pids }, { w: 2, variant });
}

function masterOf({ master = 0 }: Cluster['pids']): Cluster['pids'] {
  return { master };
}
