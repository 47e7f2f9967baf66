/** Sends one request to one node: with the token, bounded in time, answered completely or not at all. */
import { backoffMs } from '../core/replication/backoff.ts';
import { chunksOf } from '../replication/peer-answers.ts';
import { NoAnswerError, ProblemError, problemOf } from './errors.ts';
import { Scope } from './scope.ts';

/** Bytes of a refusal that are read; a proxy may send a whole page. */
const REFUSAL_BYTES_MAX = 64 * 1024;

/** A request to any node. */
export interface Question {
  readonly method?: 'GET' | 'HEAD' | 'POST';
  /** With its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A successful answer whose body is still to be read; the caller must close its scope. */
export interface OpenAnswer {
  readonly response: Response;
  readonly scope: Scope;
}

interface CallerOptions {
  readonly token: string | undefined;
  readonly timeoutMs: number;
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  readonly tailCheckMs: number;
}

export class Caller {
  /** How long a node may be silent, beyond the time that it was asked to wait, in ms. */
  readonly timeoutMs: number;
  /** After how long without an entry a tail asks another node for its position, in ms. */
  readonly tailCheckMs: number;
  readonly #options: CallerOptions;
  readonly #headers: Readonly<Record<string, string>>;

  /** @throws TypeError if the token cannot be sent */
  constructor(options: CallerOptions) {
    this.#options = options;
    this.timeoutMs = options.timeoutMs;
    this.tailCheckMs = options.tailCheckMs;
    const { token } = options;
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    new Headers(this.#headers); // Throws now; `fetch` would throw at each attempt.
  }

  /**
   * Sends a request, and resolves when the headers of the answer are there.
   * @param waitMs how long the node was asked to wait before it answers
   * @throws ProblemError for any status but 2xx, NoAnswerError if there is none
   */
  async open(outer: Scope, url: string, question: Question, waitMs = 0): Promise<OpenAnswer> {
    const scope = new Scope([outer.signal]);
    scope.expireIn(waitMs + this.timeoutMs);
    const { method = 'GET', path, headers = {}, body } = question;
    try {
      const answering = fetch(url + path, {
        method,
        headers: { ...this.#headers, ...headers },
        redirect: 'error',
        signal: scope.signal,
        ...bodyOf(body),
      });
      const response = await scope.within(answering);
      if (!response.ok) throw await refusalIn(response, scope);
      scope.rest();
      return { response, scope };
    } catch (error) {
      scope.close();
      throw noAnswerUnlessProblem(url, error);
    }
  }

  /**
   * Sends a request, and reads the whole answer as JSON; `read` checks it, and throws if it is not as expected.
   * @throws ProblemError for any status but 2xx, NoAnswerError if no such answer came
   */
  async ask<Value>(
    outer: Scope,
    url: string,
    question: Question,
    // biome-ignore lint/suspicious/noExplicitAny: what came is not known before it is checked
    read: (body: any, response: Response) => Value,
    waitMs = 0,
  ): Promise<Value> {
    const { response, scope } = await this.open(outer, url, question, waitMs);
    try {
      return read(JSON.parse(await this.#textOf(response, scope)), response);
    } catch (error) {
      throw noAnswerUnlessProblem(url, error);
    } finally {
      scope.close();
    }
  }

  /** Waits before the next attempt: at least for `leastMs`, and longer after each failure. */
  async pause(scope: Scope, failures: number, leastMs: number): Promise<void> {
    const { backoffBaseMs, backoffMaxMs } = this.#options;
    const delayMs = backoffMs(Math.max(1, failures), backoffBaseMs, backoffMaxMs, Math.random());
    // The jitter is added to `Retry-After`, or all clients that got the same value would retry together.
    await scope.sleep(leastMs + delayMs);
  }

  async #textOf(response: Response, scope: Scope): Promise<string> {
    const chunks: Uint8Array[] = [];
    scope.expireIn(this.timeoutMs);
    for await (const chunk of chunksOf(response, scope.signal)) {
      chunks.push(chunk);
      scope.expireIn(this.timeoutMs);
    }
    return Buffer.concat(chunks).toString();
  }
}

/**
 * A body that cannot be read twice: `fetch` sends any other one again by itself when the answer is 421. With
 * credentials of its own, of which it has none, it would not show a 401 then.
 */
function bodyOf(body: string | undefined): RequestInit & { duplex?: 'half' } {
  if (body === undefined) return {};
  return { body: new Blob([body]).stream(), duplex: 'half', credentials: 'omit' };
}

async function refusalIn(response: Response, scope: Scope): Promise<ProblemError> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunksOf(response, scope.signal)) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > REFUSAL_BYTES_MAX) break;
  }
  return problemOf(response.status, response.headers, Buffer.concat(chunks).toString());
}

/** A `ProblemError` as it is; every other error means that there was no answer. */
function noAnswerUnlessProblem(url: string, error: unknown): ProblemError | NoAnswerError {
  if (error instanceof ProblemError) return error;
  const { message, cause } = error as Error & { cause?: { code?: string } };
  const why = cause?.code === undefined ? message : `${message}: ${cause.code}`;
  return new NoAnswerError(`no answer from ${url}: ${why}`, { cause: error });
}
