/** The options of each call, and the request or range that is made of them. */

import type { ReadConcern as ShownConcern } from '../core/concerns/read-barrier.ts';
import { isIdempotencyKey } from '../core/log/idempotency.ts';
import { READ_WAIT_MS } from '../http/limits.ts';
import type { Question } from './caller.ts';
import type { Range } from './reading.ts';
import type { LogReset, WriteConcern } from './receipt.ts';

export interface ClientOptions {
  /**
   * `http://host:port` of nodes, in the order in which they are read from. Appends need the master among them, so name
   * all members where the master is elected. No other URL is called.
   */
  readonly nodes: readonly string[];
  /** The `API_TOKEN` of the nodes. */
  readonly token?: string | undefined;
  /** Ends all calls of this client, with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** How long a node may be silent when it should answer, in ms; default 5000. */
  readonly timeoutMs?: number;
  /** The upper bound of the first and of the longest pause between attempts, in ms; default 50 and 2000. */
  readonly backoffBaseMs?: number;
  readonly backoffMaxMs?: number;
  /** After how long without an entry a tail asks another node for its position, in ms; default 15000. */
  readonly tailCheckMs?: number;
}

export interface CallOptions {
  /** Ends this call, with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Which entries a read is shown; see `ConcernOptions`. */
export type ReadConcern = ShownConcern | 'linearizable';

export interface TailOptions extends CallOptions {
  /** As for reads; a tail cannot be linearizable. */
  readonly readConcern?: ShownConcern | undefined;
  /** The first seq; default 1. */
  readonly from?: number | undefined;
  /** In place of `from`: goes on after the entry with this `id`, which this or an earlier tail gave. */
  readonly after?: string | undefined;
  /**
   * Called when entries that the tail gave are no longer in the log; then the tail goes on at `reset.from`. Without
   * it the tail ends with a LogResetError.
   */
  readonly onReset?: ((reset: LogReset) => void) | undefined;
}

export interface ConcernOptions {
  /**
   * `local` (default): all that a node shows. `majority`: what it knows to be committed, so that it cannot be lost.
   * `linearizable`: all that was acknowledged at `majority` before the read began, and nothing that is not committed.
   * A node confirms that with the master, within `waitMs`; members can, and a master.
   */
  readonly readConcern?: ReadConcern | undefined;
}

export interface WaitOptions extends CallOptions {
  /** How many nodes must hold it; default the master's `DEFAULT_W`. */
  readonly w?: WriteConcern | undefined;
  /** How long the master waits for them once it answers, in ms (rounded up to seconds); default without limit. */
  readonly waitMs?: number | undefined;
}

export interface AppendOptions extends WaitOptions {
  /** The idempotency key, 1 to 255 printable ASCII characters; default a random UUID. */
  readonly key?: string | undefined;
}

export interface ReadOptions extends CallOptions, ConcernOptions {
  /** The first seq; default 1. */
  readonly from?: number | undefined;
  /** The largest number of messages; default all. */
  readonly limit?: number | undefined;
  /** Read only from a node that shows this seq. */
  readonly minSeq?: number | undefined;
  /** Read only from a node that shows everything that this client has appended. */
  readonly afterMyWrites?: boolean | undefined;
  /**
   * How long nodes may wait until they show it, or have confirmed a linearizable read, in ms (rounded up to seconds);
   * default 5000.
   */
  readonly waitMs?: number | undefined;
}

export interface EntryOptions extends CallOptions, ConcernOptions {
  /** How long nodes may wait until they have confirmed a linearizable read, in ms (rounded up); default 5000. */
  readonly waitMs?: number | undefined;
}

/** @throws RangeError if it is not a number of ms from 0 */
export function requireWaitMs(waitMs: number): void {
  if (waitMs >= 0) return;
  throw new RangeError(`waitMs must be a number of milliseconds from 0; got ${waitMs}`);
}

/**
 * The request to append one message, or a batch.
 * @throws TypeError if the key is invalid
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
 * The range that the options describe.
 * @param lastWritten the highest seq of this client's appends
 * @throws RangeError if `waitMs` is not a number from 0
 */
export function rangeOf(options: ReadOptions, lastWritten: number): Range {
  const { from = 1, limit, minSeq = 0, afterMyWrites = false, waitMs = READ_WAIT_MS } = options;
  const { readConcern = 'local' } = options;
  requireWaitMs(waitMs);
  const barrier = afterMyWrites ? Math.max(minSeq, lastWritten) : minSeq;
  return { from, limit, minSeq: barrier, waitMs, readConcern };
}
