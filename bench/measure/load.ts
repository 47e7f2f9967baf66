/** The load generator, as who measures sees it: a child process that plays slices. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { SliceCount, SliceSpec, WorkerAnswer } from '../load/worker.ts';
import { cpuMsOf } from './usage.ts';

/** A slice as it was seen from both ends. */
export interface Slice extends SliceCount {
  /** CPU of each watched process while it was measured, in ms, by name. */
  readonly cpuMsBy: Readonly<Record<string, number>>;
}

export class LoadGenerator {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = fork(new URL('../load/worker.ts', import.meta.url), { stdio: 'inherit' });
  }

  /** Plays one slice. Rejects if any answer is a failure. */
  async play(spec: SliceSpec, watched: Readonly<Record<string, number>>): Promise<Slice> {
    const usage = () => Object.entries(watched).map(([name, pid]) => [name, cpuMsOf(pid)] as const);
    let before: ReturnType<typeof usage> = [];
    let after: ReturnType<typeof usage> = [];
    this.#child.send(spec);
    for (;;) {
      const [answer] = (await once(this.#child, 'message')) as [WorkerAnswer];
      if (answer.kind === 'measuring') before = usage();
      else if (answer.kind === 'measured') after = usage();
      else if (answer.kind === 'failed') throw new Error(answer.reason);
      else {
        const used = after.map(([name, ms], i) => [name, ms - (before[i]?.[1] ?? 0)] as const);
        return { ...answer.count, cpuMsBy: Object.fromEntries(used) };
      }
    }
  }

  end(): void {
    this.#child.disconnect();
  }
}
