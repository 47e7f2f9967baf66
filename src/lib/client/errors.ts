/**
 * What can go wrong for a client: a node refused and said why, or there was no answer. Refused
 * connections, resets, time-outs, cut answers and HTML where JSON belongs are all "no answer".
 */
import type { LogReset } from './receipt.ts';

/** A node answered, but not with success. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  /** The last part of the problem's type, such as `read-only`; `http-<status>` without a problem. */
  readonly problem: string;
  readonly status: number;
  readonly detail: string;
  /** All other members of the problem, such as `missing` or `length`; by `requestId` it is in the node's log. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** How long to wait before another attempt, as `Retry-After` says; 0 if it is not there. In ms. */
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

/** No node gave an answer that makes sense; `cause` is what happened last. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
}

/** A tail gave entries that are not in the log any more; what it gave before `from` is. */
export class LogResetError extends Error implements LogReset {
  override readonly name = 'LogResetError';
  readonly from: number;
  readonly logId: string;
  readonly reason: LogReset['reason'];
  /** Give it to `tail` as `after` to go on at `from`. */
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
 * Whether the same question may be answered later, or elsewhere: there was no answer, or a node or
 * proxy cannot answer now. A full log stays full until somebody acts.
 */
export function mayPass(error: unknown): error is ProblemError | NoAnswerError {
  if (error instanceof NoAnswerError) return true;
  return error instanceof ProblemError && error.status >= 500 && error.problem !== 'log-full';
}

/** Of two failures the one that tells more: a refusal, rather than silence. */
export function moreTelling(before: unknown, now: unknown): unknown {
  return before instanceof ProblemError && !(now instanceof ProblemError) ? before : now;
}

/** The error for an answer of this status and with this body, whatever the body is. */
export function problemOf(status: number, headers: Headers, body: string): ProblemError {
  const retryAfterMs = parseRetryAfter(headers.get('retry-after'));
  try {
    const { type, title, status: _, detail, ...fields } = JSON.parse(body);
    if (typeof type === 'string' && type.startsWith('/problems/')) {
      const name = type.slice('/problems/'.length);
      return new ProblemError(status, name, String(detail ?? title), fields, retryAfterMs);
    }
  } catch {
    // It is no problem in JSON: a proxy answered, or something else that is not a node.
  }
  const detail = 'the answer is not a problem of a node';
  return new ProblemError(status, `http-${status}`, detail, {}, retryAfterMs);
}

/** Seconds, or a date (RFC 9110, 10.2.3), as ms from now; 0 for anything else. */
function parseRetryAfter(text: string | null): number {
  if (text === null) return 0;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}
