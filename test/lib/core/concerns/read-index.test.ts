import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ReadIndex } from '../../../../src/lib/core/concerns/read-index.ts';

/** An index with these waits: [name, question, length, deadline]; its ends are lines. */
function withWaits(...waits: [string, number, number, number][]) {
  const lines: string[] = [];
  const index = new ReadIndex();
  const added = waits.map(([name, question, length, deadline]) => {
    const onEnd = (end: string) => lines.push(`${name} ${end}`);
    const wait = { question, length, deadline, onEnd };
    index.add(wait);
    return wait;
  });
  return { index, lines, added };
}

describe('ReadIndex', () => {
  const table: [what: string, answered: number, committed: number, ends: string[]][] = [
    ['ends nobody before a later question is answered', 1, 9, []],
    ['ends who came before the question that is answered', 2, 9, ['a confirmed']],
    ['ends all once all questions and lengths are reached', 4, 9, ['a confirmed', 'b confirmed']],
    ['ends nobody whose length is not committed', 4, 4, []],
    ['ends only those whose length is committed', 4, 5, ['a confirmed']],
  ];
  for (const [what, answered, committed, ends] of table) {
    it(what, () => {
      const { index, lines } = withWaits(['a', 1, 5, 100], ['b', 3, 7, 50]);
      index.settle(answered, committed);
      assert.deepEqual(lines, ends);
      assert.equal(index.waiting, 2 - ends.length);
    });
  }

  it('ends those whose time is up, and says when the next is due', () => {
    const { index, lines } = withWaits(['a', 1, 5, 100], ['b', 3, 7, 50]);
    assert.equal(index.nextDeadline, 50);
    index.expire(49);
    assert.deepEqual(lines, []);
    index.expire(50);
    assert.deepEqual(lines, ['b time-is-up']);
    assert.equal(index.nextDeadline, 100);
    index.expire(100);
    assert.equal(index.nextDeadline, Number.POSITIVE_INFINITY);
  });

  it('forgets a reader that went away, and ends all others for a reason', () => {
    const { index, lines, added } = withWaits(['a', 1, 5, 100], ['b', 3, 7, 50]);
    index.cancel(added[0] as (typeof added)[0]);
    index.endAll('stopping');
    assert.deepEqual(lines, ['b stopping']);
    assert.equal(index.waiting, 0);
  });
});
