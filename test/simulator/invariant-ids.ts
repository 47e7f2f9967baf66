/**
 * The invariants of the simulator, each with an id: what is asserted under it. An id is what a failed seed
 * names first, what a planted bug says that it breaks (`test/mutants`), and what `docs/guarantees.md` quotes.
 */
import { AssertionError } from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';

export const INVARIANTS = {
  'total-order': 'an entry has one place, one text and one predecessor, on every node',
  'once-each': 'no message is in a log twice',
  'keys-travel': 'every node has the key of every entry, and finds the entry by it',
  'keyed-append-is-whole': 'an append with a key is there whole, or not at all',
  'epochs-in-order': 'the list of epochs is in order and ends with the log',
  'epoch-never-falls': 'a node never goes back to a lower epoch of its log',
  'shown-never-shrinks': 'a node shows what it has, and no less than before, but for a cut',
  'shown-is-durable': 'what a node with a disk has shown is there after a crash',
  'gap-closes': 'what was held back is shown as soon as the gap before it closes',
  'cut-only-what-differs': 'nothing is cut off that the master has',
  bounded: 'buffers, windows, backoffs and queues have a bound',
  'ack-is-a-fact': 'an ack tells what the node shows, and counts entries of its sender only',
  'acked-length-is-told': 'a master knows of a secondary what that has told, no more and no less',
  'w-is-held': 'who is answered at w has w nodes that hold the entry',
  'receipt-is-exact': 'an append gets one place for each message, and w means so many nodes',
  'waiters-are-answered': 'who waits does so for a reason, and no longer than he asked to',
  'refused-is-not-appended': 'what is refused changes nothing',
  'quorum-decides': 'a master appends if, and only if, it may',
  'fenced-for-good': 'a master that met a newer one is fenced',
  'retried-in-time': 'who is back is written to at once, and an ack that is lost is repaired',
  'meant-for-one-run': 'what is said to another incarnation of a node changes nothing',
  'complete-is-earned':
    'who begins a log is not complete; who takes over is; and it survives a crash',
  'takeover-by-rule': 'a master takes over by one of the three rules, on answers that it was given',
  'waits-only-if-it-must': 'a master that could take over does not wait',
  'best-log-wins': 'a recovery goes on with the best log it was told of',
  'epoch-is-new': 'every attempt to recover prepares an epoch above all it was told of',
  'promised-before-asked':
    'a candidate has promised its ballot, on its disk if it has one, before it asks others',
  'fetched-log-is-compared':
    'a fetched log is gone on with only once it was compared with the own one, and its source promised no newer ballot',
  'no-second-log': 'a log is begun only where nobody has one, and takes the place of no other',
  'no-loss': 'an acknowledged entry is there unless all that held it lost it or did not answer',
  'majority-survives': 'what was acknowledged at a majority is in the log of every later master',
  'committed-is-final': 'what a node shows as committed stays, on all nodes, at its place',
  'tail-is-true': 'who follows the log has what the node has, or is told what to forget',
  'one-acknowledges': 'who was deposed acknowledges nothing at a majority that its successor lacks',
  'admitted-by-rule':
    'a member whose disk was lost counts only once all others have answered since',
  'complete-is-admitted':
    'a member whose disk was lost is complete only once a master has admitted it',
  sticky: 'who hears a master promises no other and does not stand, unless it hands over',
  'steps-down': 'a master that no majority, or not its own disk, answers in time is none any more',
  'handover-to-the-whole': 'a master hands over to a complete member that has all of its log',
  linearizable: 'appends at majority and linearizable reads agree with real time',
  'works-again': 'once all faults end, appends at majority work again in time',
  convergence: 'once all faults end, all nodes agree, and nobody waits',
  'time-passes': 'nothing happens for ever without time passing',
} as const;

export type InvariantId = keyof typeof INVARIANTS;

/** Throws an `AssertionError` that begins with the id if the condition does not hold. */
export function must(id: InvariantId, condition: unknown, what: string): asserts condition {
  if (!condition) throw new AssertionError({ message: `[${id}] ${what}`, stackStartFn: must });
}

/** The same, of two values that must be deeply and strictly equal. */
export function mustEqual(id: InvariantId, actual: unknown, expected: unknown, what: string): void {
  must(id, Object.is(actual, expected) || isDeepStrictEqual(actual, expected), what);
}

/** The id that the message of a failure begins with; null where the code itself threw. */
export function idOf(problem: string): InvariantId | null {
  const [, id = ''] = /^\[([a-z-]+)\] /.exec(problem) ?? [];
  return Object.hasOwn(INVARIANTS, id) ? (id as InvariantId) : null;
}
