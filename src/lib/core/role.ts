/**
 * What a node is in every role, be it master or secondary: it works on a replica, which outlives the role,
 * shows what is in it, and is told of time and of the disk.
 */
import type { KeyIndex } from './log/idempotency.ts';
import type { Log } from './log/log.ts';
import type { Replica } from './log/replica.ts';

export abstract class Role {
  protected readonly replica: Replica;

  constructor(replica: Replica) {
    this.replica = replica;
  }

  /** How many messages it shows. */
  abstract get length(): number;

  /** More of what was written has become durable. */
  abstract synced(): void;

  /** Does what is due at `now`, in ms. `random()` gives numbers in [0, 1). */
  abstract tick(now: number, random: () => number): void;

  /** When `tick` has something to do next, in ms; Infinity for never. */
  abstract nextWakeAt(): number;

  get log(): Log {
    return this.replica.log;
  }

  get keys(): KeyIndex {
    return this.replica.keys;
  }

  /** Which log this is; null while empty. */
  get logId(): string | null {
    return this.replica.logId;
  }

  /**
   * The epoch of the newest master whose whole log is here: while it stays the same, the log only grows. (The
   * node may have heard of a newer epoch, and not know yet which of its entries that master has.)
   */
  get logEpoch(): number {
    return this.replica.newest.epoch;
  }

  /** The highest epoch it has promised: the one that a master writes under; 0 while empty. */
  get epoch(): number {
    return this.replica.ballot.epoch;
  }

  /** Whether it has lost nothing that it could have acknowledged. */
  get isComplete(): boolean {
    return this.replica.isComplete;
  }

  /** Up to where it knows that a majority holds what it shows, so that no later master can take it back. */
  get committed(): number {
    return Math.min(this.replica.committed, this.length);
  }

  /** How many entries were cut off in this run, because a better log did not have them. */
  get discarded(): number {
    return this.replica.discarded;
  }
}
