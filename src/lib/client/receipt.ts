/** The answers about entries: the receipt of an append, an entry and which nodes hold it, a reset. */

/** How many nodes must hold a message before the answer comes, the master included. */
export type WriteConcern = number | 'majority' | 'all';

/** `pending`: the requested wait ended first; the message is stored and goes on replicating. */
export type Held = 'acknowledged' | 'pending';

/** The answer to an append. */
export interface Receipt {
  readonly status: Held;
  /** The position of the message, or of the first one of a batch. */
  readonly seq: number;
  readonly count: number;
  readonly epoch: number;
  /** The requested write concern, as a number of nodes. */
  readonly w: number;
  /** The nodes that hold all of it now. */
  readonly acked: readonly string[];
  readonly pending: readonly string[];
  /** Whether an earlier attempt with this key, perhaps of the same call, had appended it. */
  readonly isDuplicate: boolean;
  /** The idempotency key of the append. */
  readonly key: string;
}

export interface Entry {
  readonly seq: number;
  readonly message: string;
}

export interface TailEntry extends Entry {
  /** Identifies this entry at any node. Pass it to `tail` as `after` to go on behind it, also in another process. */
  readonly id: string;
}

/** The entries that a tail gave from seq `from` on may no longer be in the log. */
export interface LogReset {
  /** The first seq that may differ from what was given. */
  readonly from: number;
  /** The log with which the tail goes on. */
  readonly logId: string;
  /** `cut`: entries of this log were cut off; `other-log`: it is another log. */
  readonly reason: 'cut' | 'other-log';
}

/** An entry, and which nodes hold it. */
export interface HeldEntry extends Entry {
  readonly status: Held;
  readonly epoch: number;
  readonly acked: readonly string[];
  readonly pending: readonly string[];
}

/**
 * Reads a receipt from the body and status of an answer.
 * @throws TypeError if the body is not a receipt
 */
// biome-ignore lint/suspicious/noExplicitAny: what came is not known before it is checked
export function readReceipt(body: any, status: number, key: string): Receipt {
  requireSeq(body?.seq);
  if (!Array.isArray(body.acked)) throw new TypeError('the answer is not a receipt');
  const { seq, count = 1, epoch, w, acked, pending, duplicate = false } = body;
  return {
    status: heldBy(status),
    seq,
    count,
    epoch,
    w,
    acked,
    pending,
    isDuplicate: duplicate,
    key,
  };
}

/**
 * Reads an entry from the body of an answer, or a line of one.
 * @throws TypeError if it is not an entry
 */
// biome-ignore lint/suspicious/noExplicitAny: what came is not known before it is checked
export function readEntry(body: any): Entry {
  requireSeq(body?.seq);
  if (typeof body.message !== 'string') throw new TypeError('the answer is not an entry');
  return { seq: body.seq, message: body.message };
}

/**
 * Reads an entry and which nodes hold it from the body and status of a master's answer.
 * @throws TypeError if it is not such an entry
 */
// biome-ignore lint/suspicious/noExplicitAny: what came is not known before it is checked
export function readHeldEntry(body: any, status: number): HeldEntry {
  const entry = readEntry(body);
  if (!Array.isArray(body.acked)) throw new TypeError('the answer is not that of a master');
  const { epoch, acked, pending } = body;
  return { ...entry, status: heldBy(status), epoch, acked, pending };
}

/**
 * Reads the data of a `reset`.
 * @throws TypeError if it is not that of a reset
 */
// biome-ignore lint/suspicious/noExplicitAny: what came is not known before it is checked
export function readReset(data: any): LogReset {
  const { from, logId, reason } = data ?? {};
  requireSeq(from);
  if (typeof logId !== 'string' || !['cut', 'other-log'].includes(reason)) {
    throw new TypeError('the answer is not a reset');
  }
  return { from, logId, reason };
}

function heldBy(status: number): Held {
  return status === 202 ? 'pending' : 'acknowledged';
}

function requireSeq(seq: unknown): void {
  if (!Number.isSafeInteger(seq) || (seq as number) < 1) throw new TypeError('there is no seq');
}
