import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '../../../src/lib/runtime/random.ts';

const draw = (seed: number, count: number) => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => random());
};

describe('seededRandom', () => {
  it('repeats itself for a seed, and differs between seeds', () => {
    assert.deepEqual(draw(7, 100), draw(7, 100));
    assert.notDeepEqual(draw(7, 100), draw(8, 100));
  });

  it('gives numbers in [0, 1), evenly', () => {
    for (const seed of [0, 1, -1, 2 ** 40 + 3]) {
      const numbers = draw(seed, 10_000);
      assert.ok(numbers.every((number) => number >= 0 && number < 1));
      const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
      assert.ok(Math.abs(mean - 0.5) < 0.02, `mean ${mean}`);
    }
  });
});
