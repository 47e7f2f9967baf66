/**
 * Real nodes for tests: child processes on loopback, on ports the system picks, with their log as
 * parsed lines.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { after, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { health } from './client.ts';
import { realPorts } from './described.ts';
import { freePort } from './port.ts';
import { inherited, RUNTIME } from './runtime.ts';
import { waitFor } from './wait.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export type Environment = Readonly<Record<string, string | number | boolean>>;

/** One line of a node's log. */
export interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

/** Nodes that still run; they end with the test process at the latest. */
const running = new Set<ChildProcess>();
function killRunning(): void {
  for (const child of running) child.kill('SIGKILL');
}
process.on('exit', killRunning);
// A test that fails early leaves nodes behind, for which its process would wait.
if (process.env.NODE_TEST_CONTEXT !== undefined) after(killRunning);

/** A node as a process. */
export class NodeProcess {
  readonly log: LogLine[] = [];
  stderr = '';
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #exit: Promise<number | null>;
  #port = 0;

  /** @param under a command that starts the node, such as one that limits its resources */
  constructor(
    entry: 'master' | 'secondary',
    environment: Environment,
    under: readonly string[] = [],
  ) {
    const [command, ...args] = [...under, ...RUNTIME] as [string, ...string[]];
    const env = Object.fromEntries(Object.entries(environment).map(([k, v]) => [k, String(v)]));
    this.#child = spawn(command, [...args, join(ROOT, `src/${entry}.ts`)], {
      // Bun reads `.env` in its working directory; that of `make up` is not for these nodes.
      cwd: process.env.RUNTIME === undefined ? ROOT : tmpdir(),
      // No variable of the environment of the tests reaches a node.
      env: { ...inherited(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(this.#child);
    this.#exit = once(this.#child, 'close').then(([code]) => {
      running.delete(this.#child);
      realPorts.delete(this.#port);
      return code as number | null;
    });
    this.#child.stderr?.on('data', (chunk) => {
      this.stderr += chunk;
    });
    this.#lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    this.#lines.on('line', (line) => {
      this.log.push(parsed(line));
    });
  }

  get port(): number {
    return this.#port;
  }

  /** Whether it has not ended yet. */
  get isRunning(): boolean {
    return running.has(this.#child);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** Stops reading its log. */
  pauseLog(): void {
    this.#lines.pause();
  }

  resumeLog(): void {
    this.#lines.resume();
  }

  /** The lines of its log with this event. */
  events(event: string): LogLine[] {
    return this.log.filter((line) => line.event === event);
  }

  /** Resolves when the node listens; fails if it ends instead. */
  async listening(): Promise<this> {
    const ended = this.#exit.then((code) => {
      throw new Error(`the node ended with ${code}: ${this.stderr}`);
    });
    const line = await Promise.race([
      ended,
      waitFor('the node to listen', () => this.events('listening')[0]),
    ]);
    this.#port = line.port as number;
    realPorts.add(this.#port);
    return this;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The exit code, when it has ended; null if a signal ended it. */
  exited(): Promise<number | null> {
    return this.#exit;
  }

  /** Sends the signal and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.signal(signal);
    // A node that a failed test left stopped could not end.
    this.signal('SIGCONT');
    return this.#exit;
  }
}

/** A line of a log; SIGKILL may have cut the last one. */
function parsed(line: string): LogLine {
  try {
    return JSON.parse(line);
  } catch {
    return { level: 'error', event: 'not-json', line };
  }
}

/** Starts a secondary, on a port of the system's choice unless `PORT` is given. */
export function startSecondary(environment: Environment = {}): Promise<NodeProcess> {
  return new NodeProcess('secondary', { PORT: 0, NODE_ID: 's', ...environment }).listening();
}

/** Starts a master for secondaries at these ports, named s1, s2 and so on. */
export function startMaster(ports: number[], environment: Environment = {}): Promise<NodeProcess> {
  const list = ports.map((port, index) => `s${index + 1}=http://127.0.0.1:${port}`);
  return new NodeProcess('master', {
    PORT: 0,
    SECONDARIES: list.join(','),
    ...environment,
  }).listening();
}

/** The same, when it has recovered: it takes appends as far as its quorum goes. */
export async function startRecovered(
  ports: number[],
  environment: Environment = {},
): Promise<NodeProcess> {
  const master = await startMaster(ports, environment);
  await waitFor('the master to recover', () => master.events('recovered')[0]);
  return master;
}

export interface Cluster {
  readonly master: NodeProcess;
  readonly secondaries: NodeProcess[];
}

/** Short intervals of heartbeats, so that tests are fast. */
export const FAST = { HEARTBEAT_INTERVAL_MS: 100, HEARTBEAT_TIMEOUT_MS: 500 };

/** A cluster of a master and secondaries s1, s2 ..., all up and Healthy; stopped after the test. */
export async function startCluster(
  t: TestContext,
  options: { count?: number; master?: Environment; secondary?: Environment } = {},
): Promise<Cluster> {
  const { count = 2, master: masterEnvironment = {}, secondary = {} } = options;
  const ids = Array.from({ length: count }, (_, i) => `s${i + 1}`);
  const secondaries = await Promise.all(
    ids.map((id) => startSecondary({ NODE_ID: id, FAULT_INJECTION: true, ...secondary })),
  );
  const ports = secondaries.map((node) => node.port);
  const master = await startMaster(ports, { ...FAST, ...masterEnvironment });
  stopAfter(t, master, ...secondaries);
  await waitFor('the cluster to be ok', () => isWhole(master));
  return { master, secondaries };
}

/** Whether all nodes are Healthy and complete, so that the master may be lost. */
export async function isWhole(master: NodeProcess): Promise<boolean> {
  const { status, secondaries } = await health(master);
  return status === 'ok' && secondaries.every(({ complete }: { complete: boolean }) => complete);
}

export interface Degraded {
  readonly master: NodeProcess;
  readonly s1: NodeProcess;
  /** Starts s2, for which clients with w=3 wait; stopped after the test. */
  readonly startSecond: () => Promise<NodeProcess>;
}

/** A master with s1 up and s2 not there yet: a quorum, but not all. Stopped after the test. */
export async function startDegraded(
  t: TestContext,
  environment: Environment = {},
): Promise<Degraded> {
  const port = await freePort();
  const s1 = await startSecondary({ NODE_ID: 's1' });
  const master = await startMaster([s1.port, port], { ...FAST, ...environment });
  stopAfter(t, master, s1);
  await waitFor('a quorum', async () => (await health(master)).status === 'degraded');
  const startSecond = async () => {
    const s2 = await startSecondary({ NODE_ID: 's2', PORT: port });
    stopAfter(t, s2);
    return s2;
  };
  return { master, s1, startSecond };
}

/** Stops these nodes when the test is over, and checks that no defect is in their logs. */
export function stopAfter(t: TestContext, ...nodes: NodeProcess[]): void {
  t.after(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    for (const node of nodes) {
      assert.deepEqual([...node.events('defect'), ...node.events('handler-failed')], []);
    }
  });
}
