/** Reads a whole request body. Each body is bounded in bytes and time, all bodies together in bytes. */

import { type BodySink, BufferedRequest } from './buffered-request.ts';
import { ByteBudget, ByteBuffer, TooManyBytes } from './byte-buffer.ts';
import { BODIES_BYTES_MAX, BODY_TIMEOUT_MS } from './limits.ts';
import { HttpProblem } from './problems.ts';
import type { RequestContext } from './request-context.ts';
import { afterTurn } from './turn.ts';

const allBodies = new ByteBudget(BODIES_BYTES_MAX);

/**
 * Calls `onBody` once the whole body has arrived, mostly within this turn of the event loop. The bytes are
 * valid until `onBody` returns; an error that it throws becomes the answer. Refuses with 413 beyond `bytesMax`
 * (at once if `Content-Length` says so), 408 when the body takes too long, 503 while all bodies together have
 * too many bytes. The rest of a refused body is read and discarded for a bounded time: a client that still
 * sends would see a reset connection instead of the answer. A client that disconnects is not answered.
 */
export function readBody(
  context: RequestContext,
  bytesMax: number,
  onBody: (bytes: Uint8Array) => void,
): void {
  const { req } = context;
  if (Number(req.headers['content-length'] ?? 0) > bytesMax) throw tooLarge(bytesMax);
  const body = new Body(context, bytesMax, onBody);
  if (req instanceof BufferedRequest) req.bufferInto(body);
  else {
    req.on('data', (piece: Buffer) => body.onPiece(piece));
    req.on('end', () => body.onEnd());
  }
  // A body that came in one packet with its headers has arrived by then, and needs no timer.
  afterTurn(() => body.watch());
}

class Body implements BodySink {
  readonly #context: RequestContext;
  readonly #bytesMax: number;
  readonly #onBody: (bytes: Uint8Array) => void;
  readonly #bytes: ByteBuffer;
  #isOver = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(context: RequestContext, bytesMax: number, onBody: (bytes: Uint8Array) => void) {
    this.#context = context;
    this.#bytesMax = bytesMax;
    this.#onBody = onBody;
    this.#bytes = new ByteBuffer(bytesMax, allBodies);
  }

  onPiece(piece: Uint8Array): void {
    if (this.#isOver) return;
    try {
      this.#bytes.push(piece);
    } catch (error) {
      this.#fail(error instanceof TooManyBytes ? tooLarge(this.#bytesMax) : error);
    }
  }

  onEnd(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    try {
      this.#onBody(this.#bytes.takeAll());
    } catch (error) {
      this.#context.fail(error);
    }
    this.#bytes.reuse();
  }

  /** Starts the time limit for the rest of the body, and ends it when the connection closes. */
  watch(): void {
    if (this.#isOver) return;
    if (this.#context.req.destroyed) {
      this.#end();
      return;
    }
    this.#timer = setTimeout(() => this.#fail(tooSlow()), BODY_TIMEOUT_MS);
    this.#context.req.once('close', () => this.#end());
  }

  #fail(problem: unknown): void {
    this.#end();
    this.#context.fail(problem);
  }

  #end(): void {
    this.#isOver = true;
    this.#bytes.clear();
    clearTimeout(this.#timer);
  }
}

function tooLarge(bytesMax: number): HttpProblem {
  const detail = `the body may have ${bytesMax} bytes`;
  return new HttpProblem('content-too-large', detail, { limit: bytesMax });
}

function tooSlow(): HttpProblem {
  const detail = `the body must arrive within ${BODY_TIMEOUT_MS} ms`;
  return new HttpProblem('request-timeout', detail, {}, { Connection: 'close' });
}
