/**
 * Which life of a master writes. Epochs put the lives in order: every master that starts takes a
 * higher one than any it can see. Two that started without seeing each other may have taken the same
 * one, so each life also has a name, its writer, that decides between them, as a ballot number does
 * in Paxos. Without it two logs of one epoch would look alike and be mixed in silence.
 */

export interface Ballot {
  readonly epoch: number;
  /** The life of the master; null if nobody said, as in a frame written by hand. */
  readonly writer: string | null;
}

/** Before any master was heard. */
export const NO_BALLOT: Ballot = { epoch: 0, writer: null };

/**
 * Negative if `a` is the older, positive if the newer, 0 if they are the same as far as one can tell:
 * an unnamed writer goes with any of its epoch.
 */
export function compareBallots(a: Ballot, b: Ballot): number {
  if (a.epoch !== b.epoch) return a.epoch - b.epoch;
  if (a.writer === b.writer || a.writer === null || b.writer === null) return 0;
  return a.writer < b.writer ? -1 : 1;
}

/** The newer of the two; of equal ones the one that names its writer. */
export function newerBallot(a: Ballot, b: Ballot): Ballot {
  const order = compareBallots(a, b);
  if (order !== 0) return order > 0 ? a : b;
  return a.writer === null && b.writer !== null ? b : a;
}
