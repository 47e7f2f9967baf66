/** A histogram of durations; counting a value takes a few nanoseconds. */
import type { HistogramValues } from '../../wire/exposition.ts';

/** Upper bounds of the buckets, in seconds: from one turn of the event loop to a long wait. */
const BOUNDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  30, 60,
];

export class Histogram implements HistogramValues {
  readonly bounds = BOUNDS;
  readonly counts: number[] = BOUNDS.map(() => 0);
  sum = 0;
  count = 0;

  /** Counts one value, in seconds. */
  observe(seconds: number): void {
    let i = 0;
    while (i < BOUNDS.length && seconds > (BOUNDS[i] as number)) i += 1;
    if (i < BOUNDS.length) this.counts[i] = (this.counts[i] as number) + 1;
    this.sum += seconds;
    this.count += 1;
  }
}
