/**
 * Which incarnation of a master writes. Epochs put the incarnations in order: every master that starts takes a
 * higher one than any it can see. Two that started without seeing each other may have taken the same
 * one, so each incarnation also has a name, its writer, that decides between them, as a ballot number does
 * in Paxos. Without it two logs of one epoch would look alike and be mixed in silence.
 */

export interface Ballot {
  readonly epoch: number;
  /** The incarnation of the master; null if nobody said, as in a frame written by hand. */
  readonly writer: string | null;
}

/**
 * The last epoch, 2^48. A larger one is not taken from anybody, by whatever way it comes: one frame with
 * the largest integer there is would leave no epoch for the next master. A cluster that changes its
 * master a thousand times a second gets here in nine thousand years.
 */
export const EPOCH_MAX = 2 ** 48;

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

/** Whether this is an epoch of a master. */
export function isEpoch(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= EPOCH_MAX;
}

/**
 * The ballot of an incarnation called `writer` that is newer than `seen`. There always is one: behind the last
 * epoch it is the same epoch again, under a name that comes behind the one that was seen. Such a name
 * ends with `writer`, so it is nobody else's.
 */
export function nextBallot(seen: Ballot, writer: string): Ballot & { readonly writer: string } {
  if (seen.epoch < EPOCH_MAX) return { epoch: seen.epoch + 1, writer };
  const isBehind = seen.writer === null || seen.writer < writer;
  return { epoch: EPOCH_MAX, writer: isBehind ? writer : `${beginBehind(seen.writer)}${writer}` };
}

/** What a name behind `name` may begin with: short, unless `name` has nothing but the last characters. */
function beginBehind(name: string): string {
  for (let i = 0; i < name.length; i += 1) {
    const code = name.charCodeAt(i);
    // Behind that come surrogates, which are no characters by themselves.
    if (code < 0xd7ff) return `${name.slice(0, i)}${String.fromCharCode(code + 1)}`;
  }
  return name;
}
