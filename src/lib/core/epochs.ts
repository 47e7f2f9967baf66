/**
 * Under which epochs a log was written: where each one begins. Two logs that agree on the epoch and
 * the writer of an entry agree on all before it, so two such lists tell where two logs part without
 * looking at a single message (KIP-101 of Kafka; the log matching property of Raft).
 */
import { type Ballot, compareBallots } from './ballot.ts';

/** From `firstSeq` on, entries were written under this epoch, by this life of a master. */
export interface EpochStart extends Ballot {
  readonly firstSeq: number;
}

/** The start that covers the entry at `seq`; undefined if the list begins later. */
export function startAt(starts: readonly EpochStart[], seq: number): EpochStart | undefined {
  return starts.findLast(({ firstSeq }) => firstSeq <= seq);
}

/** The last seq up to which the start that covers `seq` reaches; Infinity for the newest. */
export function endOfStart(starts: readonly EpochStart[], seq: number): number {
  const next = starts.find(({ firstSeq }) => firstSeq > seq);
  return next === undefined ? Number.POSITIVE_INFINITY : next.firstSeq - 1;
}

/** How many of the first `length` entries, written as `ours` says, `theirs` has as well. */
export function sharedLength(
  ours: readonly EpochStart[],
  length: number,
  theirs: readonly EpochStart[],
): number {
  let seq = 1;
  while (seq <= length) {
    const our = startAt(ours, seq);
    const their = startAt(theirs, seq);
    if (our === undefined || their === undefined || compareBallots(our, their) !== 0) break;
    seq = Math.min(endOfStart(ours, seq), endOfStart(theirs, seq)) + 1;
  }
  return Math.min(seq - 1, length);
}
