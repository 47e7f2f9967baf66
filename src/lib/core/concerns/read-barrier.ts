/**
 * Readers that wait for entries this node does not show yet: a read barrier (`minSeq`), or a tail. It counts
 * like a cluster of two: one node holds what is shown, the other what is known to be committed. A reader
 * may be woken too early, so it must look again.
 */
import { type WaitEnd, type Waiter, WriteConcernTracker } from './write-concern.ts';

/** Why the wait of a reader ended. `time-is-up` is also the end when the log was cut: look again. */
export type ReadEnd = Exclude<WaitEnd, 'fenced'>;

/** What a reader is shown: all that this node has, or only what no later master can take back. */
export type ReadConcern = 'local' | 'majority';

/** Up to where a node shows its log to readers of each concern. */
export interface Shown {
  readonly length: number;
  readonly committed: number;
}

/** How many entries a reader of this concern is shown. */
export function shownTo({ length, committed }: Shown, concern: ReadConcern): number {
  return concern === 'majority' ? Math.min(committed, length) : length;
}

/** The larger of the two lengths is what is shown, so it holds at w = 1; both hold what is committed. */
const RANKS = { local: 1, majority: 2 } as const;

export class ReadBarrier {
  readonly #tracker = new WriteConcernTracker(2);
  #length = 0;
  #committed = 0;
  #revision = 0;
  #isStopped = false;

  /** When `expire` has something to do next, in ms; Infinity for never. */
  get nextDeadline(): number {
    return this.#tracker.nextDeadline;
  }

  /**
   * Waits until the node shows `seq` to readers of this concern, to `deadline` in ms at the latest; `onEnd` is
   * called once, later. Null, and never a call, once the node stops.
   */
  await(
    seq: number,
    concern: ReadConcern,
    deadline: number,
    now: number,
    onEnd: (end: ReadEnd) => void,
  ): Waiter | null {
    if (this.#isStopped) return null;
    const waiter = { seq, w: RANKS[concern], deadline, since: now, onEnd } as Waiter;
    this.#tracker.add(waiter);
    return waiter;
  }

  /** A reader went away. */
  cancel(waiter: Waiter): void {
    this.#tracker.remove(waiter);
  }

  /**
   * Sets what is shown now, of a log of this revision (see `Log`). If it is less than before, or of another
   * revision, every wait ends, for all readers must look again.
   */
  shows(shown: Shown, revision: number): void {
    const { length } = shown;
    const committed = shownTo(shown, 'majority');
    const isOther = length < this.#length || revision !== this.#revision;
    if (isOther) this.#tracker.endAll('time-is-up');
    this.#revision = revision;
    if (length === this.#length && committed === this.#committed) return;
    this.#length = length;
    this.#committed = committed;
    this.#tracker.update([length, committed]);
  }

  /** Wakes those whose time is up. */
  expire(now: number): void {
    this.#tracker.expire(now);
  }

  /** Ends every wait; nobody can wait from now on. */
  stop(): void {
    this.#isStopped = true;
    this.#tracker.endAll('stopping');
  }
}
