/** NATS: a publish with a reply subject; the answer is the stream's acknowledgement. */
import type { Protocol } from './protocol.ts';

const LINE_END = Buffer.from('\r\n');
let inboxes = 0;

export class NatsProtocol implements Protocol {
  readonly greeting: Uint8Array;
  readonly request: Uint8Array;
  readonly #mark: string;

  /** @param mark text that only a successful answer contains; by default the position of an acknowledgement */
  constructor(subject: string, text: string, mark = '"seq"') {
    this.#mark = mark;
    inboxes += 1;
    const inbox = `_INBOX.bench.${process.pid}.${inboxes}`;
    const options = JSON.stringify({ verbose: false, pedantic: false });
    this.greeting = Buffer.from(`CONNECT ${options}\r\nSUB ${inbox} 1\r\n`);
    this.request = Buffer.from(`PUB ${subject} ${inbox} ${Buffer.byteLength(text)}\r\n${text}\r\n`);
  }

  answerEnd(bytes: Buffer, start: number, end: number): number {
    for (let at = start; at < end; ) {
      const lineEnd = bytes.indexOf(LINE_END, at);
      if (lineEnd < 0 || lineEnd + 2 > end) return -1;
      const line = bytes.toString('latin1', at, lineEnd);
      at = lineEnd + 2;
      if (line.startsWith('-ERR')) throw new Error(`nats: ${line}`);
      if (!line.startsWith('MSG ')) continue;
      const length = Number(line.slice(line.lastIndexOf(' ') + 1));
      const payloadEnd = at + length + 2;
      if (payloadEnd > end) return -1;
      const payload = bytes.toString('latin1', at, payloadEnd - 2);
      if (!payload.includes(this.#mark)) throw new Error(`nats: ${payload}`);
      return payloadEnd;
    }
    return -1;
  }
}
