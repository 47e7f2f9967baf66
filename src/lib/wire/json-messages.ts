/**
 * Finds the messages in a JSON text without creating strings: if they are written as the log keeps them, their bytes
 * are taken as they are, and only the rest is parsed. In any other form nothing is found, and the caller parses the
 * whole text.
 */
import { isUtf8 } from 'node:buffer';
import type { PackedMessages } from '../core/log/messages.ts';
import { NO_TEXT, TextScanner } from '../core/log/text-scanner.ts';
import { JSON_CONTAINERS_MAX } from '../http/limits.ts';
import type { Fields } from './fields.ts';
import { isAffordableJson } from './json-size.ts';

const [QUOTE, COMMA, COLON, SMALL_S, ZERO] = [0x22, 0x2c, 0x3a, 0x73, 0x30];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];
const [SPACE, TAB, LINE_FEED, CARRIAGE_RETURN] = [0x20, 0x09, 0x0a, 0x0d];
const NAME = new TextEncoder().encode('"message');
const W = new TextEncoder().encode('"w":');
/** The messages must begin within so many bytes. */
const HEAD_BYTES_MAX = 4096;

/** Keeps a byte order mark, so that `JSON.parse` refuses it. The bytes are known to be UTF-8. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** The messages that were found, and the rest of the object. */
interface FoundMessages {
  /** Whether they are the list `messages`, as opposed to one `message`. */
  readonly isList: boolean;
  /** All other members of the object. */
  readonly fields: Fields;
  /** For each message, the JSON bytes of all messages up to it, each with a comma. */
  readonly ends: readonly number[];
  /** The messages, as a view of the bytes. Modifies the bytes, which are no longer JSON then. */
  pack(): PackedMessages;
}

/** The texts at `start..end - 1`. */
interface Run {
  readonly start: number;
  readonly end: number;
  /** As in `FoundMessages`. */
  readonly ends: number[];
  /** The number of spaces behind each comma. */
  readonly gap: number;
}

/** Finds the messages in an object like `{"w": 2, "messages": ["a", "b"]}`; null for any other form. */
export function findMessages(bytes: Uint8Array): FoundMessages | null {
  const name = nameIn(bytes);
  let at = name + NAME.length;
  const isList = bytes[at] === SMALL_S;
  if (isList) at += 1;
  if (name < 0 || bytes[at] !== QUOTE || bytes[at + 1] !== COLON) return null;
  at = behindSpaces(bytes, at + 2);
  const run = isList ? listAt(bytes, at) : textAt(bytes, at);
  if (run === null || !isUtf8(bytes)) return null;
  // The rest of a large text may have too many values to be parsed.
  const restBytes = bytes.length - (run.end - run.start);
  if (restBytes > JSON_CONTAINERS_MAX && !isAffordableJson(bytes)) return null;
  const fields = fieldsAround(bytes, name, isList ? run.end + 1 : run.end);
  if (fields === null || Object.hasOwn(fields, 'message') || Object.hasOwn(fields, 'messages')) {
    return null;
  }
  return { isList, fields, ends: run.ends, pack: () => pack(bytes, run) };
}

/** The first place of `"message`; -1 if it is not near the beginning. */
function nameIn(bytes: Uint8Array): number {
  const last = Math.min(HEAD_BYTES_MAX, bytes.length - NAME.length);
  for (let at = 1; at <= last; at += 1) {
    let same = 0;
    while (same < NAME.length && bytes[at + same] === NAME[same]) same += 1;
    if (same === NAME.length) return at;
  }
  return -1;
}

function textAt(bytes: Uint8Array, start: number): Run | null {
  const end = new TextScanner(bytes).endOf(start);
  return end === NO_TEXT ? null : { start, end, ends: [end + 1 - start], gap: 0 };
}

/** The texts in the list at `open`; null unless all commas are followed by the same number of spaces. */
function listAt(bytes: Uint8Array, open: number): Run | null {
  if (bytes[open] !== OPEN_LIST) return null;
  const scanner = new TextScanner(bytes);
  const start = open + 1;
  const ends: number[] = [];
  if (bytes[start] === CLOSE_LIST) return { start, end: start, ends, gap: 0 };
  let gap = 0;
  for (let at = start, spaces = 0; ; ) {
    const end = scanner.endOf(at);
    if (end === NO_TEXT) return null;
    ends.push(end + 1 - start - spaces);
    if (bytes[end] === CLOSE_LIST) return { start, end, ends, gap };
    if (bytes[end] !== COMMA) return null;
    at = behindSpaces(bytes, end + 1);
    if (ends.length === 1) gap = at - end - 1;
    if (at - end - 1 !== gap) return null;
    spaces += gap;
  }
}

/** The members of the object before `name` and from `end` on; null if they are not valid JSON. */
function fieldsAround(bytes: Uint8Array, name: number, end: number): Fields | null {
  if (bytes[0] !== OPEN_OBJECT) return null;
  let before = name - 1;
  while (before > 0 && bytes[before] === SPACE) before -= 1;
  if (before > 0 && bytes[before] !== COMMA) return null;
  const after = behindSpaces(bytes, end);
  let last = bytes.length - 1;
  while (isSpace(bytes[last])) last -= 1;
  if (bytes[last] !== CLOSE_OBJECT || after > last) return null;
  if (after < last && bytes[after] !== COMMA) return null;
  const w = before === 0 ? digitOfW(bytes, after + 1, last) : 0;
  if (w > 0) return { w };
  const head = before > 0 ? membersIn(bytes, 1, before) : {};
  if (after === last || head === null) return head;
  const tail = membersIn(bytes, after + 1, last);
  return tail && { ...head, ...tail };
}

/** The digit in `"w":3`, the only other member of most appends; 0 for any other text. */
function digitOfW(bytes: Uint8Array, start: number, end: number): number {
  if (end - start !== W.length + 1) return 0;
  for (let i = 0; i < W.length; i += 1) if (bytes[start + i] !== W[i]) return 0;
  const digit = (bytes[end - 1] as number) - ZERO;
  return digit >= 1 && digit <= 9 ? digit : 0;
}

/** The object with these members; null if they are invalid, or there is none. */
function membersIn(bytes: Uint8Array, start: number, end: number): Fields | null {
  try {
    const fields = JSON.parse(`{${utf8.decode(bytes.subarray(start, end))}}`);
    return Object.keys(fields).length > 0 ? fields : null;
  } catch {
    return null;
  }
}

function pack(bytes: Uint8Array, { start, end, ends, gap }: Run): PackedMessages {
  const length = ends.at(-1) ?? 0;
  if (length > 0) bytes[end] = COMMA;
  let from = 0;
  if (gap > 0) {
    for (const [index, to] of ends.entries()) {
      bytes.copyWithin(start + from, start + from + index * gap, start + to + index * gap);
      from = to;
    }
  }
  return { bytes: bytes.subarray(start, start + length), ends };
}

function behindSpaces(bytes: Uint8Array, start: number): number {
  let at = start;
  while (bytes[at] === SPACE) at += 1;
  return at;
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB || byte === LINE_FEED || byte === CARRIAGE_RETURN;
}
