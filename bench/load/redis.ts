/** Redis' RESP2: one request may have several commands, and gets as many replies. */
import type { Protocol } from './protocol.ts';

const LF = 0x0a;
const MINUS = 0x2d;
const ZERO = 0x30;
const INTEGER = 0x3a;
const STATUS = 0x2b;
const BULK = 0x24;

export class RedisProtocol implements Protocol {
  readonly greeting = new Uint8Array(0);
  readonly request: Uint8Array;
  readonly #replies: number;
  /** Of the answer that has begun: the number of whole replies, and their bytes. */
  #replied = 0;
  #repliedBytes = 0;

  constructor(text: string, replies: number) {
    this.request = Buffer.from(text);
    this.#replies = replies;
  }

  answerEnd(bytes: Buffer, start: number, end: number): number {
    // An answer may come in many pieces with a thousand replies, so this goes on where the last call ended.
    let at = start + this.#repliedBytes;
    while (this.#replied < this.#replies) {
      const lineEnd = lineEndAfter(bytes, at, end);
      if (lineEnd < 0) return -1;
      const type = bytes[at];
      if (type === BULK) {
        at = lineEnd + lengthBetween(bytes, at + 1, lineEnd - 2) + 2;
        if (at > end) return -1;
      } else if (type === INTEGER || type === STATUS) at = lineEnd;
      else throw new Error(`redis: ${bytes.toString('latin1', at, lineEnd - 2)}`);
      this.#replied += 1;
      this.#repliedBytes = at - start;
    }
    this.#replied = 0;
    this.#repliedBytes = 0;
    return at;
  }
}

/** The place behind the next CR LF; -1 if there is none. */
function lineEndAfter(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== LF) at += 1;
  return at < end ? at + 1 : -1;
}

function lengthBetween(bytes: Buffer, start: number, end: number): number {
  let length = 0;
  for (let at = start; at < end; at += 1) {
    if (bytes[at] === MINUS) throw new Error('redis: nothing where something was asked for');
    length = length * 10 + (bytes[at] as number) - ZERO;
  }
  return length;
}

/** A command as an array of bulk strings. */
export function redisCommand(...words: readonly string[]): string {
  const bulks = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return `*${words.length}\r\n${bulks.join('')}`;
}
