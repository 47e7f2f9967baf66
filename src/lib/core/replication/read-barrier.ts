/**
 * Readers that wait for what this node does not show yet: a read barrier (`minSeq`), or a tail. It is
 * a write concern of two lengths: what this node shows, and what it knows to be committed. A reader may be woken
 * early, and looks again.
 */
import { type WaitEnd, type Waiter, WriteConcernTracker } from './write-concern.ts';

/** Why the wait of a reader ended; after `time-is-up` it may also be that the log became shorter. */
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

/** The largest of the two lengths is what is shown, the next one what is committed. */
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
    const told = (end: WaitEnd) => onEnd(end as ReadEnd);
    const waiter: Waiter = { seq, w: RANKS[concern], deadline, since: now, onEnd: told };
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

  /** Nobody can wait any more. */
  stop(): void {
    this.#isStopped = true;
    this.#tracker.endAll('stopping');
  }
}
