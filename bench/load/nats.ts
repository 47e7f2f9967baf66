/** NATS: a publish with a reply subject; the answer is the stream's acknowledgement. */
import type { Protocol } from './protocol.ts';

const NEWLINE = 0x0a;
let inboxes = 0;

export class NatsProtocol implements Protocol {
  readonly greeting: Uint8Array;
  readonly request: Uint8Array;

  constructor(subject: string, text: string) {
    inboxes += 1;
    const inbox = `_INBOX.bench.${process.pid}.${inboxes}`;
    const options = JSON.stringify({ verbose: false, pedantic: false });
    this.greeting = Buffer.from(`CONNECT ${options}\r\nSUB ${inbox} 1\r\n`);
    this.request = Buffer.from(`PUB ${subject} ${inbox} ${Buffer.byteLength(text)}\r\n${text}\r\n`);
  }

  answerEnd(bytes: Buffer, start: number, end: number): number {
    for (let at = start; at < end; ) {
      const lineEnd = bytes.indexOf(NEWLINE, at);
      if (lineEnd < 0 || lineEnd >= end) return -1;
      const line = bytes.toString('latin1', at, lineEnd - 1);
      at = lineEnd + 1;
      if (line.startsWith('-ERR')) throw new Error(`nats: ${line}`);
      if (!line.startsWith('MSG ')) continue;
      const length = Number(line.slice(line.lastIndexOf(' ') + 1));
      const payloadEnd = at + length + 2;
      if (payloadEnd > end) return -1;
      const payload = bytes.toString('latin1', at, payloadEnd - 2);
      if (!payload.includes('"seq"')) throw new Error(`nats: ${payload}`);
      return payloadEnd;
    }
    return -1;
  }
}
