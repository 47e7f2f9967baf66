/**
 * Whether a tail has to leave a node that answers: one that is cut off from its master has nothing more to
 * tell, and yet keeps the connection open. So in a quiet time another node is asked, in turn, how long
 * its log is: one small request for each interval, and nothing while entries come.
 */
import type { Caller } from './caller.ts';
import { askPosition, type Position } from './position.ts';
import type { Scope } from './scope.ts';

/**
 * Resolves with a node that shows more of the same log than `ours`, which has had an interval to catch up
 * with what the other one showed, and did not.
 * @param others the nodes to ask
 * @param last the seq of the last entry that came from ours
 * @throws the reason for which the scope ends
 */
export async function nodeAhead(
  caller: Caller,
  scope: Scope,
  ours: string,
  others: readonly string[],
  last: () => number,
): Promise<string> {
  let seen: { url: string; length: number } | null = null;
  for (let turn = 0; ; turn += 1) {
    const before = last();
    await scope.sleep(caller.tailCheckMs);
    const url: string = seen?.url ?? (others[turn % others.length] as string);
    const theirs = last() === before ? await askPosition(caller, scope, url) : null;
    // While all is well, one question is enough.
    const isLonger = theirs !== null && theirs.length > last();
    const own = isLonger ? await askPosition(caller, scope, ours) : null;
    if (theirs === null || own === null || !isComparable(theirs, own)) {
      seen = null;
      continue;
    }
    // Who only takes entries slowly has a node that shows as much.
    if (seen !== null && own.length < seen.length) return url;
    seen = { url, length: theirs.length };
  }
}

/**
 * Of the log of an older master, or of another log, more is worth nothing: it may be what was cut off here.
 */
function isComparable(theirs: Position, own: Position): boolean {
  return theirs.epoch >= own.epoch && (own.logId === null || own.logId === theirs.logId);
}
