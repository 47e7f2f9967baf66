/** One request on its way to a handler and back: what it asks, and how it is answered. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { JOINED_BYTES_MAX } from './limits.ts';
import { HttpProblem } from './problems.ts';
import { type Origin, originFields, parseTrace, requestIdOf, type Trace } from './trace.ts';
import { afterTurn } from './turn.ts';

/** Where it is logged what happened to requests. */
export interface RequestLog {
  debug(event: string, fields: Readonly<Record<string, unknown>>): void;
  error(event: string, fields: Readonly<Record<string, unknown>>): void;
}

export class RequestContext implements Origin {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** The path that is asked for. */
  readonly path: string;
  /** The query, without its question mark. */
  readonly query: string;
  /** What stands for `{}` in the route's path; empty if it has none. */
  parameter = '';
  /** Which of the route's media types the client likes best. */
  mediaType = '';
  /** Whether its answer ends the connection: what came behind it must not be done (RFC 9112, 9.6). */
  isLast = false;
  /** The log that it is about, of which all its answers tell, refusals as well; null for none. */
  log: CommittedLog | null = null;
  /** Whether its connection has sent another request behind it, which will be answered as well. */
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

  /** What its answer tells of the log, as that is now; a new list, for more to follow. */
  logHeaders(): HeaderList {
    return this.log === null ? [] : committedHeader(this.log);
  }

  /**
   * Calls `answer` when this turn of the event loop is over, so that the answers of all requests that
   * came in it leave together: a client process that sleeps is woken once, and not by each of them.
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

  /** What tells this request from all others: of the client's choice, or drawn when it is asked for. */
  get requestId(): string {
    this.#requestId ??= requestIdOf(this.req);
    return this.#requestId;
  }

  /** The trace that it belongs to; null if it is none. */
  get trace(): Trace | null {
    return parseTrace(this.req.headers.traceparent as string | undefined);
  }

  /** Answers with the problem that `error` is; anything else is a defect, and is told to the log. */
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

  /** Answers with a problem, if an answer can still be given; otherwise ends the connection. */
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

/** How long the scheme and authority of a target in absolute form are (RFC 9112, 3.2.2). */
function originLength(target: string): number {
  return /^https?:\/\/[^/?]*/i.exec(target)?.[0].length ?? 0;
}

/** A log, of which it is known up to where it is committed. */
export interface CommittedLog {
  readonly committed: number;
}

/** Up to where the node knows its log to be committed; with every answer about the log. */
export function committedHeader({ committed }: CommittedLog): HeaderList {
  return ['Log-Committed', String(committed)];
}

/** Names and values in turn, as `writeHead` takes them. */
export type HeaderList = string[];

/** Answers with JSON text, or with pieces of it, whole. Takes the headers over. */
export function sendJson(
  res: ServerResponse,
  status: number,
  body: string | readonly Uint8Array[],
  headers: HeaderList = [],
): void {
  headers.push('Content-Type', 'application/json');
  send(res, status, body, headers);
}

/** Answers with a text, or with pieces, whole. Takes the headers over. */
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
  // A text leaves in one piece with its headers; most often one that needs no encoding.
  if (isText) res.end(body, bytes === body.length ? 'latin1' : 'utf8');
  else endWith(res, body);
}

/**
 * Writes the pieces and ends the answer. Large ones are views of the log and stay so: an answer may
 * wait for its reader for long, and one packet may ask for thousands of them.
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

/** How many bytes the pieces have. */
export function sumOfLengths(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

/**
 * Waits until the reader has room for the next piece, or is gone. It gives up its turn of the event loop in any
 * case: a reader that takes every piece at once would otherwise keep the process to itself.
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
