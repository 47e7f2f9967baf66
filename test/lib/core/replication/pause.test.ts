import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PAUSE_MS, PauseExcuse } from '../../../../src/lib/core/replication/pause.ts';

describe('PauseExcuse', () => {
  it('excuses what is noticed far too late, and nothing else', () => {
    for (const lateMs of [0, 1, PAUSE_MS]) assert.equal(new PauseExcuse().excuses(lateMs), false);
    assert.equal(new PauseExcuse().excuses(PAUSE_MS + 1), true);
  });

  it('excuses once in a row, so that one that is always late judges in the end', () => {
    const excuse = new PauseExcuse();
    assert.deepEqual(
      [1, 2, 3, 4].map(() => excuse.excuses(PAUSE_MS + 1)),
      [true, false, true, false],
    );
  });

  it('excuses again after the peer was heard', () => {
    const excuse = new PauseExcuse();
    assert.equal(excuse.excuses(PAUSE_MS + 1), true);
    excuse.renew();
    assert.equal(excuse.excuses(PAUSE_MS + 1), true);
  });
});
