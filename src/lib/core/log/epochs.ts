/**
 * Under which epochs a log was written: where each one begins. Two logs that agree on the epoch and
 * the writer of an entry agree on all before it, so two such lists tell where two logs part without
 * looking at a single message (KIP-101 of Kafka; the log matching property of Raft).
 *
 * A log may have as many epochs as entries, so nothing here walks a list for each entry: a place is
 * found by halving, and two lists are compared in one pass.
 */
import { type Ballot, compareBallots, goTogether } from '../recovery/ballot.ts';

/** From `firstSeq` on, entries were written under this epoch, by this incarnation of a master. */
export interface EpochStart extends Ballot {
  readonly firstSeq: number;
}

/**
 * Which part of a list this is: `offset` starts go before it, and `hasMore` says whether more follow in the next frame.
 */
export interface EpochsPart {
  readonly offset: number;
  readonly hasMore: boolean;
}

/** The part that is the whole list. */
export const WHOLE: EpochsPart = { offset: 0, hasMore: false };

/** How many of the starts are at `seq` or before it. */
export function countStarts(starts: readonly EpochStart[], seq: number): number {
  let low = 0;
  let high = starts.length;
  // Most often the newest is asked for.
  if (high > 0 && (starts[high - 1] as EpochStart).firstSeq <= seq) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] as EpochStart).firstSeq <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The start that covers the entry at `seq`; undefined if the list begins later. */
export function startAt(starts: readonly EpochStart[], seq: number): EpochStart | undefined {
  return starts[countStarts(starts, seq) - 1];
}

/** The last seq up to which the start that covers `seq` reaches; Infinity for the newest. */
export function endOfStart(starts: readonly EpochStart[], seq: number): number {
  return firstSeqOf(starts, countStarts(starts, seq)) - 1;
}

/** All starts of an epoch: more than one if masters that raced wrote one after the other. */
export function startsOfEpoch(starts: readonly EpochStart[], epoch: number): readonly EpochStart[] {
  let low = 0;
  for (let high = starts.length; low < high; ) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] as EpochStart).epoch < epoch) low = middle + 1;
    else high = middle;
  }
  let end = low;
  while (starts[end]?.epoch === epoch) end += 1;
  return starts.slice(low, end);
}

/** The start that covers the entry at `from`, if there is one, and all that begin up to `to`. */
export function startsWithin(
  starts: readonly EpochStart[],
  from: number,
  to: number,
): readonly EpochStart[] {
  const first = Math.max(0, countStarts(starts, from) - 1);
  return starts.slice(first, countStarts(starts, to));
}

/** Where in the list the epoch of this ballot is; -1 if it is not there. */
export function indexOfEpoch(starts: readonly EpochStart[], ballot: Ballot): number {
  let low = 0;
  let high = starts.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const order = compareBallots(starts[middle] as EpochStart, ballot);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/**
 * How many of the first `length` entries, written as `ours` says, `theirs` has as well, where both are
 * known to be the same before the entry at `from`.
 */
export function sharedLength(
  ours: readonly EpochStart[],
  length: number,
  theirs: readonly EpochStart[],
  from = 1,
): number {
  let seq = from;
  let our = Math.max(0, countStarts(ours, seq) - 1);
  let their = 0;
  while (seq <= length) {
    our = indexAt(ours, our, seq);
    their = indexAt(theirs, their, seq);
    if (!isSame(ours[our], theirs[their], seq)) break;
    seq = Math.min(firstSeqOf(ours, our + 1), firstSeqOf(theirs, their + 1));
  }
  return Math.min(seq - 1, length);
}

/** The index of the start that covers `seq`, which is not before `index`. */
function indexAt(starts: readonly EpochStart[], index: number, seq: number): number {
  let at = index;
  while (firstSeqOf(starts, at + 1) <= seq) at += 1;
  return at;
}

function firstSeqOf(starts: readonly EpochStart[], index: number): number {
  return starts[index]?.firstSeq ?? Number.POSITIVE_INFINITY;
}

/** Whether both are there, cover `seq`, and may be of one writer. */
function isSame(a: EpochStart | undefined, b: EpochStart | undefined, seq: number): boolean {
  if (a === undefined || b === undefined) return false;
  return a.firstSeq <= seq && b.firstSeq <= seq && goTogether(a, b);
}
