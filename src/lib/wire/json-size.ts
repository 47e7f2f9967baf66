/**
 * Counts what a JSON text holds before it is parsed. Parsing is not proportional to bytes in memory
 * and time: 60 MiB of `[[[[...]]]]` take 3 GB and block the process for 13 s. What the protocols
 * carry is long strings in short lists, so a large text of many small values is none of theirs.
 */
import { JSON_CONTAINERS_MAX, JSON_COUNTED_BYTES, JSON_MEMBERS_MAX } from '../http/limits.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const OPEN_OBJECT = 0x7b;

/** Whether parsing this text (JSON or not) costs no more than its bytes let one expect. */
export function isAffordableJson(bytes: Uint8Array): boolean {
  if (bytes.length <= JSON_COUNTED_BYTES) return true;
  let containers = 0;
  let members = 0;
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i];
    if (byte === QUOTE) i = endOfString(bytes, i + 1);
    else if (byte === COMMA) members += 1;
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) containers += 1;
    if (containers > JSON_CONTAINERS_MAX || members > JSON_MEMBERS_MAX) return false;
  }
  return true;
}

/** Where the string that begins at `start` has its closing quote; the text's end if it has none. */
function endOfString(bytes: Uint8Array, start: number): number {
  for (let quote = bytes.indexOf(QUOTE, start); quote >= 0; ) {
    let first = quote;
    while (first > start && bytes[first - 1] === BACKSLASH) first -= 1;
    if ((quote - first) % 2 === 0) return quote;
    quote = bytes.indexOf(QUOTE, quote + 1);
  }
  return bytes.length;
}
