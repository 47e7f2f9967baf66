/**
 * The errors of the client: a node refused and said why, or there was no answer. Refused connections, resets,
 * time-outs, truncated answers and HTML in place of JSON all count as no answer.
 */
import type { LogReset } from './receipt.ts';

/** A node answered with a status other than 2xx. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  /** The last part of the problem's type, such as `read-only`; `http-<status>` without a problem. */
  readonly problem: string;
  readonly status: number;
  readonly detail: string;
  /** All other members of the problem, such as `missing` or `length`; `requestId` is also in the node's log. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** How long to wait before another attempt (`Retry-After`), in ms; 0 without the header. */
  readonly retryAfterMs: number;

  constructor(
    status: number,
    problem: string,
    detail: string,
    fields: Readonly<Record<string, unknown>> = {},
    retryAfterMs = 0,
  ) {
    super(`${status} ${problem}: ${detail}`);
    this.problem = problem;
    this.status = status;
    this.detail = detail;
    this.fields = fields;
    this.retryAfterMs = retryAfterMs;
  }
}

/** No node gave a valid answer; `cause` is the last failure. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
}

/** Entries that a tail gave are no longer in the log; those before `from` are. */
export class LogResetError extends Error implements LogReset {
  override readonly name = 'LogResetError';
  readonly from: number;
  readonly logId: string;
  readonly reason: LogReset['reason'];
  /** Pass it to `tail` as `after` to go on at `from`. */
  readonly id: string;

  constructor({ from, logId, reason }: LogReset, id: string) {
    const why = reason === 'cut' ? 'entries were cut off' : 'it is another log';
    super(`what the tail gave from seq ${from} on is not in the log any more: ${why} (${logId})`);
    this.from = from;
    this.logId = logId;
    this.reason = reason;
    this.id = id;
  }
}

/**
 * Whether the same request may succeed later or at another node: there was no answer, or a node or proxy cannot
 * answer now. A full log is excluded, because it stays full until an operator acts.
 */
export function mayPass(error: unknown): error is ProblemError | NoAnswerError {
  if (error instanceof NoAnswerError) return true;
  return error instanceof ProblemError && error.status >= 500 && error.problem !== 'log-full';
}

/** How long to wait before another attempt at the same node, in ms; 0 if the failure does not say. */
export function retryAfterMs(error: unknown): number {
  return error instanceof ProblemError ? error.retryAfterMs : 0;
}

/** The more informative of two failures: a refusal rather than silence. */
export function moreTelling(before: unknown, now: unknown): unknown {
  return before instanceof ProblemError && !(now instanceof ProblemError) ? before : now;
}

/** The error for an answer with this status and any body. */
export function problemOf(status: number, headers: Headers, body: string): ProblemError {
  const retryAfterMs = parseRetryAfter(headers.get('retry-after'));
  try {
    const { type, title, status: _, detail, ...fields } = JSON.parse(body);
    if (typeof type === 'string' && type.startsWith('/problems/')) {
      const name = type.slice('/problems/'.length);
      return new ProblemError(status, name, String(detail ?? title), fields, retryAfterMs);
    }
  } catch {
    // The body is not JSON: a proxy answered, or another server that is not a node.
  }
  const detail = 'the answer is not a problem of a node';
  return new ProblemError(status, `http-${status}`, detail, {}, retryAfterMs);
}

/** Reads seconds or a date (RFC 9110, 10.2.3) as ms from now; 0 for anything else. */
function parseRetryAfter(text: string | null): number {
  if (text === null) return 0;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}
