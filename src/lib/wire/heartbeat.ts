/**
 * A heartbeat. The request is a GET whose headers say which log the master writes, with which epoch and writer name.
 * They also say for which incarnation of the secondary this is, from which length on that one is complete, and up to
 * where the log is committed. A server that does not know these headers ignores them. The answer is JSON.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { HeardMaster, Heartbeat, HeartbeatRequest, PrepareReply } from '../core/protocol.ts';
import { EPOCH_MAX, isEpoch } from '../core/recovery/ballot.ts';
import { HttpProblem } from '../http/problems.ts';
import { parsePosition } from '../http/query.ts';
import {
  decodeName,
  type Fields,
  fieldsOf,
  isCount,
  isEpochOrNone,
  isPeerName,
  isWriter,
} from './fields.ts';
import { memberHeaders, parseMemberHeaders } from './member-headers.ts';

/** The headers of a heartbeat's request. */
export function heartbeatHeaders(request: HeartbeatRequest): Record<string, string> {
  const { prepare, bootId, completeFrom, committed } = request;
  if (prepare === null) return { 'log-poll': 'true', ...memberHeaders(request) };
  return {
    'log-id': encodeURIComponent(prepare.logId),
    'log-epoch': String(prepare.epoch),
    'log-writer': encodeURIComponent(prepare.writer),
    ...(bootId === null ? {} : { 'boot-id': encodeURIComponent(bootId) }),
    ...(completeFrom === null ? {} : { 'log-complete-from': String(completeFrom) }),
    ...(committed === 0 ? {} : { 'log-committed': String(committed) }),
    ...memberHeaders(request),
  };
}

/** Reads the headers of a heartbeat; null for neither a poll nor a prepare, 400 if they are invalid. */
export function parseHeartbeatRequest(headers: IncomingHttpHeaders): HeartbeatRequest | null {
  const logId = headers['log-id'];
  const epochText = headers['log-epoch'];
  const writer = headers['log-writer'];
  if (logId === undefined && epochText === undefined && writer === undefined) {
    if (headers['log-poll'] !== 'true') return null;
    const poll = { prepare: null, bootId: null, completeFrom: null, committed: 0 };
    return { ...poll, ...parseMemberHeaders(headers) };
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
  const prepare = { logId: names[0], epoch, writer: names[1] };
  return { prepare, ...detailsOf(headers), ...parseMemberHeaders(headers) };
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

/** An integer from 0 in a header; null without the header, false if it is invalid. */
function lengthIn(text: string | string[] | undefined): number | null | false {
  if (text === undefined) return null;
  if (text === '0') return 0;
  return (typeof text === 'string' ? parsePosition(text) : null) ?? false;
}

/** The answer to a heartbeat, as JSON. */
export function heartbeatJson({ prepareReply, ...statement }: Heartbeat): string {
  if (prepareReply === null) return JSON.stringify(statement);
  const { isLogMatched: agreed, isComplete: complete, ...rest } = prepareReply;
  const [writer, lastWriter] = [rest.writer || null, rest.lastWriter || null];
  return JSON.stringify({ ...statement, ...rest, writer, lastWriter, agreed, complete });
}

/** Reads the answer to a heartbeat; null if it is invalid. */
export function parseHeartbeat(body: Uint8Array): Heartbeat | null {
  const fields = fieldsOf(body);
  if (fields === null) return null;
  const { nodeId, bootId, logId, epoch, length } = fields;
  const prepareReply = prepareReplyOf(fields);
  if (prepareReply === undefined) return null;
  if (!isPeerName(nodeId) || !isPeerName(bootId)) return null;
  if (!isEpochOrNone(epoch) || !isCount(length)) return null;
  if (logId !== null && !isPeerName(logId)) return null;
  const { held, receivedBytes, members, master } = fields;
  if (held !== undefined && !isCount(held)) return null;
  if (receivedBytes !== undefined && !isCount(receivedBytes)) return null;
  if (members !== undefined && !isPeerName(members)) return null;
  const heard = master === undefined ? null : heardMasterOf(master);
  if (heard === undefined) return null;
  return {
    nodeId,
    bootId,
    logId,
    epoch,
    length,
    prepareReply,
    ...(held === undefined ? {} : { held }),
    ...(receivedBytes === undefined ? {} : { receivedBytes }),
    ...(members === undefined ? {} : { members }),
    ...(heard === null ? {} : { master: heard }),
  };
}

/** The reply to a poll or prepare in these fields; null if there is none, undefined if it is invalid. */
function prepareReplyOf({
  writer,
  lastEpoch,
  lastWriter,
  agreed,
  complete = false,
}: Fields): PrepareReply | null | undefined {
  if (lastEpoch === undefined && agreed === undefined) return null;
  if (!isWriter(writer) || !isEpochOrNone(lastEpoch) || !isWriter(lastWriter)) return undefined;
  if (typeof agreed !== 'boolean' || typeof complete !== 'boolean') return undefined;
  const writers = { writer: writer ?? '', lastWriter: lastWriter ?? '' };
  return { ...writers, lastEpoch, isLogMatched: agreed, isComplete: complete };
}

/** The master that the node hears; undefined if that is invalid. */
function heardMasterOf(value: unknown): HeardMaster | undefined {
  const { id, epoch } = (value ?? {}) as Fields;
  return isPeerName(id) && isEpochOrNone(epoch) ? { id, epoch } : undefined;
}
