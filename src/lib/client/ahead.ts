/**
 * Finds out whether a tail should change its node. A node that is cut off from its master sends nothing more but
 * keeps the connection open. So while no entry comes, the other nodes are asked in turn for the length of their
 * log: one small request in each interval, none while entries come.
 */
import { type ReadConcern, shownTo } from '../core/concerns/read-barrier.ts';
import type { Caller } from './caller.ts';
import { askPosition, type Position } from './position.ts';
import type { Scope } from './scope.ts';

/**
 * Resolves with a node that is ahead of `ours`: after a whole interval ours still shows less than the other one
 * showed. Whether the other one has the same log, it decides itself by the id of the tail's last entry.
 * @param others the nodes to ask
 * @param known the position of ours when the tail began; null if it gave none
 * @param last the seq of the last entry that came from ours
 * @param concern which part of a log counts
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
    // Ours is asked only if the other one may be ahead.
    const isNews = theirs !== null && mayBeAhead(theirs, own, last());
    const answer: Position | null = isNews ? await ask(ours) : null;
    own = answer ?? own;
    // One that does not answer, as a member that hangs, shows no more than came from it.
    const now: Position | null =
      isNews && own !== null ? (answer ?? { ...own, length: last() }) : null;
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

/** Whether both are worth a second look after another interval. */
function mayBeAhead(theirs: Position, own: Position | null, last: number): boolean {
  if (own === null || isOtherLog(theirs, own)) return true;
  // More entries of an older master do not count: they may be the ones that were cut off here.
  return theirs.epoch > own.epoch || (theirs.epoch === own.epoch && theirs.length > last);
}

/** @param theirsBefore the position of the other node an interval ago */
function isAhead(theirs: Position, own: Position, theirsBefore: Position): boolean {
  // Which of two logs is the current one is not known, but a master writes to the one that grows.
  if (isOtherLog(theirs, own)) {
    const isGrowing = theirs.logId === theirsBefore.logId && theirs.length > theirsBefore.length;
    return isGrowing || (own.logId === null && theirs.length > own.length);
  }
  // Compares with what the other one showed before: a node that is slow but goes on is not left.
  return own.epoch < theirsBefore.epoch || own.length < theirsBefore.length;
}
