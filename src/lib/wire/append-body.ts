/**
 * The body of `POST /messages`. There are two ways to read it, with the same result for every body: the quick one takes
 * the messages as bytes (`json-messages.ts`), the other one parses the whole body.
 */

import type { WriteConcern } from '../core/concerns/write-concern.ts';
import { type PackedMessages, packMessages } from '../core/log/messages.ts';
import { BATCH_MESSAGES_MAX } from '../http/limits.ts';
import { HttpProblem } from '../http/problems.ts';
import { bad, isWithin, kindOf, parseJson, requireObject } from './fields.ts';
import { findMessages } from './json-messages.ts';

/** A client's append. */
export interface AppendBody {
  readonly messages: PackedMessages;
  readonly isBatch: boolean;
  /** Null if the body has none. */
  readonly w: WriteConcern | null;
}

/**
 * Reads the body of `POST /messages`: the quick way if its form permits, else by parsing it. Modifies `bytes`, of which
 * the messages are views.
 */
export function readAppend(bytes: Uint8Array, messageBytesMax: number): AppendBody {
  return plainAppend(bytes, messageBytesMax) ?? parseAppend(parseJson(bytes), messageBytesMax);
}

function plainAppend(bytes: Uint8Array, messageBytesMax: number): AppendBody | null {
  const found = findMessages(bytes);
  if (found === null || !isWithin(found.ends.length, 1, BATCH_MESSAGES_MAX)) return null;
  const { fields, isList, ends } = found;
  // A message has at most as many bytes as its JSON between the quotes.
  const partMax = messageBytesMax + '"",'.length;
  if (ends.some((end, i) => end - (ends[i - 1] ?? 0) > partMax)) return null;
  const hasW = Object.hasOwn(fields, 'w');
  if (Object.keys(fields).length > (hasW ? 1 : 0)) return null;
  return { w: hasW ? parseW(fields.w) : null, messages: found.pack(), isBatch: isList };
}

/** Checks the parsed body of `POST /messages`. */
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

/** Reads a write concern in a query. */
export function parseWText(text: string): WriteConcern {
  if (text === 'majority' || text === 'all') return text;
  return parseW(/^[0-9]{1,15}$/.test(text) ? Number(text) : text);
}
