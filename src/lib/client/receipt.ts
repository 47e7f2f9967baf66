/** What the master says about an append, and about one entry: who holds it. */

/** How many nodes must hold a message before the answer comes, the master included. */
export type WriteConcern = number | 'majority' | 'all';

/** `pending`: the wait that was asked for ended first; the message is stored and goes on replicating. */
export type Held = 'acknowledged' | 'pending';

/** The answer to an append. */
export interface Receipt {
  readonly status: Held;
  /** The position of the message, or of the first one of a batch. */
  readonly seq: number;
  /** How many messages were appended. */
  readonly count: number;
  readonly epoch: number;
  /** The write concern that was asked for, as a number of nodes. */
  readonly w: number;
  /** The nodes that hold all of it now. */
  readonly acked: readonly string[];
  readonly pending: readonly string[];
  /** Whether an earlier attempt with this key, perhaps one of the same call, had appended it. */
  readonly isDuplicate: boolean;
  /** The idempotency key it was sent with. */
  readonly key: string;
}

/** A message and its position. */
export interface Entry {
  readonly seq: number;
  readonly message: string;
}

/** An entry as a tail gives it. */
export interface TailEntry extends Entry {
  /** Says at any node which entry this was; give it to `tail` as `after` to go on there, also in another process. */
  readonly id: string;
}

/** What a tail gave from seq `from` on is not in the log any more, or may not be. */
export interface LogReset {
  /** The first seq that may differ from what was given. */
  readonly from: number;
  /** The log that the tail goes on with. */
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
 * A receipt from the body and status of an answer.
 * @throws TypeError if it is none
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
 * An entry from the body of an answer, or a line of one.
 * @throws TypeError if it is none
 */
// biome-ignore lint/suspicious/noExplicitAny: what came is not known before it is checked
export function readEntry(body: any): Entry {
  requireSeq(body?.seq);
  if (typeof body.message !== 'string') throw new TypeError('the answer is not an entry');
  return { seq: body.seq, message: body.message };
}

/**
 * An entry and who holds it, from the body and status of a master's answer.
 * @throws TypeError if it is none
 */
// biome-ignore lint/suspicious/noExplicitAny: what came is not known before it is checked
export function readHeldEntry(body: any, status: number): HeldEntry {
  const entry = readEntry(body);
  if (!Array.isArray(body.acked)) throw new TypeError('the answer is not that of a master');
  const { epoch, acked, pending } = body;
  return { ...entry, status: heldBy(status), epoch, acked, pending };
}

/**
 * The data of a `reset`.
 * @throws TypeError if it is none
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
