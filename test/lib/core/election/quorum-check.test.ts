import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { QuorumCheck } from '../../../../src/lib/core/election/quorum-check.ts';

const NEVER = Number.NEGATIVE_INFINITY;

describe('QuorumCheck', () => {
  it('is lost when no majority has answered what was asked within the time-out', () => {
    const check = new QuorumCheck(1000, 100);
    assert.equal(check.isLost(1099, NEVER, 0, 0), false, 'it has just taken over');
    assert.equal(check.isLost(1100, NEVER, 0, 0), true);
    assert.equal(check.isLost(1100, 101, 0, 0), false);
    assert.equal(check.isLost(1101, 101, 0, 0), true);
  });

  it('looks again after a while', () => {
    const check = new QuorumCheck(1000, 100);
    const first = check.nextAt;
    check.isLost(first, first, 0, 0);
    assert.equal(check.nextAt - first, first - 100);
  });

  it('is lost when the disk of the master has not gone on for so long, though all answer', () => {
    const check = new QuorumCheck(1000, 0);
    assert.equal(check.isLost(200, 200, 3, 3), false);
    assert.equal(check.isLost(400, 400, 3, 9), false);
    assert.equal(check.isLost(1199, 1199, 3, 9), false);
    assert.equal(check.isLost(1200, 1200, 3, 9), true);
  });

  it('counts a disk that goes on, but from the look before: a pause may lie between', () => {
    const check = new QuorumCheck(1000, 0);
    assert.equal(check.isLost(200, 200, 3, 9), false);
    assert.equal(check.isLost(400, 400, 4, 9), false);
    assert.equal(check.isLost(1200, 1200, 5, 9), false);
    assert.equal(check.isLost(1500, 1500, 5, 9), true, 'it went on at 400 at the earliest');
  });
});
