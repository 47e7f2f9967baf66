/**
 * Which incarnation of a master writes. Epochs put the incarnations in order: every master that starts takes a
 * higher epoch than any it can see. Two that started without seeing each other may take the same epoch, so each
 * incarnation also has a name, its writer, which decides between them, as a ballot number does in Paxos. Without the
 * writer, two logs of one epoch would look alike and be mixed.
 */

export interface Ballot {
  readonly epoch: number;
  /** The incarnation of the master; empty if it is not named, as in a frame written by hand. */
  readonly writer: string;
}

/**
 * The last epoch, 2^48. A larger one is refused wherever it comes in: one frame with the largest integer would leave no
 * epoch for the next master. A cluster that changes its master a thousand times a second gets here in nine thousand years.
 */
export const EPOCH_MAX = 2 ** 48;

/** Before any master was heard. */
export const NO_BALLOT: Ballot = { epoch: 0, writer: '' };

/** Negative if `a` is older than `b`, positive if it is newer. A ballot without a writer is the oldest of its epoch. */
export function compareBallots(a: Ballot, b: Ballot): number {
  if (a.epoch !== b.epoch) return a.epoch - b.epoch;
  if (a.writer === b.writer) return 0;
  return a.writer < b.writer ? -1 : 1;
}

/** Whether what is told counts as of the `known` ballot: what names no writer goes with every writer of its epoch. */
export function goesWith(told: Ballot, known: Ballot): boolean {
  return told.epoch === known.epoch && (told.writer === known.writer || told.writer === '');
}

/** Whether both may be the same, since one of them goes with the other. */
export function goTogether(a: Ballot, b: Ballot): boolean {
  return goesWith(a, b) || goesWith(b, a);
}

/** The newer of the two; of equal ones the first. */
export function newerBallot(a: Ballot, b: Ballot): Ballot {
  return compareBallots(a, b) < 0 ? b : a;
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
export function nextBallot(seen: Ballot, writer: string): Ballot {
  if (seen.epoch < EPOCH_MAX) return { epoch: seen.epoch + 1, writer };
  const isBehind = seen.writer < writer;
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
