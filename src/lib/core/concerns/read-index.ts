/**
 * Linearizable reads on a master, without clocks or leases (ReadIndex; Ongaro, "Consensus: Bridging Theory and
 * Practice", 6.4). A read notes the length of the log when it arrives. It may be answered when a majority has answered
 * a question that was asked later, so that no newer master had been at work until the read arrived, and when a majority
 * holds that length, so that nothing that is shown can be taken back. Reads that wait share the questions.
 */

/** Why such a wait ended; only `confirmed` lets the read be answered. */
export type ConfirmEnd = 'confirmed' | 'time-is-up' | 'stopping' | 'fenced';

export interface ReadWait {
  /** The question that was asked last when the read arrived. */
  readonly question: number;
  /** The length of the log then. */
  readonly length: number;
  /** In ms on the core's clock; Infinity for never. */
  readonly deadline: number;
  /** Called exactly once, later, unless the wait was cancelled. */
  readonly onEnd: (end: ConfirmEnd) => void;
}

export class ReadIndex {
  /** In the order of arrival, in which neither questions nor lengths ever fall. */
  #waits: ReadWait[] = [];

  /** How many reads wait. */
  get waiting(): number {
    return this.#waits.length;
  }

  /** The earliest deadline; Infinity if there is none. */
  get nextDeadline(): number {
    return this.#waits.reduce(
      (at, { deadline }) => Math.min(at, deadline),
      Number.POSITIVE_INFINITY,
    );
  }

  add(wait: ReadWait): void {
    this.#waits.push(wait);
  }

  /** The reader went away. */
  cancel(wait: ReadWait): void {
    this.#waits = this.#waits.filter((one) => one !== wait);
  }

  /**
   * Ends the waits that are confirmed.
   * @param answered the last question that a majority has answered
   * @param committed the length that a majority holds
   */
  settle(answered: number, committed: number): void {
    const isOpen = ({ question, length }: ReadWait) => question >= answered || length > committed;
    const count = this.#waits.findIndex(isOpen);
    this.#end(this.#waits.splice(0, count < 0 ? this.#waits.length : count), 'confirmed');
  }

  /** Ends the waits whose deadline has come. */
  expire(now: number): void {
    const expired = this.#waits.filter(({ deadline }) => deadline <= now);
    if (expired.length === 0) return;
    this.#waits = this.#waits.filter(({ deadline }) => deadline > now);
    this.#end(expired, 'time-is-up');
  }

  /** Ends every wait, for this reason. */
  endAll(end: ConfirmEnd): void {
    this.#end(this.#waits.splice(0), end);
  }

  #end(waits: readonly ReadWait[], end: ConfirmEnd): void {
    for (const wait of waits) wait.onEnd(end);
  }
}
