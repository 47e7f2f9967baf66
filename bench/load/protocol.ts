/** What the load generator needs to know of a protocol: the bytes of a request, and where its answer ends. */

import { randomBytes } from 'node:crypto';

/** One kind of request, as it is sent to the process of the load generator. */
export type RequestSpec =
  | { readonly protocol: 'http'; readonly text: string; readonly isKeyed?: boolean }
  | { readonly protocol: 'redis'; readonly text: string; readonly replies: number }
  | { readonly protocol: 'nats'; readonly subject: string; readonly text: string };

export interface Protocol {
  /** The first bytes of a new connection; may be empty. */
  readonly greeting: Uint8Array;
  /** The next request; read once for each one that is sent. */
  readonly request: Uint8Array;
  /**
   * The end of the answer that begins at `start`; -1 if `bytes[start..end)` does not have all of it. Throws if the
   * answer is a failure: a benchmark of errors would be fast.
   */
  answerEnd(bytes: Buffer, start: number, end: number): number;
}

const KEY_LENGTH = 20;
const CR = 0x0d;
const HEADERS_END = Buffer.from('\r\n\r\n');
const CONTENT_LENGTH = Buffer.from('\r\nContent-Length: ');
const CONTENT_LENGTH_LOWER = Buffer.from('\r\ncontent-length: ');

/** HTTP/1.1 with a `Content-Length`; every status other than 2xx is a failure. */
export class HttpProtocol implements Protocol {
  readonly greeting = new Uint8Array(0);
  readonly #request: Uint8Array;

  constructor(text: string) {
    this.#request = Buffer.from(text);
  }

  get request(): Uint8Array {
    return this.#request;
  }

  answerEnd(bytes: Buffer, start: number, end: number): number {
    const headersEnd = indexWithin(bytes, HEADERS_END, start, end);
    if (headersEnd < 0) return -1;
    // "HTTP/1.1 2"
    if (bytes[start + 9] !== 0x32) throw new Error(failure(bytes, start, end));
    let at = indexWithin(bytes, CONTENT_LENGTH, start, headersEnd + 2);
    if (at < 0) at = indexWithin(bytes, CONTENT_LENGTH_LOWER, start, headersEnd + 2);
    if (at < 0) throw new Error(`no Content-Length in ${failure(bytes, start, end)}`);
    let length = 0;
    for (let i = at + CONTENT_LENGTH.length; bytes[i] !== CR; i += 1) {
      length = length * 10 + (bytes[i] as number) - 0x30;
    }
    const answerEnd = headersEnd + HEADERS_END.length + length;
    return answerEnd <= end ? answerEnd : -1;
  }
}

/** The same, with a new idempotency key of 20 characters in each request. */
export class KeyedHttpProtocol extends HttpProtocol {
  readonly #bytes: Buffer;
  readonly #keyAt: number;
  readonly #connection = randomBytes(4).toString('hex');
  #count = 0;

  constructor(text: string) {
    const lineEnd = text.indexOf('\r\n') + 2;
    const header = `Idempotency-Key: ${''.padEnd(KEY_LENGTH)}\r\n`;
    super(text.slice(0, lineEnd) + header + text.slice(lineEnd));
    this.#bytes = Buffer.from(super.request);
    this.#keyAt = lineEnd + header.length - 2 - KEY_LENGTH;
  }

  override get request(): Uint8Array {
    this.#count += 1;
    const key = this.#connection + String(this.#count).padStart(KEY_LENGTH - 8, '0');
    this.#bytes.write(key, this.#keyAt, 'latin1');
    return this.#bytes;
  }
}

function indexWithin(bytes: Buffer, what: Buffer, start: number, end: number): number {
  const at = bytes.indexOf(what, start);
  return at < 0 || at + what.length > end ? -1 : at;
}

function failure(bytes: Buffer, start: number, end: number): string {
  return `an answer that is none: ${bytes.toString('latin1', start, Math.min(end, start + 400))}`;
}
