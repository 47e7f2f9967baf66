/**
 * JSON texts as bytes: whether they are what `JSON.stringify` writes. Two texts of one message must be
 * the same bytes everywhere, for the log compares bytes, so another way to write it is no text of ours.
 */
import { isUtf8 } from 'node:buffer';

const [QUOTE, BACKSLASH] = [0x22, 0x5c];

/** The string this JSON text is, if it is one, and in the one form we write; else undefined. */
export function stringIn(bytes: Buffer, start: number, end: number): string | undefined {
  if (lookAt(bytes, start, end) === 'ascii') return bytes.toString('latin1', start + 1, end - 1);
  const value = jsonIn(bytes, start, end);
  return typeof value === 'string' && isWrittenAs(value, bytes, start, end) ? value : undefined;
}

/** Whether these bytes are the text of a message, as we write it. */
export function isText(bytes: Buffer, start: number, end: number): boolean {
  const look = lookAt(bytes, start, end);
  if (look === 'ascii') return true;
  if (look === 'unescaped') return isUtf8(bytes.subarray(start, end));
  return stringIn(bytes, start, end)?.isWellFormed() ?? false;
}

/**
 * What a look at each byte of a JSON text tells, which most often is enough: a string of `ascii`, one
 * without escapes if it is UTF-8 (`unescaped`), or anything else.
 */
function lookAt(bytes: Uint8Array, start: number, end: number): 'ascii' | 'unescaped' | 'other' {
  const last = end - 1;
  if (last <= start || bytes[start] !== QUOTE || bytes[last] !== QUOTE) return 'other';
  let isAscii = true;
  for (let at = start + 1; at < last; at += 1) {
    const byte = bytes[at] as number;
    if (byte < 0x20 || byte === QUOTE || byte === BACKSLASH) return 'other';
    if (byte > 0x7f) isAscii = false;
  }
  return isAscii ? 'ascii' : 'unescaped';
}

/** The value of this JSON text and `tail`; undefined if it is none. */
export function jsonIn(bytes: Buffer, start: number, end: number, tail = ''): unknown {
  if (!isUtf8(bytes.subarray(start, end))) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8', start, end) + tail);
  } catch {
    return undefined;
  }
}

/** Whether we would write `value` as these bytes and `tail`. */
export function isWrittenAs(value: unknown, bytes: Buffer, start: number, end: number, tail = '') {
  return JSON.stringify(value) === bytes.toString('utf8', start, end) + tail;
}
