/**
 * How long something may go on: until one of the outer signals aborts, or its own time is up. It has a
 * controller and a timer of its own, because on Node 20 `AbortSignal.any` with `AbortSignal.timeout` in it
 * is collected before it fires, and it never leaves it to `fetch` alone to notice that it should end.
 */
import { setMaxListeners } from 'node:events';
import { NoAnswerError } from './errors.ts';

/** The longest delay a timer can count, in ms; beyond it node fires at once. */
const DELAY_MS_MAX = 2 ** 31 - 1;

export class Scope {
  readonly #controller = new AbortController();
  readonly #outer: readonly AbortSignal[];
  #timer: NodeJS.Timeout | undefined;

  /** @param outer what ends it early, with their reason; undefined ones are passed over */
  constructor(outer: readonly (AbortSignal | undefined)[]) {
    this.#outer = outer.filter((signal) => signal !== undefined);
    for (const signal of this.#outer) {
      // Any number of calls may share one signal; node would warn from the eleventh on.
      setMaxListeners(0, signal);
      signal.addEventListener('abort', this.#onOuterAbort);
    }
    this.#onOuterAbort();
  }

  /** Aborts when the scope ends. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends the scope in `ms` from now, unless this is called again, or `rest`, before. */
  expireIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.#controller.abort(new NoAnswerError(`nothing came within ${Math.round(ms)} ms`)),
      Math.min(ms, DELAY_MS_MAX),
    );
  }

  /** Stops its clock. */
  rest(): void {
    clearTimeout(this.#timer);
  }

  /** What `work` becomes; rejects with the signal's reason when the scope ends before. */
  within<Value>(work: Promise<Value>): Promise<Value> {
    const { signal } = this;
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
    });
  }

  /** Waits; rejects with the signal's reason when the scope ends before. */
  async sleep(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.min(ms, DELAY_MS_MAX));
    });
    await this.within(over).finally(() => clearTimeout(timer));
  }

  /** Ends it: no timer and no listener stays, and what still arrives is cancelled. */
  close(): void {
    clearTimeout(this.#timer);
    for (const signal of this.#outer) signal.removeEventListener('abort', this.#onOuterAbort);
    this.#controller.abort();
  }

  readonly #onOuterAbort = () => {
    const aborted = this.#outer.find((signal) => signal.aborted);
    if (aborted !== undefined) this.#controller.abort(aborted.reason);
  };
}
