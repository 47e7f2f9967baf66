/**
 * What anybody may know of the log of a node: the part that a master, a candidate and a secondary have in
 * common. All of it is read from the replica, which outlives every role.
 */
import type { KeyIndex } from './log/idempotency.ts';
import type { Log } from './log/log.ts';
import type { Replica } from './log/replica.ts';

export abstract class NodeView {
  protected readonly replica: Replica;

  constructor(replica: Replica) {
    this.replica = replica;
  }

  /** How many messages it shows. */
  abstract get length(): number;

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

  /** The epoch its log was written on under: by the newest master whose whole log is here. */
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
