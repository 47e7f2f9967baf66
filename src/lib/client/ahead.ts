/**
 * Whether a tail has to leave a node that answers: one that is cut off from its master has nothing more to
 * tell, and yet keeps the connection open. So in a quiet time another node is asked, in turn, how long
 * its log is: one small request for each interval, and nothing while entries come.
 */
import { type ReadConcern, shownTo } from '../core/concerns/read-barrier.ts';
import type { Caller } from './caller.ts';
import { askPosition, type Position } from './position.ts';
import type { Scope } from './scope.ts';

/**
 * Resolves with a node that is ahead of `ours`, which has had an interval to catch up with what the other one
 * showed, and did not. Whether what it has is the same log, that node tells by the id of the last entry.
 * @param others the nodes to ask
 * @param known what ours said when the tail began; null if that was nothing
 * @param last the seq of the last entry that came from ours
 * @param concern how much of a log counts
 * @throws the reason for which the scope ends
 */
export async function nodeAhead(
  caller: Caller,
  scope: Scope,
  ours: string,
  others: readonly string[],
  known: Position | null,
  last: () => number,
  concern: ReadConcern,
): Promise<string> {
  const ask = async (url: string): Promise<Position | null> => {
    const position = await askPosition(caller, scope, url);
    return position && { ...position, length: shownTo(position, concern) };
  };
  let seen: { url: string; theirs: Position } | null = null;
  let own = known;
  for (let turn = 0; ; turn += 1) {
    const before = last();
    await scope.sleep(caller.tailCheckMs);
    const url: string = seen?.url ?? (others[turn % others.length] as string);
    const theirs = last() === before ? await ask(url) : null;
    // While all is well, one question is enough.
    const isNews = theirs !== null && mayBeAhead(theirs, own, last());
    const now = isNews ? await ask(ours) : null;
    own = now ?? own;
    if (theirs === null || now === null || !mayBeAhead(theirs, now, last())) {
      seen = null;
      continue;
    }
    if (seen !== null && isAhead(theirs, now, seen.theirs)) return url;
    seen = { url, theirs };
  }
}

function isOtherLog(theirs: Position, own: Position): boolean {
  return theirs.logId !== null && theirs.logId !== own.logId;
}

/** Whether it is worth to look at both again, an interval later. */
function mayBeAhead(theirs: Position, own: Position | null, last: number): boolean {
  if (own === null || isOtherLog(theirs, own)) return true;
  // More of an older master is worth nothing: it may be what was cut off here.
  return theirs.epoch > own.epoch || (theirs.epoch === own.epoch && theirs.length > last);
}

/** @param theirsBefore what the other node said an interval ago */
function isAhead(theirs: Position, own: Position, theirsBefore: Position): boolean {
  // Nobody can say which of two logs is the right one; but of one that stands still that it is not.
  if (isOtherLog(theirs, own)) {
    const isGrowing = theirs.logId === theirsBefore.logId && theirs.length > theirsBefore.length;
    return isGrowing || (own.logId === null && theirs.length > own.length);
  }
  // Who only takes entries slowly has a node that shows as much.
  return own.epoch < theirsBefore.epoch || own.length < theirsBefore.length;
}
