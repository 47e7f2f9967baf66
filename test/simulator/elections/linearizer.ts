/**
 * Whether appends at `majority` and linearizable reads are linearizable. An append is at a position, and a read shows a
 * prefix of the log, the same for all (`committed-is-final`). So there is only one order that can explain all of them:
 * by position, a read behind the last entry that it shows. That order is right exactly if it agrees with real time: what
 * was over before an operation began is not behind it. So one number is enough, the largest position of all operations
 * that are over: an append that begins later must be behind it, and a read that begins later must show that much. No
 * search over orders is needed, and nothing is missed.
 */
import { must } from '../invariant-ids.ts';

/** An operation that is under way: what it must not be before. */
export interface Operation {
  readonly floor: number;
  readonly era: number;
}

export class Linearizer {
  #floor = 0;
  #era = 0;

  begin(): Operation {
    return { floor: this.#floor, era: this.#era };
  }

  /** An append was acknowledged: its first and its last position. */
  appended({ floor, era }: Operation, first: number, last: number): void {
    if (era !== this.#era) return;
    must('linearizable', first > floor, `an append that began after ${floor} is at ${first}`);
    this.#floor = Math.max(this.#floor, last);
  }

  /** A read has shown the log up to `length`. */
  read({ floor, era }: Operation, length: number, who: string): void {
    if (era !== this.#era) return;
    must('linearizable', length >= floor, `a read at ${who} shows ${length}, and not ${floor}`);
    this.#floor = Math.max(this.#floor, length);
  }

  /** Entries were lost, and an operator has accepted it: nothing before counts. */
  forget(): void {
    this.#era += 1;
    this.#floor = 0;
  }
}
