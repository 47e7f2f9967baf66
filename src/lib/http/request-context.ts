/** One request: what it asks for, and the ways to answer it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { JOINED_BYTES_MAX } from './limits.ts';
import { HttpProblem } from './problems.ts';
import { type Origin, originFields, parseTrace, requestIdOf, type Trace } from './trace.ts';
import { afterTurn } from './turn.ts';

/** The log of refused and failed requests. */
export interface RequestLog {
  debug(event: string, fields: Readonly<Record<string, unknown>>): void;
  error(event: string, fields: Readonly<Record<string, unknown>>): void;
}

export class RequestContext implements Origin {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly path: string;
  /** The query, without its question mark. */
  readonly query: string;
  /** The segment that matches `{}` in the route's path; empty if the route has none. */
  parameter = '';
  /** The media type of the route that the client prefers. */
  mediaType = '';
  /** Whether its answer ends the connection: later requests on it must not be processed (RFC 9112, 9.6). */
  isLast = false;
  /** The log that it reads or writes; then every answer, also a refusal, has `Log-Committed`. */
  log: { readonly committed: number } | null = null;
  /** Whether another request has come behind it on the connection, which must be answered as well. */
  isFollowed = false;
  readonly #logger: RequestLog;
  #requestId: string | null = null;

  constructor(req: IncomingMessage, res: ServerResponse, logger: RequestLog) {
    this.req = req;
    this.res = res;
    this.#logger = logger;
    const target = req.url ?? '/';
    const start = target.startsWith('/') ? 0 : originLength(target);
    const mark = target.indexOf('?', start);
    this.path = target.slice(start, mark < 0 ? undefined : mark) || '/';
    this.query = mark < 0 ? '' : target.slice(mark + 1);
  }

  /** The header with the committed length of its log, in a new list that the caller may extend. */
  logHeaders(): HeaderList {
    return this.log === null ? [] : ['Log-Committed', String(this.log.committed)];
  }

  /**
   * Calls `answer` at the end of this turn of the event loop, so that the answers to all requests of the turn
   * leave together. A sleeping client process is then woken once instead of once per answer.
   */
  answerSoon(answer: () => void): void {
    afterTurn(() => {
      try {
        answer();
      } catch (error) {
        this.fail(error);
      }
    });
  }

  /** The id of this request: the client's `X-Request-Id`, or a new one. */
  get requestId(): string {
    this.#requestId ??= requestIdOf(this.req);
    return this.#requestId;
  }

  /** The trace that it belongs to; null for none. */
  get trace(): Trace | null {
    return parseTrace(this.req.headers.traceparent as string | undefined);
  }

  /** Answers with `error` if it is an `HttpProblem`. Any other error is a defect: it is logged, and the answer is 500. */
  fail(error: unknown): void {
    const { method } = this.req;
    const origin = originFields(this);
    if (error instanceof HttpProblem) {
      this.#logger.debug('request-refused', { method, problem: error.problem, ...origin });
      this.sendProblem(error);
      return;
    }
    const stack = error instanceof Error ? error.stack : String(error);
    this.#logger.error('handler-failed', { method, stack, ...origin });
    this.sendProblem(new HttpProblem('internal-error', 'see the log of this node'));
  }

  /** Answers with a problem; ends the connection instead if the headers of an answer have been sent. */
  sendProblem(problem: HttpProblem): void {
    const { res, requestId } = this;
    if (res.headersSent) {
      res.destroy();
      return;
    }
    const headers = problem.allHeaders(requestId);
    if (this.isFollowed) delete headers.Connection;
    this.isLast = headers.Connection === 'close';
    const all = [...Object.entries(headers).flat(), ...this.logHeaders()];
    send(res, problem.status, problem.body(requestId), all);
  }
}

/** The length of scheme and authority of a target in absolute form (RFC 9112, 3.2.2). */
function originLength(target: string): number {
  return /^https?:\/\/[^/?]*/i.exec(target)?.[0].length ?? 0;
}

/** Names and values in turn, as `writeHead` takes them. */
export type HeaderList = string[];

/** Sends a whole answer of JSON, as text or in pieces. Modifies `headers`. */
export function sendJson(
  res: ServerResponse,
  status: number,
  body: string | readonly Uint8Array[],
  headers: HeaderList = [],
): void {
  headers.push('Content-Type', 'application/json');
  send(res, status, body, headers);
}

/** Sends a whole answer, as text or in pieces. Modifies `headers`. */
export function send(
  res: ServerResponse,
  status: number,
  body: string | readonly Uint8Array[],
  headers: HeaderList,
): void {
  const isText = typeof body === 'string';
  const bytes = isText ? Buffer.byteLength(body) : sumOfLengths(body);
  headers.push('Content-Length', String(bytes));
  res.writeHead(status, headers);
  // Node sends a text in one piece with the headers. Most texts are ASCII, for which latin1 is faster.
  if (isText) res.end(body, bytes === body.length ? 'latin1' : 'utf8');
  else endWith(res, body);
}

/**
 * Writes the pieces and ends the answer. Large ones stay views of the log instead of copies: answers may wait long
 * for a slow reader, and one packet may ask for thousands of them.
 */
export function endWith(res: ServerResponse, pieces: readonly Uint8Array[]): void {
  if (sumOfLengths(pieces) <= JOINED_BYTES_MAX) {
    res.end(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces));
    return;
  }
  res.cork();
  for (const piece of pieces) res.write(piece);
  res.end();
}

/** The number of bytes in all pieces. */
export function sumOfLengths(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

/**
 * Waits until the reader has room for the next piece, or is gone. It always yields to the event loop: a fast reader
 * would otherwise occupy the process alone.
 */
export async function readyForMore(res: ServerResponse): Promise<void> {
  if (res.writableNeedDrain) await drained(res);
  if (!res.destroyed) await new Promise((resolve) => setImmediate(resolve));
}

function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      res.removeListener('drain', done).removeListener('close', done);
      resolve();
    };
    res.on('drain', done).on('close', done);
  });
}
