/**
 * A node is *complete* when it has lost nothing that it could have acknowledged. A node that begins without a log (its
 * first start, or its memory or disk was lost) is incomplete until it has caught up: it cannot vouch for what was
 * acknowledged before.
 *
 * Two rules, each below the sentence of the contract: when a node becomes complete, and who may take over.
 */

import { majorityOf } from '../replication/quorum.ts';
import { type Ballot, compareBallots } from './ballot.ts';

/** What a node knows of itself and of the master it listens to. */
export interface Standpoint {
  /** The newest ballot it has promised: the master it listens to. */
  readonly promised: Ballot;
  /** The newest begin mark of its log: everything is here that this master had when it took over. */
  readonly newestMark: Ballot;
  readonly durableLength: number;
  /** L, as that master told this incarnation; null if it did not. */
  readonly completeFrom: number | null;
}

/**
 * "A node becomes complete when it listens to this master, has the begin mark of its epoch, and its
 * length has reached L." What has not reached the disk is not counted: entries and mark come first.
 */
export function hasCaughtUp(node: Standpoint): boolean {
  const { promised, newestMark, durableLength, completeFrom } = node;
  if (completeFrom === null || newestMark.epoch === 0) return false;
  return compareBallots(newestMark, promised) === 0 && durableLength >= completeFrom;
}

/** What a candidate knows of one member, itself included. */
export interface Member {
  readonly id: string;
  /**
   * `down`: its address refuses the connection or cannot be reached, or its name has no address.
   * `silent`: there is an address that neither refuses nor answers properly; it may be paused, and hold the log.
   */
  readonly state: 'answered' | 'down' | 'silent';
  /** Which log it holds, if it has taken a frame of one; null if none, or if it did not answer. */
  readonly logId: string | null;
  readonly isComplete: boolean;
}

/** Which rule lets a candidate take over, or why none does. */
export type Verdict =
  | { readonly rule: 'complete-quorum' | 'all-answered' | 'new-log' | 'whoever-answers' }
  | { readonly rule: null; readonly reason: string };

/**
 * "Takes over the best log of all answers if (a) at least n-m+1 complete nodes answered for that log,
 * itself included if it is complete; or (b) all n members answered (one that holds a foreign log has
 * answered); or (c) nobody who answered has a log, at least m answered, itself included, and nobody is
 * silent: a new log is born." With m-1 incomplete nodes at most, the n-m+1 complete ones of (a) share a
 * node with every majority that acknowledged something.
 *
 * @param logId the best log of all answers; null if nobody who answered has one
 * @param needsQuorum false: takes over with whoever answers (`QUORUM_APPEND=false`)
 */
export function mayTakeOver(
  members: readonly Member[],
  logId: string | null,
  needsQuorum: boolean,
): Verdict {
  const nodes = members.length;
  const majority = majorityOf(nodes);
  const answered = members.filter(({ state }) => state === 'answered');
  const complete = answered.filter((one) => one.isComplete && one.logId === logId);
  if (!needsQuorum) return { rule: 'whoever-answers' };
  if (logId !== null && complete.length >= nodes - majority + 1) return { rule: 'complete-quorum' };
  if (answered.length === nodes) return { rule: 'all-answered' };
  const isAnybodySilent = members.some(({ state }) => state === 'silent');
  if (logId === null && answered.length >= majority && !isAnybodySilent) return { rule: 'new-log' };
  return { rule: null, reason: reasonOf(members, logId, answered.length, majority) };
}

/**
 * "Standing is the recovery of section 4, by (a) alone and only for a complete node. A log is born when all n have
 * answered and nobody has one."
 *
 * @param members the candidate first
 * @param logId the best log of all answers; null if nobody who answered has one
 */
export function mayBeElected(members: readonly Member[], logId: string | null): Verdict {
  const answered = members.filter(({ state }) => state === 'answered');
  if (logId === null) {
    if (answered.length === members.length) return { rule: 'new-log' };
    const away = members.filter(({ state }) => state !== 'answered').map(({ id }) => id);
    const verb = away.length === 1 ? 'has' : 'have';
    return {
      rule: null,
      reason: `a log is begun when all members answer; ${listed(away)} ${verb} not`,
    };
  }
  const isComplete = (one: Member) => one.isComplete && one.logId === logId;
  const complete = answered.filter(isComplete);
  const required = members.length - majorityOf(members.length) + 1;
  if (members[0] === undefined || !isComplete(members[0])) {
    return { rule: null, reason: 'this node has lost its disk, or never had all of the log' };
  }
  if (complete.length >= required) return { rule: 'complete-quorum' };
  const missing = members.filter((one) => !complete.includes(one)).map(({ id }) => id);
  const reason = `${complete.length} of ${required} required complete members have answered; not ${listed(missing)}`;
  return { rule: null, reason };
}

/** Which nodes are missing, and why the master waits for them; for people. */
function reasonOf(
  members: readonly Member[],
  logId: string | null,
  answered: number,
  majority: number,
): string {
  const names = (state: Member['state']) =>
    members.filter((one) => one.state === state).map(({ id }) => id);
  const away = members.filter(({ state }) => state !== 'answered').map(({ id }) => id);
  if (logId === null && answered < majority) {
    const who = `${listed(away)} ${away.length === 1 ? 'does' : 'do'} not answer`;
    return `${who}; ${answered} of ${majority} required nodes have answered, the master included`;
  }
  // A node that is down and has no disk has lost all it had, but nobody can tell that from outside.
  const missing = logId === null ? names('silent') : away;
  const forgetful = members
    .filter((one) => one.state === 'answered' && !(one.isComplete && one.logId === logId))
    .map(({ id }) => id);
  const may = `${listed(missing)} ${missing.length === 1 ? 'does' : 'do'} not answer and may hold messages that were acknowledged`;
  if (forgetful.length === 0) return may;
  const verb = forgetful.length === 1 ? 'has lost its' : 'have lost their';
  return `${may}; ${listed(forgetful)} ${verb} memory, or never had all of it`;
}

/** `a`, `a and b`, `a, b and c`. */
function listed(names: readonly string[]): string {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
