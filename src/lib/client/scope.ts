/**
 * The lifetime of an operation: it ends when an outer signal aborts or its own time is up. It has a controller and
 * a timer of its own, because on Node 20 `AbortSignal.any` over an `AbortSignal.timeout` may be collected before
 * it fires. Nor does it rely on `fetch` to notice an abort.
 */
import { setMaxListeners } from 'node:events';
import { NoAnswerError } from './errors.ts';

/** The longest delay of a timer, in ms; node fires at once for a longer one. */
const DELAY_MS_MAX = 2 ** 31 - 1;

export class Scope {
  readonly #controller = new AbortController();
  readonly #outer: readonly AbortSignal[];
  #timer: NodeJS.Timeout | undefined;

  /** @param outer signals that end the scope with their reason; undefined ones are ignored */
  constructor(outer: readonly (AbortSignal | undefined)[]) {
    this.#outer = outer.filter((signal) => signal !== undefined);
    for (const signal of this.#outer) {
      // Any number of calls may share one signal; node would warn from the eleventh listener on.
      setMaxListeners(0, signal);
      signal.addEventListener('abort', this.#onOuterAbort);
    }
    this.#onOuterAbort();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends the scope after `ms`, unless `expireIn` or `rest` is called before. */
  expireIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.#controller.abort(new NoAnswerError(`nothing came within ${Math.round(ms)} ms`)),
      Math.min(ms, DELAY_MS_MAX),
    );
  }

  /** Stops the timer of `expireIn`. */
  rest(): void {
    clearTimeout(this.#timer);
  }

  /** Settles as `work` does; rejects with the signal's reason if the scope ends first. */
  within<Value>(work: Promise<Value>): Promise<Value> {
    const { signal } = this;
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
    });
  }

  /** Waits; rejects with the signal's reason if the scope ends first. */
  async sleep(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.min(ms, DELAY_MS_MAX));
    });
    await this.within(over).finally(() => clearTimeout(timer));
  }

  /** Ends the scope: removes its timer and listeners, and cancels what still arrives. */
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
