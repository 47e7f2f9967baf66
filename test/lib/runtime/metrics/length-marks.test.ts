import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  LengthMarks,
  MARK_INTERVAL_MS,
  MARKS_MAX,
} from '../../../../src/lib/runtime/metrics/length-marks.ts';

describe('LengthMarks', () => {
  it('tell how long ago the log became longer', () => {
    const marks = new LengthMarks();
    assert.equal(marks.msSince(0, 5), 0);
    marks.mark(3, 1000);
    marks.mark(5, 2000);
    assert.equal(marks.msSince(0, 2500), 1500);
    assert.equal(marks.msSince(3, 2500), 500);
    assert.equal(marks.msSince(5, 2500), 0);
  });

  it('are few: what grows within an interval has one mark, and what does not grow none', () => {
    const marks = new LengthMarks();
    marks.mark(1, 0);
    marks.mark(2, MARK_INTERVAL_MS - 1);
    assert.equal(marks.msSince(1, 1000), 1000);
    marks.mark(2, 2 * MARK_INTERVAL_MS);
    marks.mark(3, 3 * MARK_INTERVAL_MS);
    assert.equal(marks.msSince(2, 1000), 1000 - 3 * MARK_INTERVAL_MS);
  });

  it('are thinned out where they are old, by which times become shorter, never longer', () => {
    const marks = new LengthMarks();
    const count = 4 * MARKS_MAX;
    for (let i = 1; i <= count; i += 1) marks.mark(i, i * MARK_INTERVAL_MS);
    const now = count * MARK_INTERVAL_MS;
    for (let length = 0; length < count; length += 1) {
      const exact = now - (length + 1) * MARK_INTERVAL_MS;
      const told = marks.msSince(length, now);
      const isRecent = length > count - MARKS_MAX / 2;
      assert(told <= exact && (!isRecent || told === exact), `${told} for ${exact}`);
    }
  });
});
