import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeyIndex } from '../../../src/lib/core/idempotency.ts';
import { Dice, seeds } from '../support.ts';

describe('KeyIndex', () => {
  it('knows nothing of a key that was not used', () => {
    const keys = new KeyIndex();
    keys.record('a', 1);
    assert.equal(keys.find('b'), undefined);
  });

  it('gives a batch that used one key as one run', () => {
    const keys = new KeyIndex();
    for (const seq of [3, 4, 5]) keys.record('batch', seq);
    assert.deepEqual({ ...keys.find('batch') }, { key: 'batch', seq: 3, count: 3 });
  });

  it('begins a new run at another key and behind a seq without one', () => {
    const keys = new KeyIndex();
    keys.record('a', 1);
    keys.record('b', 2);
    keys.record('c', 4);
    assert.deepEqual(keys.within(1, 9), [
      [1, 'a'],
      [2, 'b'],
      [4, 'c'],
    ]);
    assert.deepEqual(
      ['a', 'b', 'c'].map((key) => keys.find(key)?.count),
      [1, 1, 1],
    );
  });

  it('answers for a part of a run', () => {
    const keys = new KeyIndex();
    for (const seq of [3, 4, 5, 6]) keys.record('k', seq);
    assert.deepEqual(keys.within(4, 5), [
      [4, 'k'],
      [5, 'k'],
    ]);
    assert.deepEqual(keys.within(1, 2), []);
    assert.deepEqual(keys.within(7, 9), []);
  });

  it('does what a map from seq to key does, on 300 random logs', () => {
    for (const seed of seeds(300)) {
      const dice = new Dice(seed);
      const keys = new KeyIndex();
      const dumb = new Map<number, string>();
      let seq = 0;
      for (let use = 0; use < 30; use += 1) {
        seq += dice.integer(0, 2);
        for (let count = dice.integer(1, 4); count > 0; count -= 1) {
          seq += 1;
          keys.record(`key-${use}`, seq);
          dumb.set(seq, `key-${use}`);
        }
      }
      for (let use = -1; use < 30; use += 1) {
        const seqs = [...dumb].filter(([, key]) => key === `key-${use}`).map(([at]) => at);
        const run = keys.find(`key-${use}`);
        assert.deepEqual([run?.seq, run?.count ?? 0], [seqs[0], seqs.length]);
      }
      for (let round = 0; round < 20; round += 1) {
        const from = dice.integer(1, seq);
        const to = dice.integer(from, seq + 3);
        assert.deepEqual(
          keys.within(from, to),
          [...dumb].filter(([at]) => at >= from && at <= to),
        );
      }
    }
  });
});
