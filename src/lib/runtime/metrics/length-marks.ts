/**
 * When the log had which length, roughly, so that a lag in entries can be given in seconds without a
 * time for each entry. There is one mark an interval; when there are too many, every other one of the
 * older half is dropped, so that older times are less exact.
 */

/** The least time between two marks, in ms. */
export const MARK_INTERVAL_MS = 100;
/** Marks in memory. */
export const MARKS_MAX = 2048;

/** From `at` on, for an interval at most, the log grew to `length`. */
interface Mark {
  readonly at: number;
  length: number;
}

export class LengthMarks {
  #marks: Mark[] = [];

  /** Notes that the log has this length now, in ms. */
  mark(length: number, now: number): void {
    const last = this.#marks.at(-1);
    if (last !== undefined && length <= last.length) return;
    if (last !== undefined && now - last.at < MARK_INTERVAL_MS) {
      last.length = length;
      return;
    }
    this.#marks.push({ at: now, length });
    if (this.#marks.length > MARKS_MAX) {
      this.#marks = this.#marks.filter((_, i) => i >= MARKS_MAX / 2 || i % 2 === 1);
    }
  }

  /** How long ago the log became longer than `length`, in ms, to an interval; 0 if it did not. */
  msSince(length: number, now: number): number {
    const mark = this.#marks.find((each) => each.length > length);
    return mark === undefined ? 0 : now - mark.at;
  }
}
