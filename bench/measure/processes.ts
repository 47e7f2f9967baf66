/** Starts the processes that are measured, on free ports, and reads their logs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { settings } from '../settings.ts';
import { endWithThisProcess } from './running.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export type Environment = Readonly<Record<string, string | number | boolean>>;

/** One line of a process's log, and when it was read. */
export interface LogLine {
  readonly event: string;
  readonly at: number;
  readonly [field: string]: unknown;
}

export class Started {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #log: LogLine[] = [];
  readonly #ended: Promise<unknown>;
  #errors = '';
  #hasEnded = false;
  port = 0;

  constructor(command: string, args: readonly string[], env: Environment = {}) {
    this.#child = spawn(command, args, {
      cwd: ROOT,
      env: {
        PATH: settings.path,
        ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, String(value)])),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    endWithThisProcess(this.#child);
    this.#ended = new Promise((resolve) => {
      const onEnd = (how: unknown) => {
        this.#hasEnded = true;
        resolve(how);
      };
      this.#child.once('close', onEnd).once('error', onEnd);
    });
    this.#child.stderr?.on('data', (chunk) => {
      this.#errors = (this.#errors + chunk).slice(-2000);
    });
    this.#lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    this.#lines.on('line', (line) => {
      if (line.startsWith('{"') && line.includes('"event":')) {
        this.#log.push({ ...JSON.parse(line), at: performance.now() });
      }
    });
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** The first line of its log so far with this event that `isMeant`. */
  logged(name: string, isMeant: (line: LogLine) => boolean = () => true): LogLine | undefined {
    return this.#log.find((line) => line.event === name && isMeant(line));
  }

  /** Waits for the first line with this event. */
  async event(name: string): Promise<LogLine> {
    for (;;) {
      const line = this.logged(name);
      if (line !== undefined) return line;
      if (this.#hasEnded) throw new Error(`a server has ended: ${this.#errors}`);
      await Promise.race([once(this.#lines, 'line'), this.#ended]);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Sends the signal and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.signal(signal);
    await this.#ended;
  }
}

/** Starts a file of this project and waits until it listens. */
export async function startScript(
  path: string,
  env: Environment = {},
  options: readonly string[] = [],
): Promise<Started> {
  const [command, ...args] = settings.runtime as [string, ...string[]];
  const started = new Started(command, [...args, ...options, path], env);
  const { port } = await started.event('listening');
  started.port = port as number;
  return started;
}

/** Polls until `condition` returns a value; rejects after the deadline. */
export async function until<Value>(
  what: string,
  condition: () => Promise<Value | null | false>,
  { deadlineMs = 60_000, everyMs = 10 } = {},
): Promise<Value> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const value = await condition().catch(() => null);
    if (value !== null && value !== false) return value;
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
