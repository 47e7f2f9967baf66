/** The processes that are measured: started on free ports, ended with this one at the latest. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What runs the servers; `RUNTIME=...` names another node, or Bun. */
export const RUNTIME = process.env.RUNTIME?.split(' ') ?? [process.execPath, '--import', 'tsx'];

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

export type Environment = Readonly<Record<string, string | number | boolean>>;

/** A process that was started. */
export class Started {
  readonly #child: ChildProcess;
  port = 0;

  constructor(command: string, args: readonly string[], env: Environment = {}) {
    this.#child = spawn(command, args, {
      cwd: ROOT,
      env: {
        PATH: process.env.PATH,
        ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, String(value)])),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    running.add(this.#child);
    this.#child.once('exit', () => running.delete(this.#child));
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** Waits for a line of its log with this event; takes the port from it if it names one. */
  async event(name: string): Promise<this> {
    const lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    for await (const line of lines) {
      if (!line.includes(`"event":"${name}"`)) continue;
      const { port } = JSON.parse(line) as { port?: number };
      if (port !== undefined) this.port = port;
      break;
    }
    this.#child.stdout?.resume();
    return this;
  }

  /** Throws away what it prints. */
  quiet(): this {
    this.#child.stdout?.resume();
    return this;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!running.has(this.#child)) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill(signal);
    await exited;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

/** Starts a file of this project and waits until it listens. */
export function startScript(path: string, env: Environment = {}): Promise<Started> {
  const [command, ...args] = RUNTIME as [string, ...string[]];
  return new Started(command, [...args, path], env).event('listening');
}

export interface Cluster {
  readonly master: Started;
  readonly secondaries: readonly Started[];
  /** For `Target.pids`. */
  readonly pids: Readonly<Record<string, number>>;
  stop(): Promise<void>;
}

/** Starts a master with so many secondaries, ready for appends. */
export async function startCluster(
  secondaryCount: number,
  env: Environment = {},
  secondaryEnv: Environment = env,
): Promise<Cluster> {
  const secondaries = await Promise.all(
    Array.from({ length: secondaryCount }, (_, i) =>
      startScript('src/secondary.ts', { PORT: 0, NODE_ID: `s${i + 1}`, ...secondaryEnv }),
    ),
  );
  const master = await startScript('src/master.ts', {
    PORT: 0,
    SECONDARIES: secondaries.map(({ port }, i) => `s${i + 1}=http://127.0.0.1:${port}`).join(','),
    ...env,
  });
  await ready(master.port);
  const all = [master, ...secondaries];
  return {
    master,
    secondaries,
    pids: Object.fromEntries(all.map(({ pid }, i) => [i === 0 ? 'master' : `secondary ${i}`, pid])),
    stop: async () => {
      await Promise.all(all.map((node) => node.stop()));
    },
  };
}

/** Waits until the node is ready. */
export async function ready(port: number, deadlineMs = 30_000): Promise<void> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
    await answer?.arrayBuffer();
    if (answer?.ok) return;
    if (performance.now() > end) throw new Error(`nothing ready on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A port that nobody has now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
