/**
 * Recognizes a message's JSON text by its bytes, without building the string: the one text that
 * `JSON.stringify` writes for it, so that the bytes can go into a log as they are. Looks at four
 * bytes at a time as long as nothing among them is special, which most often is the whole text.
 */

const [QUOTE, BACKSLASH, SMALL_U, ZERO] = [0x22, 0x5c, 0x75, 0x30];
/** For each byte whether it may follow a backslash: all but `u` of those that `JSON.stringify` writes. */
const IS_SHORT_ESCAPE = new Uint8Array(256);
for (const letter of '"\\bfnrt') IS_SHORT_ESCAPE[letter.charCodeAt(0)] = 1;
/** The last hexadecimal digits of control characters that have such a short escape: 8 9 a c d. */
const SHORT_ESCAPED: readonly number[] = [0x38, 0x39, 0x61, 0x63, 0x64];
/** The result of `endOf` if there is no such text. */
export const NO_TEXT = -1;

export class TextScanner {
  readonly #bytes: Uint8Array;
  /** The same memory, four bytes at a time; the first word may begin before the first byte. */
  readonly #words: Int32Array;
  readonly #ahead: number;

  /** @param bytes UTF-8, or what was scanned counts for nothing: whole characters are not looked at */
  constructor(bytes: Uint8Array) {
    const { buffer, byteOffset, length } = bytes;
    this.#bytes = bytes;
    this.#ahead = byteOffset & 3;
    this.#words = new Int32Array(buffer, byteOffset - this.#ahead, (length + this.#ahead) >> 2);
  }

  /** Where the text that begins at `start` ends: just behind its closing quote. Else `NO_TEXT`. */
  endOf(start: number): number {
    const bytes = this.#bytes;
    if (bytes[start] !== QUOTE) return NO_TEXT;
    let at = this.#specialFrom(start + 1);
    while (bytes[at] === BACKSLASH) {
      const length = escapeLength(bytes, at);
      if (length === 0) return NO_TEXT;
      at = this.#specialFrom(at + length);
    }
    return bytes[at] === QUOTE ? at + 1 : NO_TEXT;
  }

  /** Where the first quote, backslash or control character stands from `start` on; or the end. */
  #specialFrom(start: number): number {
    const bytes = this.#bytes;
    const ahead = this.#ahead;
    let at = start;
    for (; ((at + ahead) & 3) !== 0; at += 1) if (isSpecial(bytes[at])) return at;
    at = (firstSpecialWord(this.#words, (at + ahead) >> 2) << 2) - ahead;
    while (!isSpecial(bytes[at])) at += 1;
    return at;
  }
}

/** The first word from `start` on that has a quote, backslash or control character in it. */
function firstSpecialWord(words: Int32Array, start: number): number {
  for (let index = start; index < words.length; index += 1) {
    const word = words[index] as number;
    // Subtracting sets the highest bit of a byte that was too small for it. Turning one bit makes the
    // quote a neighbour of the controls, so that one comparison finds both.
    const low = word ^ 0x02020202;
    const slash = word ^ 0x5c5c5c5c;
    const found = ((low - 0x21212121) & ~low) | ((slash - 0x01010101) & ~slash);
    if ((found & 0x80808080) !== 0) return index;
  }
  return words.length;
}

function isSpecial(byte: number | undefined): boolean {
  return byte === undefined || byte < 0x20 || byte === QUOTE || byte === BACKSLASH;
}

/** How long the escape at `at` is; 0 if `JSON.stringify` writes no such one in a well-formed string. */
function escapeLength(bytes: Uint8Array, at: number): number {
  const kind = bytes[at + 1] as number;
  if (kind !== SMALL_U) return IS_SHORT_ESCAPE[kind] === 1 ? 2 : 0;
  if (bytes[at + 2] !== ZERO || bytes[at + 3] !== ZERO) return 0;
  const high = bytes[at + 4];
  const low = bytes[at + 5] as number;
  if (high === ZERO && SHORT_ESCAPED.includes(low)) return 0;
  const isControl = high === ZERO || high === ZERO + 1;
  const isHex = (low >= ZERO && low <= 0x39) || (low >= 0x61 && low <= 0x66);
  return isControl && isHex ? 6 : 0;
}
