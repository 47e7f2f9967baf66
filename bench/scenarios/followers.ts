/** Many followers of the health of an idle and of a busy cluster: their cost for the master and for other requests. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from '../load/ask.ts';
import { protocolOf } from '../load/protocols.ts';
import { startCluster } from '../measure/cluster.ts';
import { LoadGenerator } from '../measure/load.ts';
import { appendRequest, getRequest } from '../measure/requests.ts';
import { cpuMsOf } from '../measure/usage.ts';
import type { Cell } from '../report/table.ts';
import { settings } from '../settings.ts';
import type { Scenario } from './scenario.ts';

const COUNTS = settings.isQuick ? [0, 4000] : [0, 1000, 15_000];
const MEASURE_MS = settings.isQuick ? 4000 : 20_000;
const CONNECTING_MAX = 64;
const PROBE_EVERY_MS = 20;
const APPEND_EVERY_MS = 50;

export const followers: Scenario = {
  name: 'followers',
  shows:
    'followers of /health as events: a master of two secondaries, idle, and with 20 appends a second',
  async run() {
    const { master, pids } = await startCluster(2);
    const rows: Cell[][] = [];
    const sockets: Socket[] = [];
    for (const count of COUNTS) {
      while (sockets.length < count) {
        const more = Math.min(CONNECTING_MAX, count - sockets.length);
        sockets.push(
          ...(await Promise.all(Array.from({ length: more }, () => follow(master.port)))),
        );
      }
      // Until the master has finished connecting as well.
      await sleep(2000);
      for (const isBusy of [false, true]) {
        const name = `${count.toLocaleString('en-US')}, ${isBusy ? '20 appends a second' : 'idle'}`;
        rows.push([name, ...(await measure(master.port, pids.master as number, isBusy))]);
      }
    }
    for (const socket of sockets) socket.destroy();
    const columns = ['followers', 'CPU of the master, %', '/livez p50 ms', 'p99 ms', 'max ms'];
    return { tables: [{ title: followers.shows, columns, rows }] };
  },
};

/** Follows the health, and reads all events. Resolves at the first one. */
function follow(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const headers = 'Host: 127.0.0.1\r\nAccept: text/event-stream\r\n';
    socket.on('connect', () => socket.write(`GET /health HTTP/1.1\r\n${headers}\r\n`));
    socket.on('error', reject);
    socket.once('data', () => resolve(socket));
    socket.on('data', () => {});
  });
}

async function measure(port: number, pid: number, isBusy: boolean): Promise<Cell[]> {
  const probe = new LoadGenerator();
  const paced = { everyMs: PROBE_EVERY_MS, warmUpMs: 0, measureMs: null };
  const probing = await probe.begin(
    { port, request: getRequest('/livez'), connections: 1, ...paced },
    {},
  );
  const [cpuBefore, begun] = [cpuMsOf(pid), performance.now()];
  while (performance.now() - begun < MEASURE_MS) {
    await sleep(APPEND_EVERY_MS);
    if (isBusy) await ask(port, protocolOf(appendRequest(100, 1, 1)));
  }
  const share = (cpuMsOf(pid) - cpuBefore) / (performance.now() - begun);
  const { p50, p99, max } = await probing.end();
  return [100 * share, p50, p99, max];
}
