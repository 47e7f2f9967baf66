/**
 * When a client may be answered. THE ACK RULE: an entry holds at write concern w when the w-th largest acked
 * length has reached its seq, the master's own length counting as one of them. Lengths decide, not
 * counts of acks, so a repeated ack or a node that comes back empty can never be counted wrongly.
 * The model is hashicorp/raft's `commitment.go`.
 */
import { majorityOf } from '../replication/quorum.ts';
import { SortedList } from './sorted-list.ts';

/** How many nodes must hold a message, the master included. */
export type WriteConcern = number | 'majority' | 'all';

/** The number of nodes that `w` asks for in a cluster of `nodes`. */
export function nodesRequired(w: WriteConcern, nodes: number): number {
  if (w === 'all') return nodes;
  return w === 'majority' ? majorityOf(nodes) : w;
}

/** Why a wait ended: w nodes hold the entry, its deadline has passed, the node stops, or there is a newer master. */
export type WaitEnd = 'holds' | 'time-is-up' | 'stopping' | 'fenced';

/** A client that waits until the entry at `seq` is on `w` nodes. */
export interface Waiter {
  readonly seq: number;
  readonly w: number;
  /** When to stop waiting, on the core's clock in ms; Infinity for never. */
  readonly deadline: number;
  /** When it began to wait, on the same clock. */
  readonly since: number;
  /** Called exactly once, unless the waiter was removed. */
  readonly onEnd: (end: WaitEnd) => void;
}

export class WriteConcernTracker {
  /** Acked lengths, largest first; [w - 1] is the length that holds at write concern w. */
  readonly #lengths: number[];
  /** [w - 1]: who waits for w nodes, by seq. */
  readonly #bySeq: SortedList<Waiter>[];
  /** The waiters that have a deadline, by deadline. */
  readonly #byDeadline = new SortedList<Waiter>(({ deadline }) => deadline, arrivalOf);

  constructor(nodes: number) {
    this.#lengths = new Array<number>(nodes).fill(0);
    this.#bySeq = this.#lengths.map(() => new SortedList<Waiter>(({ seq }) => seq, arrivalOf));
  }

  /** How many clients wait. */
  get waiting(): number {
    let count = 0;
    for (const waiters of this.#bySeq) count += waiters.size;
    return count;
  }

  /** When the oldest wait began; Infinity if nobody waits. */
  get oldestSince(): number {
    let since = Number.POSITIVE_INFINITY;
    for (const waiters of this.#bySeq) {
      for (const waiter of waiters) since = Math.min(since, waiter.since);
    }
    return since;
  }

  /** The earliest deadline of a waiter; Infinity if none has one. */
  get nextDeadline(): number {
    return this.#byDeadline.first?.deadline ?? Number.POSITIVE_INFINITY;
  }

  /** The largest seq that anybody waits for; 0 if nobody does. */
  get lastAwaited(): number {
    let seq = 0;
    for (const waiters of this.#bySeq) seq = Math.max(seq, waiters.last?.seq ?? 0);
    return seq;
  }

  /** Up to where the log is on at least `w` nodes, 1 to all of them. */
  lengthHeldBy(w: number): number {
    return this.#lengths[w - 1] as number;
  }

  /** Whether the entry at `seq` is on at least `w` nodes. */
  holds(seq: number, w: number): boolean {
    return seq <= (this.#lengths[w - 1] ?? 0);
  }

  add(waiter: Waiter): void {
    this.#bySeq[waiter.w - 1]?.insert(waiter);
    if (isBounded(waiter)) this.#byDeadline.insert(waiter);
  }

  /** Forgets a waiter that went away; its `onEnd` is not called. Does nothing if its wait is over. */
  remove(waiter: Waiter): void {
    this.#bySeq[waiter.w - 1]?.remove(waiter);
    if (isBounded(waiter)) this.#byDeadline.remove(waiter);
  }

  /** Sets what every node holds now, and ends the waits whose write concern holds. */
  update(lengths: readonly number[]): void {
    this.#sort(lengths);
    for (let index = 0; index < this.#bySeq.length; index += 1) {
      const waiters = this.#bySeq[index] as SortedList<Waiter>;
      const held = this.#lengths[index] as number;
      if (waiters.first === undefined || waiters.first.seq > held) continue;
      this.#end(waiters.takeUpTo(held), 'holds');
    }
  }

  /** Sorts the lengths, largest first: by insertion and in place, because every append does it. */
  #sort(lengths: readonly number[]): void {
    for (let count = 0; count < lengths.length; count += 1) {
      const length = lengths[count] as number;
      let place = count;
      for (; place > 0 && (this.#lengths[place - 1] as number) < length; place -= 1) {
        this.#lengths[place] = this.#lengths[place - 1] as number;
      }
      this.#lengths[place] = length;
    }
  }

  /** Ends the wait of all whose deadline has come. */
  expire(now: number): void {
    const expired = this.#byDeadline.takeUpTo(now);
    if (expired.length === 0) return;
    for (const [index, waiters] of this.#bySeq.entries()) {
      waiters.removeAll(expired.filter(({ w }) => w === index + 1));
    }
    for (const waiter of expired) waiter.onEnd('time-is-up');
  }

  /** Ends every wait, for this reason. */
  endAll(end: WaitEnd): void {
    for (const waiters of this.#bySeq) {
      this.#end(waiters.takeUpTo(Number.POSITIVE_INFINITY), end);
    }
  }

  /** Ends the waits of waiters that were removed from their list by seq. */
  #end(waiters: readonly Waiter[], end: WaitEnd): void {
    this.#byDeadline.removeAll(waiters.filter(isBounded));
    for (const waiter of waiters) waiter.onEnd(end);
  }
}

function arrivalOf({ since }: Waiter): number {
  return since;
}

function isBounded({ deadline }: Waiter): boolean {
  return deadline !== Number.POSITIVE_INFINITY;
}
