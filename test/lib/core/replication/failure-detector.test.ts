import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FailureDetector } from '../../../../src/lib/core/replication/failure-detector.ts';

describe('FailureDetector, Suspected after 2 misses and Unhealthy after 4', () => {
  const table: [heartbeats: string, status: string][] = [
    ['', 'Unhealthy'],
    ['-', 'Unhealthy'],
    ['+', 'Healthy'],
    ['+-', 'Healthy'],
    ['+--', 'Suspected'],
    ['+---', 'Suspected'],
    ['+----', 'Unhealthy'],
    ['+-----', 'Unhealthy'],
    ['+-----+', 'Healthy'],
    ['+--+-', 'Healthy'],
    ['-----+', 'Healthy'],
  ];
  for (const [heartbeats, status] of table) {
    it(`is ${status} after '${heartbeats}' (+ answered, - missed)`, () => {
      const detector = new FailureDetector({ suspectedAfterMisses: 2, unhealthyAfterMisses: 4 });
      for (const one of heartbeats) {
        if (one === '+') detector.answered();
        else detector.missed();
      }
      assert.equal(detector.status, status);
    });
  }

  it('skips Suspected where both take the same number of misses', () => {
    const detector = new FailureDetector({ suspectedAfterMisses: 1, unhealthyAfterMisses: 1 });
    detector.answered();
    detector.missed();
    assert.equal(detector.status, 'Unhealthy');
  });
});
