/**
 * JSON in, checked values out. Nothing is coerced, unknown fields of a client are an error, and only
 * named own fields are read, so that no `__proto__` in a body reaches an object of ours.
 */

import type { EpochStart } from '../core/log/epochs.ts';
import { isIdempotencyKey } from '../core/log/idempotency.ts';
import { type PackedMessages, packMessages } from '../core/log/messages.ts';
import type { Ack, EntryTrace, Frame, Heartbeat, PrepareReply } from '../core/protocol.ts';
import { compareBallots, EPOCH_MAX, isEpoch, NO_BALLOT } from '../core/recovery/ballot.ts';
import type { WriteConcern } from '../core/replication/write-concern.ts';
import type { Faults } from '../core/secondary.ts';
import {
  BATCH_MESSAGES_MAX,
  FRAME_MESSAGES_TAKEN_MAX,
  PEER_NAME_LENGTH_MAX,
} from '../http/limits.ts';
import { HttpProblem } from '../http/problems.ts';
import { parsePosition } from '../http/query.ts';
import { parseTrace } from '../http/trace.ts';
import { findMessages } from './json-messages.ts';
import { isAffordableJson } from './json-size.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** A client's append. */
export interface AppendBody {
  readonly messages: PackedMessages;
  readonly isBatch: boolean;
  /** Null if the body names none. */
  readonly w: WriteConcern | null;
}

type Fields = Readonly<Record<string, unknown>>;

/** Parses UTF-8 JSON; 400 `bad-json` if it is not, 400 `bad-request` if it has too many values. */
export function parseJson(bytes: Uint8Array): unknown {
  if (!isAffordableJson(bytes)) throw bad('the body has too many values');
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw new HttpProblem('bad-json', 'the body is not valid UTF-8');
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    // The engine's own words quote the text, which would reach the log of a master by way of its peer.
    const position = /at position \d+/.exec((error as Error).message)?.[0] ?? 'or not all of it';
    throw new HttpProblem('bad-json', `the body is not valid JSON, ${position}`);
  }
}

/**
 * Reads the body of `POST /messages`, and takes its bytes over: the quick way if nothing in it is
 * unusual, else by parsing it all, which says the same of every body.
 */
export function readAppend(bytes: Uint8Array, messageBytesMax: number): AppendBody {
  return plainAppend(bytes, messageBytesMax) ?? parseAppend(parseJson(bytes), messageBytesMax);
}

function plainAppend(bytes: Uint8Array, messageBytesMax: number): AppendBody | null {
  const found = findMessages(bytes);
  if (found === null || !isWithin(found.ends.length, 1, BATCH_MESSAGES_MAX)) return null;
  const { fields, isList, ends } = found;
  // A message has at most as many bytes as JSON needs for it between its quotes.
  const partMax = messageBytesMax + '"",'.length;
  if (ends.some((end, i) => end - (ends[i - 1] ?? 0) > partMax)) return null;
  const hasW = Object.hasOwn(fields, 'w');
  if (Object.keys(fields).length > (hasW ? 1 : 0)) return null;
  return { w: hasW ? parseW(fields.w) : null, messages: found.pack(), isBatch: isList };
}

/** Checks the body of `POST /messages`. */
export function parseAppend(body: unknown, messageBytesMax: number): AppendBody {
  const fields = requireObject(body, ['message', 'messages', 'w']);
  const { message, messages } = fields;
  const hasOne = Object.hasOwn(fields, 'message');
  const hasBatch = Object.hasOwn(fields, 'messages');
  if (hasOne === hasBatch) {
    throw bad("the body needs either 'message' (a string) or 'messages' (a list of strings)");
  }
  if (hasBatch && !(Array.isArray(messages) && isWithin(messages.length, 1, BATCH_MESSAGES_MAX))) {
    throw bad(`'messages' must be a list of 1 to ${BATCH_MESSAGES_MAX} strings`);
  }
  const list = hasBatch ? (messages as unknown[]) : [message];
  const name = (index: number) => (hasBatch ? `messages[${index}]` : 'message');
  for (const [index, item] of list.entries()) checkMessage(item, name(index), messageBytesMax);
  return {
    messages: packMessages(list as string[]),
    isBatch: hasBatch,
    w: Object.hasOwn(fields, 'w') ? parseW(fields.w) : null,
  };
}

function checkMessage(value: unknown, name: string, bytesMax: number): void {
  if (typeof value !== 'string') throw bad(`'${name}' must be a string, not ${kindOf(value)}`);
  if (!value.isWellFormed()) throw bad(`'${name}' has a lone surrogate, which is no Unicode text`);
  const bytes = Buffer.byteLength(value);
  if (bytes <= bytesMax) return;
  throw new HttpProblem(
    'content-too-large',
    `'${name}' has ${bytes} bytes; a message may have ${bytesMax}`,
    { limit: bytesMax },
  );
}

/** Checks a write concern: an integer of at least 1, "majority" or "all". */
export function parseW(value: unknown): WriteConcern {
  if (value === 'majority' || value === 'all') return value;
  if (Number.isSafeInteger(value) && (value as number) >= 1) return value as number;
  const got = typeof value === 'number' ? String(value) : kindOf(value);
  throw new HttpProblem('bad-w', `w must be an integer from 1, "majority" or "all"; got ${got}`);
}

/** The same in a query, where a number is written in digits. */
export function parseWText(text: string): WriteConcern {
  if (text === 'majority' || text === 'all') return text;
  return parseW(/^[0-9]{1,15}$/.test(text) ? Number(text) : text);
}

/** Checks the body of `PUT /faults`: any of the three. */
export function parseFaults(body: unknown): Partial<Faults> {
  const fields = requireObject(body, ['delayMs', 'errorRate', 'errorAfterApplyRate']);
  const faults: { -readonly [Name in keyof Faults]?: number } = {};
  for (const [name, value] of Object.entries(fields)) {
    const isDelay = name === 'delayMs';
    const max = isDelay ? FAULT_DELAY_MS_MAX : 1;
    const isNumber = typeof value === 'number' && isWithin(value, 0, max);
    if (!isNumber || (isDelay && !Number.isInteger(value))) {
      throw bad(`'${name}' must be ${isDelay ? 'an integer' : 'a number'} from 0 to ${max}`);
    }
    faults[name as keyof Faults] = value;
  }
  return faults;
}

/** The longest artificial delay, in ms: what a timer can count. */
export const FAULT_DELAY_MS_MAX = 2 ** 31 - 1;

/** Reads the line of a frame, and takes its bytes over, of which it is a view; in two ways, as `readAppend`. */
export function readFrame(bytes: Uint8Array): Frame {
  const found = findMessages(bytes);
  if (found === null || !found.isList || found.ends.length > FRAME_MESSAGES_TAKEN_MAX) {
    return parseFrame(parseJson(bytes));
  }
  return frameOf(found.fields, found.pack());
}

/** Checks a frame. Unknown fields are for later versions and are ignored. */
export function parseFrame(value: unknown): Frame {
  return frameOf(requireObject(value), null);
}

/** Checks a frame's fields, and its messages as well unless they are `packed`. */
function frameOf(fields: Fields, packed: PackedMessages | null): Frame {
  const { logId, epoch, writer, from, keys, traces } = fields;
  const { bootId, completeFrom, committed } = fields;
  if (!isPeerName(logId)) throw bad("a frame's 'logId' must be a string of 1 to 255 characters");
  if (!isEpoch(epoch)) throw bad(`a frame's 'epoch' must be an integer from 1 to ${EPOCH_MAX}`);
  if (!isWriter(writer)) throw bad("a frame's 'writer' must be a string of 1 to 255 characters");
  if (bootId !== undefined && !isPeerName(bootId)) {
    throw bad("a frame's 'bootId' must be a string of 1 to 255 characters");
  }
  if ([completeFrom, committed].some((value) => value !== undefined && !isCount(value))) {
    throw bad("a frame's 'completeFrom' and 'committed' must be integers from 0");
  }
  if (!isCount(from) || from < 1) throw bad("a frame's 'from' must be an integer from 1");
  const messages = packed ?? packFrame(fields.messages);
  const count = messages.ends.length;
  if (!isCount(from + count)) throw bad("a frame's last seq must be a safe integer");
  return {
    logId,
    epoch,
    writer: writer ?? null,
    from,
    messages,
    keys: parseKeys(keys, from, count),
    ...parseEpochs(fields, epoch, count),
    ...(bootId === undefined ? {} : { bootId }),
    ...(completeFrom === undefined ? {} : { completeFrom: completeFrom as number }),
    ...(committed === undefined ? {} : { committed: committed as number }),
    ...(traces === undefined ? {} : { traces: parseTraces(traces, from, count) }),
  };
}

/** The traces of entries in the frame. They are for logs alone: what is none is left out. */
function parseTraces(value: unknown, from: number, count: number): EntryTrace[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, parent]) => {
    const seq = parsePosition(name) ?? 0;
    const trace = typeof parent === 'string' ? parseTrace(parent) : null;
    return trace !== null && isWithin(seq, from, from + count - 1) ? [{ seq, ...trace }] : [];
  });
}

function packFrame(messages: unknown): PackedMessages {
  if (!Array.isArray(messages)) throw bad("a frame's 'messages' must be a list of strings");
  if (messages.length > FRAME_MESSAGES_TAKEN_MAX) {
    throw bad(`a frame may have ${FRAME_MESSAGES_TAKEN_MAX} messages`);
  }
  for (const message of messages) {
    if (typeof message !== 'string' || !message.isWellFormed()) {
      throw bad("a frame's 'messages' must be strings without lone surrogates");
    }
  }
  return packMessages(messages as string[]);
}

/** The list of epochs in a frame, or the part of a longer one. */
function parseEpochs(fields: Fields, epochMax: number, messages: number) {
  const { epochs, epochsPart, epochsOffset: offset, epochsMore: hasMore, writers } = fields;
  if (epochsPart === undefined) {
    const starts = epochs === undefined ? null : parseStarts(epochs, writers, epochMax, true);
    return { epochs: starts };
  }
  if (epochs !== undefined) throw bad("a frame must not have 'epochs' and 'epochsPart'");
  if (!isCount(offset) || typeof hasMore !== 'boolean') {
    const rule = "an 'epochsOffset' (an integer from 0) and 'epochsMore' (true or false)";
    throw bad(`a frame with 'epochsPart' needs ${rule}`);
  }
  if (hasMore && messages > 0) throw bad("a frame with 'epochsMore' must not have messages");
  const starts = parseStarts(epochsPart, writers, epochMax, offset === 0);
  if (starts === null) throw bad("a frame's 'epochsPart' must not be empty");
  return { epochs: starts, part: { offset, hasMore } };
}

/** The list of (epoch, first seq) pairs, and the writers of these epochs, if they are named. */
function parseStarts(
  value: unknown,
  writers: unknown,
  epochMax: number,
  isFirst: boolean,
): EpochStart[] | null {
  const rule =
    "a frame's 'epochs' must be a list of [epoch, first seq], both ascending, the first seq 1";
  if (!Array.isArray(value)) throw bad(rule);
  if (writers !== undefined && !(Array.isArray(writers) && writers.length === value.length)) {
    throw bad("a frame's 'writers' must be a list as long as 'epochs'");
  }
  const starts: EpochStart[] = [];
  for (const [index, pair] of value.entries()) {
    const [epoch, firstSeq, ...rest]: unknown[] = Array.isArray(pair) ? pair : [];
    const writer: unknown = (writers as unknown[] | undefined)?.[index];
    const before = starts.at(-1) ?? { ...NO_BALLOT, firstSeq: 1 };
    if (!isCount(epoch) || !isCount(firstSeq) || rest.length > 0) throw bad(rule);
    if (!isWriter(writer)) throw bad("a frame's 'writers' must be strings, or null");
    const start = { epoch, writer: writer ?? null, firstSeq };
    // Two masters that raced may have written one after the other under one epoch, each by its name.
    if (compareBallots(start, before) <= 0 || firstSeq < before.firstSeq) throw bad(rule);
    if (epoch > epochMax) throw bad("a frame's 'epochs' must not go beyond its 'epoch'");
    if (index === 0 && isFirst && firstSeq !== 1) throw bad(rule);
    starts.push(start);
  }
  // An empty list says nothing about any entry, so there is nothing to compare.
  return starts.length === 0 ? null : starts;
}

/** The keys by seq, or by a run of them (`6-9`) for the entries of one append. */
function parseKeys(value: unknown, from: number, count: number): [seq: number, key: string][] {
  if (value === undefined) return [];
  const rule = "a frame's 'keys' must map seqs of the frame, or runs of them, to idempotency keys";
  const runs = Object.entries(requireObject(value)).map(([name, key]) => {
    const [, firstText, lastText = firstText] = SEQS.exec(name) ?? [];
    const [first, last] = [Number(firstText), Number(lastText)];
    const isIn = first >= from && first <= last && last < from + count;
    if (!isIn || typeof key !== 'string' || !isIdempotencyKey(key)) throw bad(rule);
    return { first, last, key };
  });
  const keys: [number, string][] = [];
  let next = from;
  for (const { first, last, key } of runs.sort((a, b) => a.first - b.first)) {
    // No seq twice: so there are no more keys than messages, however they are written.
    if (first < next) throw bad(rule);
    next = last + 1;
    for (let seq = first; seq <= last; seq += 1) keys.push([seq, key]);
  }
  return keys;
}

/** A seq, or the first and the last of a run. */
const SEQS = /^([1-9][0-9]{0,15})(?:-([1-9][0-9]{0,15}))?$/;

/** Reads one ack; null if it is not one. */
export function parseAck(line: Uint8Array): Ack | null {
  const fields = fieldsOf(line);
  if (fields === null) return null;
  const { bootId, logId, epoch, length, agreed } = fields;
  if (!isPeerName(bootId) || !isPeerName(logId)) return null;
  if (!isEpochOrNone(epoch) || !isCount(length)) return null;
  if (agreed !== undefined && agreed !== false) return null;
  const ack = { bootId, logId, epoch, length };
  return agreed === false ? { ...ack, isLogMatched: false } : ack;
}

/** Reads the answer to a heartbeat; null if it is not one. */
export function parseHeartbeat(body: Uint8Array): Heartbeat | null {
  const fields = fieldsOf(body);
  if (fields === null) return null;
  const { nodeId, bootId, logId, epoch, length } = fields;
  const prepareReply = prepareReplyOf(fields);
  if (prepareReply === undefined) return null;
  if (!isPeerName(nodeId) || !isPeerName(bootId)) return null;
  if (!isEpochOrNone(epoch) || !isCount(length)) return null;
  if (logId !== null && !isPeerName(logId)) return null;
  const { held, receivedBytes } = fields;
  if (held !== undefined && !isCount(held)) return null;
  if (receivedBytes !== undefined && !isCount(receivedBytes)) return null;
  return {
    nodeId,
    bootId,
    logId,
    epoch,
    length,
    prepareReply,
    ...(held === undefined ? {} : { held }),
    ...(receivedBytes === undefined ? {} : { receivedBytes }),
  };
}

/** What a secondary adds for a master; null if nothing, undefined if nonsense. */
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
  const [seen, last] = [writer ?? null, lastWriter ?? null];
  return { writer: seen, lastEpoch, lastWriter: last, isLogMatched: agreed, isComplete: complete };
}

function fieldsOf(bytes: Uint8Array): Fields | null {
  try {
    return requireObject(parseJson(bytes));
  } catch {
    return null;
  }
}

function requireObject(value: unknown, known?: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw bad(`a JSON object is needed, not ${kindOf(value)}`);
  }
  const unknown = known && Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw bad(`unknown field '${unknown.slice(0, 100)}'; known are ${known?.join(', ')}`);
  }
  return value as Fields;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** An epoch, or 0 for none yet. */
function isEpochOrNone(value: unknown): value is number {
  return isCount(value) && value <= EPOCH_MAX;
}

/** Well-formed, because a name may have to travel in a header, as UTF-8. */
function isPeerName(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    isWithin(value.length, 1, PEER_NAME_LENGTH_MAX) &&
    value.isWellFormed()
  );
}

/** Which incarnation of a master wrote; it may be left open. */
function isWriter(value: unknown): value is string | null | undefined {
  return value === undefined || value === null || isPeerName(value);
}

function isWithin(value: number, min: number, max: number): boolean {
  return value >= min && value <= max;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}

function bad(detail: string): HttpProblem {
  return new HttpProblem('bad-request', detail);
}
