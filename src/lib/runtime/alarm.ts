/** The one timer of a process: rings when the core says it has something to do next. */

/** The longest delay a timer can count, in ms; beyond it node fires at once. */
const DELAY_MS_MAX = 2 ** 31 - 1;

export class Alarm {
  readonly #now: () => number;
  readonly #ring: () => void;
  #timer: NodeJS.Timeout | undefined;
  #setFor = Number.POSITIVE_INFINITY;

  constructor(now: () => number, ring: () => void) {
    this.#now = now;
    this.#ring = ring;
  }

  /** Makes sure the alarm rings at `at` (ms on the same clock) or, as it may, earlier. */
  setBy(at: number): void {
    if (at >= this.#setFor) return;
    clearTimeout(this.#timer);
    this.#setFor = at;
    const delayMs = Math.min(Math.max(0, Math.ceil(at - this.#now())), DELAY_MS_MAX);
    this.#timer = setTimeout(() => {
      this.#setFor = Number.POSITIVE_INFINITY;
      this.#ring();
    }, delayMs);
  }

  /** Never rings again unless it is set anew. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#setFor = Number.POSITIVE_INFINITY;
  }
}
