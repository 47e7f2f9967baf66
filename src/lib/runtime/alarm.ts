/** The one timer of a process: rings when the core has something to do. */

import { TIMER_MS_MAX } from '../http/limits.ts';

export class Alarm {
  readonly #now: () => number;
  readonly #ring: () => void;
  #timer: NodeJS.Timeout | undefined;
  #setFor = Number.POSITIVE_INFINITY;

  constructor(now: () => number, ring: () => void) {
    this.#now = now;
    this.#ring = ring;
  }

  /** Rings at `at` (ms on the clock of `now`) at the latest. It may ring earlier. */
  setBy(at: number): void {
    if (at >= this.#setFor) return;
    clearTimeout(this.#timer);
    this.#setFor = at;
    const delayMs = Math.min(Math.max(0, Math.ceil(at - this.#now())), TIMER_MS_MAX);
    this.#timer = setTimeout(() => {
      this.#setFor = Number.POSITIVE_INFINITY;
      this.#ring();
    }, delayMs);
  }

  /** Does not ring until it is set again. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#setFor = Number.POSITIVE_INFINITY;
  }
}
