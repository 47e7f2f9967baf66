/**
 * Which incarnation of a master writes. Epochs put the incarnations in order: every master that starts takes a
 * higher epoch than any it can see. Two that started without seeing each other may take the same epoch, so each
 * incarnation also has a name, its writer, which decides between them, as a ballot number does in Paxos. Without the
 * writer, two logs of one epoch would look alike and be mixed.
 */

export interface Ballot {
  readonly epoch: number;
  /** The incarnation of the master; null if it is not named, as in a frame written by hand. */
  readonly writer: string | null;
}

/**
 * The last epoch, 2^48. A larger one is refused wherever it comes in: one frame with the largest integer would leave no
 * epoch for the next master. A cluster that changes its master a thousand times a second gets here in nine thousand years.
 */
export const EPOCH_MAX = 2 ** 48;

/** Before any master was heard. */
export const NO_BALLOT: Ballot = { epoch: 0, writer: null };

/**
 * Negative if `a` is older, positive if it is newer, 0 if both may be the same: an unnamed writer equals every writer
 * of its epoch.
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
 * The ballot of an incarnation called `writer` that is newer than `seen`. There always is one: after the last epoch it
 * is the same epoch again, under a name that sorts behind the one that was seen. Such a name ends with `writer`, so
 * nobody else has it.
 */
export function nextBallot(seen: Ballot, writer: string): Ballot & { readonly writer: string } {
  if (seen.epoch < EPOCH_MAX) return { epoch: seen.epoch + 1, writer };
  const isBehind = seen.writer === null || seen.writer < writer;
  return { epoch: EPOCH_MAX, writer: isBehind ? writer : `${beginBehind(seen.writer)}${writer}` };
}

/** A short prefix for a name that sorts behind `name`; `name` itself if it has only the last characters. */
function beginBehind(name: string): string {
  for (let i = 0; i < name.length; i += 1) {
    const code = name.charCodeAt(i);
    // The next code units are surrogates, which are no characters by themselves.
    if (code < 0xd7ff) return `${name.slice(0, i)}${String.fromCharCode(code + 1)}`;
  }
  return name;
}
