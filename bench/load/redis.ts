/** Redis' RESP2: one request may hold several commands, and has as many replies. */
import type { Protocol } from './protocol.ts';

const LINE_END = Buffer.from('\r\n');
const INTEGER = 0x3a;
const STATUS = 0x2b;
const BULK = 0x24;

export class RedisProtocol implements Protocol {
  readonly greeting = new Uint8Array(0);
  readonly request: Uint8Array;
  readonly #replies: number;

  constructor(text: string, replies: number) {
    this.request = Buffer.from(text);
    this.#replies = replies;
  }

  answerEnd(bytes: Buffer, start: number, end: number): number {
    let at = start;
    for (let reply = 0; reply < this.#replies; reply += 1) {
      const lineEnd = bytes.indexOf(LINE_END, at);
      if (lineEnd < 0 || lineEnd + 2 > end) return -1;
      const type = bytes[at];
      if (type === BULK) {
        const length = Number(bytes.toString('latin1', at + 1, lineEnd));
        if (length < 0) throw new Error('redis: nothing where something was asked for');
        at = lineEnd + 2 + length + 2;
        if (at > end) return -1;
      } else if (type === INTEGER || type === STATUS) {
        at = lineEnd + 2;
      } else throw new Error(`redis: ${bytes.toString('latin1', at, lineEnd)}`);
    }
    return at;
  }
}

/** A command as an array of bulk strings. */
export function redisCommand(...words: readonly string[]): string {
  const bulks = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return `*${words.length}\r\n${bulks.join('')}`;
}
