/**
 * `make chaos`: real nodes, real clients, real faults; then a checker that names what it found.
 *
 *   SECONDS=60          how long faults go on, in all
 *   SEED=7              draws the faults and the clients' wishes; random, and printed, by default
 *   MODE=memory|disk    where the nodes keep the log; default: one after the other, half of the time each
 *   NODES=3             nodes in the cluster, the master included (3 in Docker)
 *   FAULTS=kill,link    only faults whose names begin so
 *   WHERE=docker|local  where the nodes run; default local
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { seededRandom } from '../../src/lib/runtime/random.ts';
import { Dice } from '../lib/support.ts';
import { Broken } from './calm.ts';
import { check } from './checker.ts';
import { ClientRun } from './clients.ts';
import type { ChaosCluster } from './cluster.ts';
import { DockerCluster } from './docker-cluster.ts';
import { emptyHistory, type Mode } from './history.ts';
import { sleep } from './http.ts';
import { LocalCluster } from './local-cluster.ts';
import { Nemesis } from './nemesis.ts';
import { read, wholeLog } from './readers.ts';
import { type Outcome, progress, report, table } from './report.ts';
import { caughtUp, follow, followAll } from './tails.ts';
import { write } from './writers.ts';

const WRITERS = 12;

interface Settings {
  readonly seconds: number;
  readonly seed: number;
  readonly modes: readonly Mode[];
  readonly nodes: number;
  readonly kinds: readonly string[];
  readonly isInDocker: boolean;
}

function readSettings(env: NodeJS.ProcessEnv): Settings {
  const number = (name: string, otherwise: number) => {
    const value = Number(env[name] || otherwise);
    if (!Number.isInteger(value) || value < 1) throw new Error(`${name} must be an integer from 1`);
    return value;
  };
  const mode = env.MODE || 'both';
  if (!['memory', 'disk', 'both'].includes(mode)) throw new Error('MODE must be memory or disk');
  const where = env.WHERE || 'local';
  if (!['local', 'docker'].includes(where)) throw new Error('WHERE must be docker or local');
  return {
    seconds: number('SECONDS', 60),
    seed: number('SEED', 1 + Math.floor(Math.random() * 2 ** 31)),
    modes: mode === 'both' ? ['memory', 'disk'] : [mode as Mode],
    nodes: number('NODES', 3),
    isInDocker: where === 'docker',
    kinds: (env.FAULTS ?? '').split(',').filter((kind) => kind !== ''),
  };
}

/** One cluster's incarnation: everything hurt for `seconds`, then healed, and all that was seen. */
async function run(settings: Settings, mode: Mode, seconds: number): Promise<Outcome> {
  const { seed, nodes, kinds, isInDocker } = settings;
  const random = (number: number) => seededRandom(Math.imul(seed, 1000) + number);
  const dice = (number: number) => new Dice(Math.imul(seed, 1000) + number);
  const cluster = isInDocker
    ? await DockerCluster.open(mode)
    : await LocalCluster.open(mode, nodes - 1, random(1));
  const history = emptyHistory(mode, cluster.master, cluster.secondaries);
  const clients = new ClientRun(history, cluster);
  const nemesis = new Nemesis(cluster, clients, dice(2), { kinds });
  const pauses = monitorEventLoopDelay();
  pauses.enable();
  const ticker = setInterval(() => progress(mode, history, nemesis.counts), 5000);
  try {
    await nemesis.start();
    const ids = [cluster.master, ...cluster.secondaries];
    const readers = [
      ...ids.map((node, index) => read(clients, node, dice(100 + index))),
      ...ids.map((node, index) => follow(clients, node, dice(150 + index), 'local')),
      ...ids.map((node, index) => follow(clients, node, dice(170 + index), 'majority')),
      followAll(clients, ids),
    ];
    const writers = Array.from({ length: WRITERS }, (_, index) =>
      write(clients, `c${index + 1}`, dice(200 + index)),
    );
    try {
      await nemesis.torment(performance.now() + seconds * 1000);
      await end(clients, nemesis, cluster, writers);
    } finally {
      clients.isClosing = true;
      clients.isOver = true;
      await Promise.all([...readers, ...writers]);
    }
  } catch (error) {
    const { name, message, stack } = error as Error;
    history.findings.push(
      error instanceof Broken
        ? { name, detail: message }
        : { name: 'failed run', detail: stack ?? message },
    );
  } finally {
    clearInterval(ticker);
    pauses.disable();
    await cluster.close();
  }
  history.findings.push(...cluster.findings());
  const findings = check(history);
  const { answers } = clients;
  const pauseMs = Math.round(pauses.max / 1e6);
  return {
    history,
    answers,
    pauseMs,
    calmMs: nemesis.calm.longestMs,
    counts: nemesis.counts,
    findings,
    logs: cluster.lastLines(30),
  };
}

/** Lets all writers finish, waits for agreement, and takes the logs. */
async function end(
  clients: ClientRun,
  nemesis: Nemesis,
  cluster: ChaosCluster,
  writers: Promise<void>[],
): Promise<void> {
  clients.isClosing = true;
  await nemesis.calm.rest();
  await Promise.race([Promise.all(writers), sleep(5000)]);
  for (const node of [cluster.master, ...cluster.secondaries]) {
    clients.history.final.set(node, await wholeLog(cluster, node));
  }
  await caughtUp(clients, clients.history.final.get(cluster.master) ?? []);
}

// Nodes and containers are removed when the process exits; a signal must let it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
const settings = readSettings(process.env);
const { seconds, seed, modes, nodes, kinds, isInDocker } = settings;
console.log(`chaos: SEED=${seed} SECONDS=${seconds} MODE=${modes} NODES=${nodes}`);
const outcomes: Outcome[] = [];
for (const mode of modes) outcomes.push(await run(settings, mode, seconds / modes.length));
const bad = outcomes.filter(({ findings }) => findings.length > 0);
console.log(`\n${table(outcomes)}`);
// Last, as it is what somebody looks for who sees only the end of what a run printed.
for (const outcome of bad) report(outcome);
if (bad.length > 0) {
  const mode = modes.length === 1 ? ` MODE=${modes[0]}` : '';
  const only = kinds.length === 0 ? '' : ` FAULTS='${kinds}'`;
  const where = isInDocker ? ' WHERE=docker' : ` NODES=${nodes}`;
  console.error(`\nreplay: make chaos SEED=${seed} SECONDS=${seconds}${where}${mode}${only}`);
  process.exitCode = 1;
}
