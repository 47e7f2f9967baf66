/** Starts masters with their secondaries, and fills their logs. */
import { type Health, type MasterHealth, ReplicatedLogClient } from '../../src/client.ts';
import { ask } from '../load/ask.ts';
import { protocolOf } from '../load/protocols.ts';
import { type Environment, type Started, startScript, until } from './processes.ts';
import { appendRequest } from './requests.ts';

/** The environment of a new node, by its name: `master`, `s1`, `s2` ... */
type EnvironmentOf = (node: string) => Environment;

export interface Cluster {
  readonly master: Started;
  readonly secondaries: readonly Started[];
  /** For `Target.pids`. */
  readonly pids: Readonly<Record<string, number>>;
}

const nothing: EnvironmentOf = () => ({});

export function startSecondary(number: number, env: Environment = {}): Promise<Started> {
  return startScript('src/secondary.ts', { PORT: 0, NODE_ID: `s${number}`, ...env });
}

/** Starts a master of secondaries on these ports; it may not be ready yet. */
export function startMaster(
  ports: readonly number[],
  env: Environment = {},
  options: readonly string[] = [],
): Promise<Started> {
  const secondaries = ports.map((port, i) => `s${i + 1}=http://127.0.0.1:${port}`).join(',');
  return startScript('src/master.ts', { PORT: 0, SECONDARIES: secondaries, ...env }, options);
}

/** Starts a master with so many secondaries, all of them Healthy. */
export async function startCluster(count: number, envOf = nothing): Promise<Cluster> {
  const secondaries = await Promise.all(
    Array.from({ length: count }, (_, i) => startSecondary(i + 1, envOf(`s${i + 1}`))),
  );
  const ports = secondaries.map(({ port }) => port);
  const master = await startMaster(ports, envOf('master'));
  await until('a healthy cluster', async () => (await health(master)).status === 'ok');
  const names = secondaries.map(({ pid }, i) => [`s${i + 1}`, pid]);
  return { master, secondaries, pids: { master: master.pid, ...Object.fromEntries(names) } };
}

export function health({ port }: Started): Promise<Health> {
  return new ReplicatedLogClient({ nodes: [`http://127.0.0.1:${port}`] }).health();
}

export async function masterHealth(master: Started): Promise<MasterHealth> {
  const said = await health(master);
  if (said.role === 'master') return said;
  throw new Error(`${said.nodeId} is no master`);
}

/**
 * Appends messages of 100 bytes, a thousand at a time, from four connections. The project's client is not used: it
 * gives each append an idempotency key, which takes memory and travels with every entry.
 */
export async function fill({ port }: Started, messages: number, w: number): Promise<void> {
  const BATCH = 1000;
  const batch = protocolOf(appendRequest(100, BATCH, w));
  let left = messages / BATCH;
  const append = async () => {
    while (left > 0) {
      left -= 1;
      await ask(port, batch);
    }
  };
  await Promise.all([append(), append(), append(), append()]);
}

/** Waits until the secondary has one of these statuses. */
export async function untilStatus(master: Started, id: string, statuses: string[]): Promise<void> {
  await until(`${id} to be ${statuses.join(' or ')}`, async () => {
    const secondary = (await masterHealth(master)).secondaries.find((each) => each.id === id);
    return secondary !== undefined && statuses.includes(secondary.status);
  });
}
