/**
 * What one node holds, be it master or secondary: a log, its keys, the newest ballot it has seen,
 * and a journal that may keep it all for longer than the process lives. Every change goes to the
 * journal first: what has no room there did not happen.
 */
import {
  type Ballot,
  compareBallots,
  goesWith,
  NO_BALLOT,
  newerBallot,
} from '../recovery/ballot.ts';
import { type EpochStart, sharedLength } from './epochs.ts';
import type { HashKey } from './half-sip-hash.ts';
import { KeyIndex } from './idempotency.ts';
import { type EntryKeys, type Journal, MEMORY } from './journal.ts';
import { Log } from './log.ts';
import type { PackedMessages } from './messages.ts';

const NO_STARTS: readonly EpochStart[] = [];

/** What the journal had when the node started. */
export interface Restored {
  readonly logId: string | null;
  readonly ballot: Ballot;
  readonly log: Log;
  readonly keys: KeyIndex;
  readonly isComplete: boolean;
}

export class Replica {
  readonly log: Log;
  readonly keys: KeyIndex;
  readonly #journal: Journal;
  #logId: string | null;
  #ballot: Ballot;
  /** The newest ballot that the journal has kept. */
  #durableBallot: Ballot;
  #isComplete: boolean;
  #committed = 0;
  #discarded = 0;

  /** @param hashKey hides from clients how their keys are found; what was kept has its own */
  constructor(journal: Journal = MEMORY, restored: Restored | null = null, hashKey?: HashKey) {
    this.#journal = journal;
    this.log = restored?.log ?? new Log();
    this.keys = restored?.keys ?? new KeyIndex(hashKey);
    this.#logId = restored?.logId ?? null;
    this.#ballot = restored?.ballot ?? NO_BALLOT;
    this.#durableBallot = this.#ballot;
    this.#isComplete = restored?.isComplete ?? false;
  }

  /** Bytes of memory that the entries take, with their keys and what finds them. */
  get bytes(): number {
    return this.log.bytes + this.keys.bytes;
  }

  /** Which log this is; null while empty. */
  get logId(): string | null {
    return this.#logId;
  }

  /** Whether there is a log. A node that has only heard of one, and taken no frame of it, has none. */
  get hasLog(): boolean {
    return this.log.length > 0 || this.log.epochs.length > 0;
  }

  /** Whether this node has lost nothing that it could have acknowledged. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Up to where the log is known to be committed: no later master can take that back. */
  get committed(): number {
    return this.#committed;
  }

  /** The newest ballot seen; older ones are refused. */
  get ballot(): Ballot {
    return this.#ballot;
  }

  /** The newest ballot that survives a crash; older than `ballot` while the disk is full. */
  get durableBallot(): Ballot {
    return this.#durableBallot;
  }

  /** How many entries a crash of the process would leave; all of them where nothing outlives it. */
  get durableLength(): number {
    return Math.min(this.log.length, this.#journal.durableLength);
  }

  /** How many entries were cut off in this run. */
  get discarded(): number {
    return this.#discarded;
  }

  /** The newest epoch whose starting log it has in full, and who wrote it: the log is written on under this ballot. */
  get newest(): EpochStart {
    return this.log.epochs.at(-1) ?? { ...NO_BALLOT, firstSeq: 1 };
  }

  /** How many durable entries count: none before all is durable that there was when the epoch began. */
  get countedLength(): number {
    const { durableLength } = this;
    return durableLength >= this.newest.firstSeq - 1 ? durableLength : 0;
  }

  /** Whether appended entries are durable at once, so that nobody has to wait for it. */
  get isDurableAtOnce(): boolean {
    return this.#journal.isDurableAtOnce;
  }

  /**
   * Begins an empty log of this name; one of another name is set aside. The promise that was made
   * outlives it: a master that was too old for this node stays so. False if there is no room.
   */
  begin(logId: string): boolean {
    if (!this.#journal.begin(logId, this.#ballot)) return false;
    this.#discarded += this.log.length;
    this.log.clear();
    this.keys.truncate(0);
    this.#durableBallot = this.#ballot;
    this.#isComplete = false;
    this.#committed = 0;
    this.#logId = logId;
    return true;
  }

  /** Records that this node is complete. False if there is no room to store that. */
  becomeComplete(): boolean {
    if (!this.#isComplete) this.#isComplete = this.#journal.complete();
    return this.#isComplete;
  }

  /** The log is committed up to `length`, or to its own end if that comes before. */
  commit(length: number): void {
    this.#committed = Math.max(this.#committed, Math.min(length, this.log.length));
  }

  /**
   * Begins an epoch: everything is here that the master of this ballot had when it began to write, and what is appended
   * from now on is its own. False if there is no room.
   */
  beginEpoch(ballot: Ballot): boolean {
    if (goesWith(ballot, this.newest)) return true;
    if (!this.#journal.beginEpoch(ballot)) return false;
    this.log.beginEpoch(ballot);
    return true;
  }

  /** Promises a ballot; returns whether it is newer than all before. */
  promise({ epoch, writer }: Ballot): boolean {
    const ballot = { epoch, writer };
    const isNewer = compareBallots(ballot, this.#ballot) > 0;
    this.#ballot = newerBallot(this.#ballot, ballot);
    // While the disk is full the promise is only in memory: it ends with this incarnation.
    if (this.#durableBallot !== this.#ballot && this.#journal.promise(this.#ballot)) {
      this.#durableBallot = this.#ballot;
    }
    return isNewer;
  }

  /**
   * Appends entries, the first of them under `ballot`; `later` are the epochs that begin behind it, one
   * of them perhaps right behind the last entry. False if there is no room: nothing was appended.
   */
  append(
    messages: PackedMessages,
    ballot: Ballot,
    keys: EntryKeys,
    later: readonly EpochStart[] = NO_STARTS,
  ): boolean {
    // What takes memory comes first: once it is in the journal it must not fail here.
    if (!this.keys.reserve(keys)) return false;
    const prepared = this.log.prepare(messages);
    if (!this.#journal.append(this.log.length + 1, messages, ballot, keys, later)) return false;
    this.log.commit(prepared, ballot, later);
    for (const [seq, key] of keys) this.keys.record(key, seq);
    return true;
  }

  /** Forgets all entries behind `length`. False if there is no room to set them aside. */
  cut(length: number): boolean {
    const truncate = this.log.prepareTruncation(length);
    if (!this.#journal.cut(length, this.log, this.keys)) return false;
    this.#discarded += this.log.length - length;
    truncate();
    this.keys.truncate(length);
    this.#committed = Math.min(this.#committed, length);
    return true;
  }

  /**
   * Up to where a log written as `starts` says is the same as this one. Before the first of them, which
   * is not the first of that log if the list is only its end, they are the same.
   */
  sharedWith(starts: readonly EpochStart[]): number {
    return sharedLength(this.log.epochs, this.log.length, starts, starts[0]?.firstSeq);
  }
}
