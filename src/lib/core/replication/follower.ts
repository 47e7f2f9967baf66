/**
 * What a tail is told next, and what it must be told to forget. Nothing is skipped in silence: when entries that it
 * was told, or brought from elsewhere, are not in the log any more, it is reset to the first that may differ.
 */
import type { Log } from '../log/log.ts';
import {
  comparePosition,
  type LogPosition,
  type NameDigests,
  type Reset,
} from '../log/log-position.ts';

/** The log of a node; always the same object, whatever becomes of its entries. */
export interface FollowedLog {
  readonly log: Log;
  readonly logId: string | null;
}

export class Follower {
  readonly #view: FollowedLog;
  readonly #shown: () => number;
  readonly #digests: NameDigests;
  #next: number;
  /** What the reader brought, until this node can tell what it is worth. */
  #brought: LogPosition | null;
  /** Up to where what the reader has was the same as this log when it had been cut `#cuts` times. */
  #matched = 0;
  #cuts: number;
  #logId: string | null;

  /**
   * @param shown how many entries it may be told now
   * @param start the seq to begin with, or the last entry that was told elsewhere
   */
  constructor(
    view: FollowedLog,
    shown: () => number,
    start: number | LogPosition,
    digests: NameDigests,
  ) {
    this.#view = view;
    this.#shown = shown;
    this.#digests = digests;
    this.#brought = typeof start === 'number' ? null : start;
    this.#next = typeof start === 'number' ? start : start.seq + 1;
    this.#cuts = view.log.cuts;
    this.#logId = view.logId;
  }

  /** The seq to be told next. */
  get next(): number {
    return this.#next;
  }

  /** The last seq that may be told now; none if it is before `next`. */
  get last(): number {
    return this.#brought === null ? this.#shown() : 0;
  }

  /** The seq that makes it worth to look again once it is shown. */
  get awaited(): number {
    return this.#brought?.seq ?? this.#next;
  }

  /** Looks at what has become of the log; call it before anything is told. Returns what the reader must hear first. */
  look(): Reset | null {
    return this.#brought === null ? this.#lookForCuts() : this.#compare(this.#brought);
  }

  /** All up to `last` was told. */
  told(last: number): void {
    this.#next = last + 1;
    this.#matched = last;
  }

  #compare(brought: LogPosition): Reset | null {
    const { log, logId } = this.#view;
    const compared = { logId, starts: log.epochs, length: log.length, shown: this.#shown() };
    const found = comparePosition(compared, brought, this.#digests);
    if (found === 'behind') return null;
    this.#brought = null;
    this.#cuts = log.cuts;
    this.#logId = logId;
    if (found !== 'same') return this.#reset(found);
    this.#matched = brought.seq;
    return null;
  }

  #lookForCuts(): Reset | null {
    const { log, logId } = this.#view;
    if (log.cuts !== this.#cuts) {
      // An emptied log gets its name, and its first entries, in a moment.
      if (log.epochs.length === 0) return null;
      const kept = log.lowestCutSince(this.#cuts);
      const reason = logId === this.#logId ? 'cut' : 'other-log';
      this.#cuts = log.cuts;
      this.#logId = logId;
      if (kept < this.#matched) return this.#reset({ from: kept + 1, reason });
    }
    this.#logId = logId;
    // Of a bare seq nobody knows which log it is from; it counts for this one as soon as it is reached.
    this.#matched = Math.max(this.#matched, Math.min(this.#next - 1, this.#shown()));
    return null;
  }

  #reset(reset: Reset): Reset {
    this.#next = reset.from;
    this.#matched = reset.from - 1;
    return reset;
  }
}
