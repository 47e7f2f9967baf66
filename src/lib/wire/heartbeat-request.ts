/**
 * What a master asks with a heartbeat, as it travels: which log it writes, under which epoch, and as
 * which incarnation; to whom it says so, from which length on that node is complete, and up to where the log is
 * committed. Headers, because a heartbeat is a GET, and all the same to who does not know them.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { HeartbeatRequest } from '../core/protocol.ts';
import { EPOCH_MAX, isEpoch } from '../core/recovery/ballot.ts';
import { PEER_NAME_LENGTH_MAX } from '../http/limits.ts';
import { HttpProblem } from '../http/problems.ts';
import { parsePosition } from '../http/query.ts';

/** The headers of a heartbeat. */
export function heartbeatHeaders(request: HeartbeatRequest): Record<string, string> {
  const { prepare, bootId, completeFrom, committed } = request;
  if (prepare === null) return { 'log-poll': 'true' };
  return {
    'log-id': encodeURIComponent(prepare.logId),
    'log-epoch': String(prepare.epoch),
    'log-writer': encodeURIComponent(prepare.writer),
    ...(bootId === null ? {} : { 'boot-id': encodeURIComponent(bootId) }),
    ...(completeFrom === null ? {} : { 'log-complete-from': String(completeFrom) }),
    ...(committed === 0 ? {} : { 'log-committed': String(committed) }),
  };
}

/** What the headers of a heartbeat ask; null if nobody in particular asks, 400 if they make no sense. */
export function parseHeartbeatRequest(headers: IncomingHttpHeaders): HeartbeatRequest | null {
  const logId = headers['log-id'];
  const epochText = headers['log-epoch'];
  const writer = headers['log-writer'];
  if (logId === undefined && epochText === undefined && writer === undefined) {
    const isPoll = headers['log-poll'] === 'true';
    return isPoll ? { prepare: null, bootId: null, completeFrom: null, committed: 0 } : null;
  }
  const names = [decodeName(logId), decodeName(writer)];
  const epoch = typeof epochText === 'string' ? parsePosition(epochText) : null;
  if (!names[0] || !names[1] || !isEpoch(epoch)) {
    throw new HttpProblem(
      'bad-request',
      'a prepare needs Log-Id and Log-Writer (percent-encoded, 1 to 255 characters) and Log-Epoch ' +
        `(an integer from 1 to ${EPOCH_MAX})`,
    );
  }
  return { prepare: { logId: names[0], epoch, writer: names[1] }, ...detailsOf(headers) };
}

function detailsOf(headers: IncomingHttpHeaders): Omit<HeartbeatRequest, 'prepare'> {
  const bootIdText = headers['boot-id'];
  const bootId = bootIdText === undefined ? null : decodeName(bootIdText);
  const completeFrom = lengthIn(headers['log-complete-from']);
  const committed = lengthIn(headers['log-committed']);
  if (
    (bootIdText !== undefined && bootId === null) ||
    completeFrom === false ||
    committed === false
  ) {
    throw new HttpProblem(
      'bad-request',
      'Boot-Id must be percent-encoded, 1 to 255 characters, and Log-Complete-From and Log-Committed lengths',
    );
  }
  return { bootId, completeFrom, committed: committed ?? 0 };
}

/** An integer from 0 in a header; null without one, false if it is none. */
function lengthIn(text: string | string[] | undefined): number | null | false {
  if (text === undefined) return null;
  if (text === '0') return 0;
  return (typeof text === 'string' ? parsePosition(text) : null) ?? false;
}

function decodeName(text: string | string[] | undefined): string | null {
  if (typeof text !== 'string') return null;
  try {
    const name = decodeURIComponent(text);
    return name.length >= 1 && name.length <= PEER_NAME_LENGTH_MAX ? name : null;
  } catch {
    return null;
  }
}
