/**
 * A frame as a line: written from the log's own bytes, and read as a view of the line. There are two ways to read it,
 * as for the body of an append.
 */
import { isIdempotencyKey } from '../core/log/idempotency.ts';
import { type PackedMessages, packMessages } from '../core/log/messages.ts';
import type { EntryTrace, Frame, OutgoingFrame } from '../core/protocol.ts';
import { EPOCH_MAX, isEpoch } from '../core/recovery/ballot.ts';
import { FRAME_JOINED_BYTES_MAX, FRAME_MESSAGES_TAKEN_MAX } from '../http/limits.ts';
import { parsePosition } from '../http/query.ts';
import { parseTrace } from '../http/trace.ts';
import {
  bad,
  type Fields,
  isCount,
  isPeerName,
  isWithin,
  isWriter,
  parseJson,
  requireObject,
} from './fields.ts';
import { epochsJson, parseEpochs } from './frame-epochs.ts';
import { findMessages } from './json-messages.ts';

/**
 * The line of a frame with its newline, in pieces. The pieces of a large frame are views of the log; a small one is
 * copied into one piece, because each piece costs a write.
 *
 * @param traces the traces of its entries, by seq
 */
export function encodeFrame(
  frame: OutgoingFrame,
  traces: readonly (readonly [seq: number, parent: string])[] = [],
): Uint8Array[] {
  const { logId, epoch, writer, bootId, completeFrom, committed, epochs, part, from, to } = frame;
  const head = JSON.stringify({
    logId,
    epoch,
    ...(writer === '' ? {} : { writer }),
    ...(bootId === undefined ? {} : { bootId }),
    ...(completeFrom === undefined ? {} : { completeFrom }),
    ...(committed === undefined ? {} : { committed }),
    from,
    ...(epochs === null ? {} : epochsJson(epochs, part)),
  }).slice(0, -1);
  const keys = frame.keys.runsWithin(from, to).map(([first, last, key]) => {
    return [first === last ? first : `${first}-${last}`, key] as const;
  });
  const tail = bySeq('keys', keys) + bySeq('traces', traces);
  const messages = frame.log.slices(from, to);
  const bytes = messages.reduce((sum, slice) => sum + slice.length, 0);
  const pieces = [Buffer.from(`${head},"messages":[`), ...messages, Buffer.from(`]${tail}}\n`)];
  return bytes > FRAME_JOINED_BYTES_MAX ? pieces : [Buffer.concat(pieces)];
}

/** A member of the frame with a value for some of its entries; nothing if there are none. */
function bySeq(
  name: string,
  values: readonly (readonly [seqs: number | string, value: string])[],
): string {
  return values.length === 0 ? '' : `,"${name}":${JSON.stringify(Object.fromEntries(values))}`;
}

/** Reads the line of a frame. Modifies `bytes`, of which the messages are views. */
export function readFrame(bytes: Uint8Array): Frame {
  const found = findMessages(bytes);
  if (found === null || !found.isList || found.ends.length > FRAME_MESSAGES_TAKEN_MAX) {
    return parseFrame(parseJson(bytes));
  }
  return frameOf(found.fields, found.pack());
}

/** Checks a parsed frame. Unknown fields are ignored, so that later versions can add some. */
export function parseFrame(value: unknown): Frame {
  return frameOf(requireObject(value), null);
}

/** Checks a frame's fields, and its messages unless they are `packed` already. */
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
    writer: writer ?? '',
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

/** Reads the traces of entries in the frame. They only go to the node's log, so invalid ones are left out. */
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

/** Reads the keys, given by seq or by a run of seqs (`6-9`) for the entries of one append. */
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
    // Runs must not overlap, so there are at most as many keys as messages.
    if (first < next) throw bad(rule);
    next = last + 1;
    for (let seq = first; seq <= last; seq += 1) keys.push([seq, key]);
  }
  return keys;
}

/** A seq, or the first and the last of a run. */
const SEQS = /^([1-9][0-9]{0,15})(?:-([1-9][0-9]{0,15}))?$/;
