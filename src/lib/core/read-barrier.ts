/**
 * Readers that wait for what this node does not show yet: a read barrier (`minSeq`), or a tail. It is
 * a write concern of one node, this one. A reader may be woken early, and looks again.
 */
import { type WaitEnd, type Waiter, WriteConcernTracker } from './write-concern.ts';

/** Why the wait of a reader ended; after `time-is-up` it may also be that the log became shorter. */
export type ReadEnd = Exclude<WaitEnd, 'fenced'>;

export class ReadBarrier {
  readonly #tracker = new WriteConcernTracker(1);
  #length = 0;
  #revision = 0;
  #isStopped = false;

  /** When `expire` has something to do next, in ms; Infinity for never. */
  get nextDeadline(): number {
    return this.#tracker.nextDeadline;
  }

  /**
   * Waits until the node shows `seq`, to `deadline` in ms at the latest; `onEnd` is called once, later.
   * Null, and never a call, once the node stops.
   */
  await(seq: number, deadline: number, now: number, onEnd: (end: ReadEnd) => void): Waiter | null {
    if (this.#isStopped) return null;
    const told = (end: WaitEnd) => onEnd(end as ReadEnd);
    const waiter: Waiter = { seq, w: 1, deadline, since: now, onEnd: told };
    this.#tracker.add(waiter);
    return waiter;
  }

  /** A reader went away. */
  cancel(waiter: Waiter): void {
    this.#tracker.remove(waiter);
  }

  /**
   * So much is shown now, of a log of this revision (see `Log`). When it is less than before, or another revision,
   * everybody has to look again.
   */
  shows(length: number, revision: number): void {
    const isOther = length < this.#length || revision !== this.#revision;
    if (isOther) this.#tracker.endAll('time-is-up');
    this.#revision = revision;
    if (length === this.#length) return;
    this.#length = length;
    this.#tracker.update([length]);
  }

  /** Wakes those whose time is up. */
  expire(now: number): void {
    this.#tracker.expire(now);
  }

  /** Nobody can wait any more. */
  stop(): void {
    this.#isStopped = true;
    this.#tracker.endAll('stopping');
  }
}
