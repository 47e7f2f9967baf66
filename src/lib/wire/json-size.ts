/**
 * Counts the values of a JSON text before it is parsed. The memory and time of parsing are not proportional to the
 * bytes: 60 MiB of `[[[[...]]]]` take 3 GB and block the process for 13 s. Requests and frames have long strings in
 * short lists, so a large text of many small values is refused.
 */
import { JSON_CONTAINERS_MAX, JSON_COUNTED_BYTES, JSON_MEMBERS_MAX } from '../http/limits.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const OPEN_OBJECT = 0x7b;

/** Whether this text, JSON or not, is cheap enough to be parsed. */
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

/** The place of the quote that closes the string at `start`; the text's end if there is none. */
function endOfString(bytes: Uint8Array, start: number): number {
  for (let quote = bytes.indexOf(QUOTE, start); quote >= 0; ) {
    let first = quote;
    while (first > start && bytes[first - 1] === BACKSLASH) first -= 1;
    if ((quote - first) % 2 === 0) return quote;
    quote = bytes.indexOf(QUOTE, quote + 1);
  }
  return bytes.length;
}
