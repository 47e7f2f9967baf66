/**
 * What one secondary has said of itself, and so what its master knows of it. One number, the acked length, decides
 * what to send next, who counts for a write concern and how far it lags (`Match` in etcd's raft).
 *
 * Every statement of a secondary (an ack, a heartbeat) was asked for at some moment, and statements
 * of two connections can overtake each other. So: any statement may raise the acked length, but only
 * one that is below what was known WHEN IT WAS ASKED may lower it, and one that was asked before a
 * new incarnation of the secondary was met says nothing at all.
 */
import type { Ballot } from '../recovery/ballot.ts';

/** What was known of a secondary at the moment it was asked something. */
export interface Asked {
  readonly at: number;
  readonly acked: number;
  readonly incarnations: number;
}

/** What a statement changed: the acked length, the incarnation that speaks and its length, or nothing. */
export type Learned = 'nothing' | 'raised' | 'lowered' | 'met' | 'new-incarnation' | 'outdated';

export class Progress {
  /** How many messages the secondary has stated to show. */
  acked = 0;
  /** Which incarnation of the secondary speaks; null before it ever spoke. */
  bootId: string | null = null;
  /** Whether the log of this incarnation was compared with ours: only then its length counts. */
  isLogMatched = false;
  /** What it calls itself, by its last heartbeat; null before. */
  nodeId: string | null = null;
  /** Whether this incarnation is complete, as it said last; null if it does not say. */
  isComplete: boolean | null = null;
  /**
   * From which length on this incarnation is complete: L of the contract, the larger of the master's length when it was
   * met and when the master took over.
   */
  completeFrom = 0;
  /** Whether the master has admitted this incarnation, though it was incomplete when it was met. */
  isAdmitted = false;
  /** The newest epoch whose starting log this incarnation has in full, as it said last; null if it does not say. */
  newest: Ballot | null = null;
  /** How many bytes of frames that were not whole yet this incarnation has received, as it says. */
  receivedBytes = 0;
  /** How many incarnations were met. */
  #incarnations = 0;
  readonly #ownLength: () => number;
  readonly #needsAdmission: boolean;

  /**
   * @param ownLength gives the length of the master's log
   * @param needsAdmission whether an incomplete incarnation counts for nothing until it is admitted
   */
  constructor(ownLength: () => number, needsAdmission = false) {
    this.#ownLength = ownLength;
    this.#needsAdmission = needsAdmission;
  }

  /** Whether its acks count for a write concern. */
  get isVoter(): boolean {
    return !this.#needsAdmission || this.isComplete === true || this.isAdmitted;
  }

  /** What it is told of `completeFrom`; null while it must not become complete. */
  get completeFromTold(): number | null {
    return this.isVoter ? this.completeFrom : null;
  }

  /** Whether its log, empty or not, must be compared with ours before anything else. */
  get mustCompare(): boolean {
    return !this.isLogMatched && this.bootId !== null;
  }

  /** What is known now, to be kept with a question. */
  asking(now: number): Asked {
    return { at: now, acked: this.acked, incarnations: this.#incarnations };
  }

  /**
   * Takes note of a statement: this incarnation of the secondary shows `length` messages. They count only
   * if its log was compared with ours (`isLogMatched`); it may hold what we have never written.
   */
  learn(bootId: string, length: number, isLogMatched: boolean, asked: Asked): Learned {
    const isOutdated = asked.incarnations !== this.#incarnations;
    if (bootId !== this.bootId) {
      if (isOutdated) return 'outdated';
      const isFirst = this.bootId === null;
      // What the incarnation before called itself says nothing of this one: another node may answer here.
      this.forgetIdentity();
      this.bootId = bootId;
      this.completeFrom = this.#ownLength();
      this.isLogMatched = isLogMatched;
      this.acked = isLogMatched ? length : 0;
      return isFirst ? 'met' : 'new-incarnation';
    }
    if (!isLogMatched) return 'nothing';
    this.isLogMatched = true;
    const before = this.acked;
    if (length > before) {
      this.acked = length;
      return 'raised';
    }
    if (length >= asked.acked || length === before || isOutdated) return 'nothing';
    this.acked = length;
    return 'lowered';
  }

  /** Nothing is known any more: another node, or another run of it, may answer next. */
  forgetIdentity(): void {
    this.#incarnations += 1;
    this.acked = 0;
    this.bootId = null;
    this.isLogMatched = false;
    this.nodeId = null;
    this.isComplete = null;
    this.isAdmitted = false;
    this.newest = null;
    this.receivedBytes = 0;
  }
}
