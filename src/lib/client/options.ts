/** What callers may wish for, and what becomes of it: a question, or a range with nothing left open. */

import type { ReadConcern } from '../core/concerns/read-barrier.ts';
import { isIdempotencyKey } from '../core/log/idempotency.ts';
import { READ_WAIT_MS } from '../http/limits.ts';
import type { Question } from './caller.ts';
import type { Range } from './reading.ts';
import type { LogReset, WriteConcern } from './receipt.ts';

/** How to reach a cluster. */
export interface ClientOptions {
  /** `http://host:port` of nodes, in the order in which they are read from; appends need the master among them. */
  readonly nodes: readonly string[];
  /** The `API_TOKEN` of the nodes. */
  readonly token?: string | undefined;
  /** Ends everything this client does, with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** How long a node may be silent when it should answer, in ms; default 5000. */
  readonly timeoutMs?: number;
  /** The window of the first pause between attempts, and of the longest, in ms; default 50 and 2000. */
  readonly backoffBaseMs?: number;
  readonly backoffMaxMs?: number;
  /** After how long without an entry a tail asks another node whether it shows more, in ms; default 15000. */
  readonly tailCheckMs?: number;
}

export interface CallOptions {
  /** Ends this call, with its reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface TailOptions extends CallOptions, ConcernOptions {
  /** The first seq; default 1. */
  readonly from?: number | undefined;
  /** Goes on after the entry with this `id`, instead of `from`: what a tail, perhaps an earlier one, gave last. */
  readonly after?: string | undefined;
  /**
   * Called, before the tail goes on at `reset.from`, when entries that it gave are not in the log any more.
   * Without it the tail ends with a LogResetError.
   */
  readonly onReset?: ((reset: LogReset) => void) | undefined;
}

/** What is read: all that a node shows, or only what it knows to be committed, which no later master can take back. */
export interface ConcernOptions {
  /** Default `local`. */
  readonly readConcern?: ReadConcern | undefined;
}

export interface WaitOptions extends CallOptions {
  /** How many nodes must hold it; the master's `DEFAULT_W` if not said. */
  readonly w?: WriteConcern | undefined;
  /** How long the master, once it answers, waits for them, in ms (counted in whole seconds); default: for ever. */
  readonly waitMs?: number | undefined;
}

export interface AppendOptions extends WaitOptions {
  /** The idempotency key, 1 to 255 printable ASCII characters; a random UUID if not said. */
  readonly key?: string | undefined;
}

export interface ReadOptions extends CallOptions, ConcernOptions {
  /** The first seq; default 1. */
  readonly from?: number | undefined;
  /** How many messages at most; default all. */
  readonly limit?: number | undefined;
  /** Read only from a node that shows this seq. */
  readonly minSeq?: number | undefined;
  /** The same, for all that this client has appended. */
  readonly afterMyWrites?: boolean | undefined;
  /** How long nodes may wait until they show it, in ms (counted in whole seconds); default 5000. */
  readonly waitMs?: number | undefined;
}

/** @throws RangeError if it is not a number of ms from 0 */
export function requireWaitMs(waitMs: number): void {
  if (waitMs >= 0) return;
  throw new RangeError(`waitMs must be a number of milliseconds from 0; got ${waitMs}`);
}

/**
 * The append of one message, or of a batch.
 * @throws TypeError if the key is none
 */
export function appendQuestion(
  messages: string | readonly string[],
  w: WriteConcern | undefined,
  key: string,
): Question {
  if (!isIdempotencyKey(key)) {
    throw new TypeError('key must be 1 to 255 printable ASCII characters');
  }
  const content = typeof messages === 'string' ? { message: messages } : { messages };
  const headers = {
    'content-type': 'application/json',
    'idempotency-key': `"${key.replace(/["\\]/g, '\\$&')}"`,
  };
  return { method: 'POST', path: '/messages', headers, body: JSON.stringify({ ...content, w }) };
}

/**
 * The range that is meant.
 * @param lastWritten the last position that this client's appends were given
 * @throws RangeError if `waitMs` is not a number from 0
 */
export function rangeOf(options: ReadOptions, lastWritten: number): Range {
  const { from = 1, limit, minSeq = 0, afterMyWrites = false, waitMs = READ_WAIT_MS } = options;
  const { readConcern = 'local' } = options;
  requireWaitMs(waitMs);
  const barrier = afterMyWrites ? Math.max(minSeq, lastWritten) : minSeq;
  return { from, limit, minSeq: barrier, waitMs, readConcern };
}
