import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { backoffMs } from '../../../../src/lib/core/replication/backoff.ts';

describe('backoffMs', () => {
  const table: [failures: number, random: number, delayMs: number][] = [
    [1, 0.5, 25],
    [2, 0.5, 50],
    [3, 0.5, 100],
    [7, 0.5, 1600],
    [8, 0.5, 2500],
    [9, 0.5, 2500],
    [1, 0, 0],
    [100, 0, 0],
    [1e9, 0.5, 2500],
  ];
  for (const [failures, random, delayMs] of table) {
    it(`waits ${delayMs} ms after ${failures} failures, with 50 ms to 5 s and ${random} drawn`, () => {
      assert.equal(backoffMs(failures, 50, 5000, random), delayMs);
    });
  }
});
