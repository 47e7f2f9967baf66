/** Which acks and heartbeats a master believes. A problem is told in a few words for people; null means none. */
import type { Ack, Heartbeat, Prepare } from '../protocol.ts';

/** @param ownLength the length of the master's log */
export function problemOfAck(ack: Ack, leadership: Prepare, ownLength: number): string | null {
  const { logId, epoch } = leadership;
  if (ack.logId !== logId) return 'an ack for another log';
  if (ack.epoch !== epoch) return `an ack for epoch ${ack.epoch}, not ${epoch}`;
  // One that was not compared yet may be longer: it will be cut.
  return ack.isLogMatched === false ? null : problemOfLength(ack.length, ownLength);
}

/** @param ownLength the length of the master's log */
export function problemOfHeartbeat(
  answer: Heartbeat | undefined,
  leadership: Prepare,
  ownLength: number,
): string | null {
  if (answer === undefined) return null;
  const isEmpty = answer.logId === null && answer.epoch === 0 && answer.length === 0;
  if (isEmpty) return null;
  // A node that has only heard of another log, and taken no frame of it, follows this one.
  const hasNone = answer.prepareReply?.lastEpoch === 0 && answer.length === 0;
  if (answer.logId !== leadership.logId)
    return hasNone ? null : 'log-mismatch: it holds another log';
  return isLogMatched(answer, leadership) ? problemOfLength(answer.length, ownLength) : null;
}

/**
 * In a cluster that elects its master: why the answer of a member counts for nothing.
 * @param members the digest of this node's list of members
 */
export function problemOfMember(answer: Heartbeat, id: string, members: string): string | null {
  if (answer.nodeId !== id) return `a node named ${answer.nodeId} answers at the address of ${id}`;
  if (answer.members === members) return null;
  return 'members-mismatch: its list of members is another one';
}

function problemOfLength(length: number, ownLength: number): string | null {
  if (length <= ownLength) return null;
  return `it says it has ${length} messages of a log of ${ownLength}`;
}

/** Whether what it holds was compared with the master's log; one that does not say so has heard its epoch. */
export function isLogMatched(answer: Heartbeat, leadership: Prepare): boolean {
  const { epoch, length, prepareReply } = answer;
  return prepareReply?.isLogMatched ?? (length === 0 || epoch === leadership.epoch);
}
