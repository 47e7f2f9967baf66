/**
 * What clients append to a master. An append that repeats an earlier one gets the position of that one; a new
 * one is checked against the limits and written. Both are answered at once if `w` nodes hold them, and
 * wait for that otherwise.
 */

import type {
  WaitEnd,
  Waiter,
  WriteConcern,
  WriteConcernTracker,
} from './concerns/write-concern.ts';
import { bytesOfKey } from './log/idempotency.ts';
import { bytesOf } from './log/log.ts';
import type { PackedMessages } from './log/messages.ts';
import type { Replica } from './log/replica.ts';
import type { Prepare } from './protocol.ts';
import type { Refusal } from './refusal.ts';

export interface AppendLimits {
  /** Bytes of memory the log and its keys may take; 0 for no limit. */
  readonly logBytesMax: number;
  /** Clients that may wait at once. */
  readonly waitingMax: number;
}

export interface AppendRequest {
  readonly messages: PackedMessages;
  /** How many nodes must hold the messages before the answer. */
  readonly w: WriteConcern;
  readonly key: string | null;
  /** When to stop waiting, on the core's clock; Infinity for never. */
  readonly deadline: number;
}

/** An append that was accepted (or repeats one): its position, and the wait if it is not over yet. */
export interface Accepted {
  readonly kind: 'accepted';
  readonly seq: number;
  readonly count: number;
  readonly w: number;
  readonly isDuplicate: boolean;
  readonly wait: Waiter | WaitEnd;
}

export class Appends {
  readonly #limits: AppendLimits;
  readonly #replica: Replica;
  readonly #tracker: WriteConcernTracker;

  constructor(limits: AppendLimits, replica: Replica, tracker: WriteConcernTracker) {
    this.#limits = limits;
    this.#replica = replica;
    this.#tracker = tracker;
  }

  /** Answers an append whose key was used before; null if it was not, or there is no key. */
  repeat(
    { messages, key, deadline }: AppendRequest,
    w: number,
    now: number,
    onEnd: (end: WaitEnd) => void,
  ): Accepted | Refusal | null {
    const earlier = key === null ? undefined : this.#replica.keys.find(key);
    if (earlier === undefined) return null;
    const { seq, count } = earlier;
    if (count !== messages.ends.length || this.#replica.log.differsAt(seq, messages) !== null) {
      return { kind: 'refused', problem: 'idempotency-key-reused', seq };
    }
    return this.accept({ seq, count, w, isDuplicate: true }, deadline, now, onEnd);
  }

  /** Writes at the end of the log, or refuses and changes nothing. */
  write(request: AppendRequest, w: number, leadership: Prepare, now: number): Refusal | null {
    const { messages, key, deadline } = request;
    const willWait = (w > 1 || !this.#replica.isDurableAtOnce) && deadline > now;
    const refusal = this.#refusalOfSize(request) ?? (willWait ? this.#refusalToWait() : null);
    if (refusal !== null) return refusal;
    const seq = this.#replica.log.length + 1;
    const keys = key === null ? [] : messages.ends.map((_, i) => [seq + i, key] as const);
    const isWritten = this.#replica.append(messages, leadership, keys);
    return isWritten ? null : { kind: 'refused', problem: 'disk-full' };
  }

  /** Answers for entries that have their position: at once, or with a waiter. */
  accept(
    { seq, count, w, isDuplicate }: Pick<Accepted, 'seq' | 'count' | 'w' | 'isDuplicate'>,
    deadline: number,
    now: number,
    onEnd: (end: WaitEnd) => void,
  ): Accepted | Refusal {
    const accepted = { kind: 'accepted', seq, count, w, isDuplicate } as const;
    const last = seq + count - 1;
    if (this.#tracker.holds(last, w)) return { ...accepted, wait: 'holds' };
    if (deadline <= now) return { ...accepted, wait: 'time-is-up' };
    const refusal = this.#refusalToWait();
    if (refusal !== null) return refusal;
    const wait: Waiter = { seq: last, w, deadline, since: now, onEnd };
    this.#tracker.add(wait);
    return { ...accepted, wait };
  }

  #refusalOfSize({ messages, key }: AppendRequest): Refusal | null {
    const { logBytesMax } = this.#limits;
    const used = this.#replica.bytes;
    const more = bytesOf(messages) + (key === null ? 0 : bytesOfKey(key));
    if (logBytesMax === 0 || used + more <= logBytesMax) return null;
    return { kind: 'refused', problem: 'log-full', limit: logBytesMax, used };
  }

  #refusalToWait(): Refusal | null {
    const { waitingMax } = this.#limits;
    if (this.#tracker.waiting < waitingMax) return null;
    return { kind: 'refused', problem: 'overloaded', limit: waitingMax };
  }
}
