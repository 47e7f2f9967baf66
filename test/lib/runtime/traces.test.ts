import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TRACES_MAX, Traces } from '../../../src/lib/runtime/traces.ts';
import { Dice, seeds } from '../support.ts';

describe('Traces', () => {
  it('give those of a range, as a plain list would', () => {
    for (const seed of seeds(50)) {
      const dice = new Dice(seed);
      const traces = new Traces();
      const all: [number, string][] = [];
      for (let seq = 1; seq <= 40; seq += 1) {
        if (!dice.chance(0.3)) continue;
        traces.add(seq, `p${seq}`);
        all.push([seq, `p${seq}`]);
      }
      const from = dice.integer(1, 40);
      const to = dice.integer(from - 1, 40);
      const expected = all.filter(([seq]) => seq >= from && seq <= to);
      assert.deepEqual(traces.within(from, to), expected);
    }
  });

  it('are bounded: the oldest go', () => {
    const traces = new Traces();
    for (let seq = 1; seq <= TRACES_MAX + 5; seq += 1) traces.add(seq, 'p');
    assert.equal(traces.within(1, 2 * TRACES_MAX).length, TRACES_MAX);
    assert.deepEqual(traces.within(1, 5), []);
  });
});
