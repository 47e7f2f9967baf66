/**
 * What a tail is told next, and when it is reset. Nothing is skipped in silence: when entries that the reader was
 * told, here or by another node, are not in the log any more, the tail goes back to the first seq that may differ.
 */
import { countStarts } from '../log/epochs.ts';
import type { Log } from '../log/log.ts';
import {
  comparePosition,
  type LogPosition,
  type NameDigests,
  type Reset,
} from '../log/log-position.ts';
import type { ReadConcern } from './read-barrier.ts';

/** The log of a node; the object stays the same when the log is cut or replaced. */
export interface FollowedLog {
  readonly log: Log;
  readonly logId: string | null;
}

export class Follower {
  readonly #view: FollowedLog;
  readonly #shown: () => number;
  readonly #digests: NameDigests;
  readonly #concern: ReadConcern;
  #next: number;
  /** The position that the reader came with, until this log is long enough to compare it. */
  #brought: LogPosition | null;
  /** Up to here the reader had the same as this log at the time when the log had been cut `#cuts` times. */
  #matched = 0;
  #cuts: number;
  #logId: string | null;

  /**
   * @param shown how many entries it may be told now
   * @param start the seq to begin with, or the last entry that was told elsewhere
   * @param concern with `majority` only what is committed is compared with that entry: what a deposed master has
   *   written behind it takes nothing back
   */
  constructor(
    view: FollowedLog,
    shown: () => number,
    start: number | LogPosition,
    digests: NameDigests,
    concern: ReadConcern = 'local',
  ) {
    this.#view = view;
    this.#shown = shown;
    this.#digests = digests;
    this.#concern = concern;
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

  /** The seq to wait for before the next look. */
  get awaited(): number {
    return this.#brought?.seq ?? this.#next;
  }

  /** Checks whether the log was cut or replaced; call it before telling entries. Returns the reset to tell first. */
  look(): Reset | null {
    return this.#brought === null ? this.#lookForCuts() : this.#compare(this.#brought);
  }

  /** Everything up to `last` was told. */
  told(last: number): void {
    this.#next = last + 1;
    this.#matched = last;
  }

  #compare(brought: LogPosition): Reset | null {
    const { log, logId } = this.#view;
    const shown = this.#shown();
    const length = this.#concern === 'majority' ? shown : log.length;
    const starts =
      this.#concern === 'majority'
        ? log.epochs.slice(0, countStarts(log.epochs, shown))
        : log.epochs;
    const compared = { logId, starts, length, shown };
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
      // A log that was just emptied is about to get its name and its first entries.
      if (log.epochs.length === 0) return null;
      const kept = log.lowestCutSince(this.#cuts);
      const reason = logId === this.#logId ? 'cut' : 'other-log';
      this.#cuts = log.cuts;
      this.#logId = logId;
      if (kept < this.#matched) return this.#reset({ from: kept + 1, reason });
    }
    this.#logId = logId;
    // A bare seq does not name its log: it is taken for one of this log once this log is as long.
    this.#matched = Math.max(this.#matched, Math.min(this.#next - 1, this.#shown()));
    return null;
  }

  #reset(reset: Reset): Reset {
    this.#next = reset.from;
    this.#matched = reset.from - 1;
    return reset;
  }
}
