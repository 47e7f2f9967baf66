/**
 * Messages in the form they travel and rest in: each one's JSON text followed by a comma, end to
 * end in one run of bytes. A page of `GET /messages`, a frame's `messages` and the log itself are
 * slices of such bytes, so a message is encoded once, when it arrives, and never again.
 */

export interface PackedMessages {
  /** Every message's JSON text, each followed by a comma. */
  readonly bytes: Uint8Array;
  /** For each message the offset just behind its comma; ascending. */
  readonly ends: readonly number[];
}

const utf8 = new TextEncoder();

/** Packs well-formed strings (no lone surrogates). An empty list packs to no bytes. */
export function packMessages(messages: readonly string[]): PackedMessages {
  const texts = messages.map((message) => `${JSON.stringify(message)},`);
  const bytes = utf8.encode(texts.join(''));
  const ends: number[] = [];
  const isAscii = bytes.length === texts.reduce((sum, text) => sum + text.length, 0);
  let end = 0;
  for (const text of texts) {
    end += isAscii ? text.length : utf8.encode(text).length;
    ends.push(end);
  }
  return { bytes, ends };
}

/** The messages at indices `start..end - 1`, as a view on the same bytes. */
export function sliceMessages(
  packed: PackedMessages,
  start: number,
  end: number = packed.ends.length,
): PackedMessages {
  if (start === 0 && end === packed.ends.length) return packed;
  const offset = start === 0 ? 0 : (packed.ends[start - 1] as number);
  const ends = packed.ends.slice(start, end).map((one) => one - offset);
  return { bytes: packed.bytes.subarray(offset, offset + (ends.at(-1) ?? 0)), ends };
}

/** The same messages, in bytes that nobody else uses. */
export function copyMessages({ bytes, ends }: PackedMessages): PackedMessages {
  return { bytes: new Uint8Array(bytes), ends };
}

/** The messages of all parts, end to end. */
export function joinMessages(parts: readonly PackedMessages[]): PackedMessages {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.bytes.length, 0));
  const ends: number[] = [];
  let start = 0;
  for (const part of parts) {
    bytes.set(part.bytes, start);
    for (const end of part.ends) ends.push(start + end);
    start += part.bytes.length;
  }
  return { bytes, ends };
}

/** The JSON text of message `index` (from 0) and its comma; a view. */
export function messageWithComma(packed: PackedMessages, index: number): Uint8Array {
  return packed.bytes.subarray(packed.ends[index - 1] ?? 0, packed.ends[index]);
}

/** The JSON text of message `index` (from 0), without its comma; a view. */
export function messageText(packed: PackedMessages, index: number): Uint8Array {
  const start = index === 0 ? 0 : (packed.ends[index - 1] as number);
  return packed.bytes.subarray(start, (packed.ends[index] as number) - 1);
}

/** Whether two runs of bytes are the same. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}
