import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { majorityOf } from '../../../../src/lib/core/replication/quorum.ts';

describe('majorityOf', () => {
  for (const [nodes, majority] of [
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [5, 3],
    [6, 4],
    [7, 4],
  ] as const) {
    it(`is ${majority} of ${nodes}`, () => assert.equal(majorityOf(nodes), majority));
  }
});
