/**
 * Which log a starting master goes on with. THE RULE: the one that is written on under the newest ballot, and of
 * those the longest (the rule of Raft and of Viewstamped Replication). And what an answer says of a node's log.
 */
import type { Replica } from '../log/replica.ts';
import type { Heartbeat, Prepare } from '../protocol.ts';
import { type Ballot, compareBallots, goTogether } from './ballot.ts';

/** A log that a master could go on with; `secondary` is null for its own. */
export interface Candidate {
  readonly secondary: number | null;
  readonly logId: string;
  /** The newest epoch whose starting log it has in full, and who wrote it. */
  readonly newest: Ballot;
  readonly length: number;
}

/** The best of this node's log and all that answered; of equal ones its own, so that nothing must be fetched. Null if there is none. */
export function bestLog(
  { logId, log, newest, hasLog }: Replica,
  answers: ReadonlyMap<number, Heartbeat>,
): Candidate | null {
  const candidates: Candidate[] = [];
  if (hasLog) {
    candidates.push({ secondary: null, logId: logId as string, newest, length: log.length });
  }
  for (const [secondary, answer] of answers) {
    const { length, epoch, prepareReply } = answer;
    const id = logOf(answer);
    if (id === null) continue;
    const newest = prepareReply && {
      epoch: prepareReply.lastEpoch,
      writer: prepareReply.lastWriter,
    };
    candidates.push({ secondary, logId: id, newest: newest ?? { epoch, writer: '' }, length });
  }
  const rank = ({ secondary }: Candidate) => secondary ?? -1;
  const order = (a: Candidate, b: Candidate) =>
    (goTogether(a.newest, b.newest) ? 0 : compareBallots(b.newest, a.newest)) ||
    b.length - a.length ||
    rank(a) - rank(b);
  return candidates.toSorted(order)[0] ?? null;
}

/** Which log it is; null for none. */
export function logIdOf(candidate: Candidate | null): string | null {
  return candidate?.logId ?? null;
}

/** Which log the secondary has, if it has taken a frame of one; null if not. */
export function logOf({ logId, length, prepareReply }: Heartbeat): string | null {
  return length > 0 || (prepareReply?.lastEpoch ?? 0) > 0 ? logId : null;
}

/** Whether it has a log of another name: it has answered, and cannot promise anything for this one. */
export function isForeign(answer: Heartbeat, { logId }: Prepare): boolean {
  const other = logOf(answer);
  return other !== null && other !== logId;
}

/** Whether the secondary has heard the prepare and still listens to older masters. */
export function isDeaf(answer: Heartbeat, prepare: Prepare): boolean {
  if (answer.prepareReply === null || isForeign(answer, prepare)) return false;
  return answer.logId !== prepare.logId || compareBallots(ballotOf(answer), prepare) < 0;
}

/** The newest ballot that a secondary has seen, as far as it says. */
export function ballotOf({ epoch, prepareReply }: Heartbeat): Ballot {
  return { epoch, writer: prepareReply?.writer ?? '' };
}
