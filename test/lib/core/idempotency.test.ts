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

describe('KeyIndex: truncated', () => {
  it('forgets a key whose entries are all behind the cut', () => {
    const keys = new KeyIndex();
    keys.record('a', 1);
    keys.record('b', 2);
    keys.truncate(1);
    assert.equal(keys.find('b'), undefined);
    assert.equal(keys.find('a')?.count, 1);
    keys.record('b', 2);
    assert.equal(keys.find('b')?.seq, 2);
  });

  it('shortens a run in the middle of which it cuts', () => {
    const keys = new KeyIndex();
    for (const seq of [1, 2, 3]) keys.record('k', seq);
    keys.truncate(2);
    assert.deepEqual({ ...keys.find('k') }, { key: 'k', seq: 1, count: 2 });
  });

  it('keeps the first use of a key of which it cuts a later one', () => {
    const keys = new KeyIndex();
    keys.record('k', 1);
    keys.record('k', 3);
    keys.truncate(2);
    assert.equal(keys.find('k')?.seq, 1);
  });

  it('is not changed by a cut behind its last entry, nor when it is empty', () => {
    const keys = new KeyIndex();
    keys.truncate(0);
    keys.record('k', 1);
    keys.truncate(1);
    assert.equal(keys.find('k')?.count, 1);
  });
});

describe('KeyIndex: the end of a keyed append', () => {
  it('is the last seq of its run, for every seq in it; a seq without a key is its own', () => {
    const keys = new KeyIndex();
    for (const seq of [3, 4, 5]) keys.record('k', seq);
    keys.record('l', 6);
    const ends = [1, 2, 3, 4, 5, 6, 7].map((seq) => keys.runEnd(seq));
    assert.deepEqual(ends, [1, 2, 5, 5, 5, 6, 7]);
  });

  it('and the cut are what a list of (seq, use) gives, in 500 random histories', () => {
    for (const seed of seeds(500)) {
      const dice = new Dice(seed);
      const keys = new KeyIndex();
      /** By seq - 1: the number of the keyed append the entry belongs to; null without a key. */
      let dumb: (number | null)[] = [];
      let uses = 0;
      for (let step = 0; step < 30; step += 1) {
        const count = dice.integer(1, 4);
        if (dice.chance(0.2)) {
          dumb = dumb.slice(0, dice.integer(0, dumb.length));
          keys.truncate(dumb.length);
        } else if (dice.chance(0.3)) dumb.push(...Array<null>(count).fill(null));
        else {
          for (let i = 0; i < count; i += 1) keys.record(`key-${uses}`, dumb.length + i + 1);
          dumb.push(...Array<number>(count).fill(uses));
          uses += 1;
        }
        for (const [index, use] of dumb.entries()) {
          const end = use === null ? index + 1 : dumb.lastIndexOf(use) + 1;
          assert.equal(keys.runEnd(index + 1), end);
        }
        for (let use = 0; use < uses; use += 1) {
          const first = dumb.indexOf(use);
          const expected = first < 0 ? undefined : { seq: first + 1, end: dumb.lastIndexOf(use) };
          const run = keys.find(`key-${use}`);
          assert.deepEqual(run && { seq: run.seq, end: run.seq + run.count - 2 }, expected);
        }
        const all = dumb.flatMap((use, index) =>
          use === null ? [] : [[index + 1, `key-${use}`] as const],
        );
        assert.deepEqual(keys.within(1, 1000), all);
      }
    }
  });
});
