/**
 * Whether a reader, who was told a log up to some entry by one node, can go on at another one: is that entry in
 * this node's log, is the node behind, or do the two logs part? Two logs that agree on the ballot of an entry
 * agree on all before it (`epochs.ts`), so the reader brings the ballot of its last entry, and the one before.
 */
import { type Ballot, goTogether } from '../recovery/ballot.ts';
import { type EpochStart, endOfStart, startAt, startsOfEpoch } from './epochs.ts';

/** The last entry that a reader was told, and what it was written under; writers are named by a short digest. */
export interface LogPosition extends Ballot {
  readonly seq: number;
  /** A digest of the logId. */
  readonly log: string;
  /** The first entry under this ballot. */
  readonly firstSeq: number;
  /** Under which ballot the entry before that was written; epoch 0 if there is none. */
  readonly previous: Ballot;
}

/** The digests of names, as `LogPosition` has them. */
export interface NameDigests {
  log(logId: string): string;
  /** Empty for an unnamed writer. */
  writer(name: string): string;
}

/** What a node has to compare with. */
export interface ComparedLog {
  readonly logId: string | null;
  readonly starts: readonly EpochStart[];
  readonly length: number;
  /** How many of its entries the reader may be shown. */
  readonly shown: number;
}

/** From which seq on the log is, or may be, another one than the reader has. */
export interface Reset {
  readonly from: number;
  readonly reason: 'cut' | 'other-log';
}

/**
 * `same`: the entry is here. `behind`: this node cannot tell yet, since it lacks what would come next. Else the
 * first seq that may differ, which is never too large.
 */
export function comparePosition(
  log: ComparedLog,
  told: LogPosition,
  digests: NameDigests,
): 'same' | 'behind' | Reset {
  const newest = log.starts.at(-1);
  // A node that knows a log's name only may still join another log.
  if (log.logId === null || newest === undefined) return 'behind';
  if (digests.log(log.logId) !== told.log) return { from: 1, reason: 'other-log' };
  const start = startOf(log, told, digests);
  const end = start === undefined ? 0 : endOf(log, start);
  if (end >= told.seq) return 'same';
  // While this node knows no newer ballot, the entries that the reader was told may still arrive.
  if (start !== undefined) return start === newest ? 'behind' : { from: end + 1, reason: 'cut' };
  const before = startOf(log, told.previous, digests);
  const matched = before === undefined ? 0 : Math.min(endOf(log, before), told.firstSeq - 1);
  const isOver = newest.epoch > told.epoch || log.shown >= told.seq;
  if (!isOver && !goesOnOtherwise(log, told, before)) return 'behind';
  return { from: matched + 1, reason: 'cut' };
}

/**
 * Whether this log has entries that cannot be in any log in which the told entry follows the ballot `before`. Then
 * this node is not behind: its log has diverged, though perhaps under older ballots.
 */
function goesOnOtherwise(
  log: ComparedLog,
  { previous }: LogPosition,
  before: EpochStart | undefined,
): boolean {
  if (before !== undefined) return endOf(log, before) < log.length;
  return (startAt(log.starts, log.length)?.epoch ?? 0) > previous.epoch;
}

/** Where a ballot begins in this log; undefined if it is not known here. */
function startOf(
  { starts }: ComparedLog,
  told: Ballot,
  digests: NameDigests,
): EpochStart | undefined {
  return startsOfEpoch(starts, told.epoch).findLast(({ epoch, writer }) =>
    goTogether({ epoch, writer: digests.writer(writer) }, told),
  );
}

/** The last entry that the log has of what begins there. */
function endOf({ starts, length }: ComparedLog, { firstSeq }: EpochStart): number {
  return Math.min(endOfStart(starts, firstSeq), length);
}
