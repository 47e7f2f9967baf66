/** The load generator: a child process that plays slices. */
import { type ChildProcess, fork } from 'node:child_process';
import type { SliceCount, SliceSpec, WorkerAnswer, WorkerOrder } from '../load/worker.ts';
import { endWithThisProcess } from './running.ts';
import { cpuMsOf, machineCpuMs } from './usage.ts';

/** The counts of a slice, with the CPU time on both ends. */
export interface Slice extends SliceCount {
  /** CPU of each watched process and of the load generator while it was measured, in ms. */
  readonly cpuMsBy: Readonly<Record<string, number>>;
  /** CPU of the whole machine meanwhile, in ms. */
  readonly machineMs: number;
}

/** A slice that is being measured. */
interface RunningSlice {
  readonly over: Promise<Slice>;
  /** Ends the slice, if it has no time of its own. */
  end(): Promise<Slice>;
}

export class LoadGenerator {
  readonly #child: ChildProcess;
  #onAnswer: (answer: WorkerAnswer) => void = () => {};

  constructor() {
    this.#child = fork(new URL('../load/worker.ts', import.meta.url), { stdio: 'inherit' });
    endWithThisProcess(this.#child);
    this.#child.on('message', (answer: WorkerAnswer) => this.#onAnswer(answer));
    this.#child.on('exit', () => {
      this.#onAnswer({ kind: 'failed', reason: 'the load generator has ended' });
    });
  }

  /** Plays one slice. Rejects if any answer is a failure. */
  async play(spec: SliceSpec, pids: Readonly<Record<string, number>>): Promise<Slice> {
    return (await this.begin(spec, pids)).over;
  }

  /** Begins a slice; resolves when its measurement begins. */
  begin(spec: SliceSpec, pids: Readonly<Record<string, number>>): Promise<RunningSlice> {
    const usage = () => ({
      machineMs: machineCpuMs(),
      by: Object.entries(pids).map(([name, pid]) => [name, cpuMsOf(pid)] as const),
    });
    let before = usage();
    let after = before;
    return new Promise((begun, notBegun) => {
      const over = new Promise<Slice>((resolve, reject) => {
        this.#onAnswer = (answer) => {
          if (answer.kind === 'measuring') {
            before = usage();
            begun({ over, end: () => this.#end(over) });
          } else if (answer.kind === 'measured') after = usage();
          else if (answer.kind === 'failed') reject(new Error(answer.reason));
          else {
            const used = after.by.map(([name, ms], i) => [name, ms - (before.by[i]?.[1] ?? 0)]);
            const cpuMsBy = { load: answer.count.cpuMs, ...Object.fromEntries(used) };
            const machineMs = after.machineMs - before.machineMs;
            resolve({ ...answer.count, cpuMsBy, machineMs });
          }
        };
      });
      over.catch(notBegun);
      this.#order(spec);
    });
  }

  #end(over: Promise<Slice>): Promise<Slice> {
    this.#order('end');
    return over;
  }

  #order(order: WorkerOrder): void {
    if (this.#child.connected) this.#child.send(order);
    else this.#onAnswer({ kind: 'failed', reason: 'the load generator has ended' });
  }
}
