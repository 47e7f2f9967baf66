import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  isIdempotencyKey,
  KEY_LENGTH_MAX,
  KeyIndex,
  RUN_BYTES,
} from '../../../../src/lib/core/log/idempotency.ts';
import { Dice, seeds } from '../../support.ts';
import { MapIndex } from './map-index.ts';
import { withoutMemory } from './no-memory.ts';

describe('isIdempotencyKey', () => {
  it('is 1 to 255 printable ASCII characters', () => {
    const keys = [' ', '~', 'a'.repeat(255), '', 'a'.repeat(256), '\u007f', '\u001f', 'ä'];
    assert.deepEqual(keys.map(isIdempotencyKey), [true, true, true, ...Array(5).fill(false)]);
  });
});

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
      const expected = new Map<number, string>();
      let seq = 0;
      for (let use = 0; use < 30; use += 1) {
        seq += dice.integer(0, 2);
        for (let count = dice.integer(1, 4); count > 0; count -= 1) {
          seq += 1;
          keys.record(`key-${use}`, seq);
          expected.set(seq, `key-${use}`);
        }
      }
      for (let use = -1; use < 30; use += 1) {
        const seqs = [...expected].filter(([, key]) => key === `key-${use}`).map(([at]) => at);
        const run = keys.find(`key-${use}`);
        assert.deepEqual([run?.seq, run?.count ?? 0], [seqs[0], seqs.length]);
      }
      for (let round = 0; round < 20; round += 1) {
        const from = dice.integer(1, seq);
        const to = dice.integer(from, seq + 3);
        assert.deepEqual(
          keys.within(from, to),
          [...expected].filter(([at]) => at >= from && at <= to),
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
    const starts = [1, 2, 3, 4, 5, 6, 7].map((seq) => keys.runStart(seq));
    assert.deepEqual(starts, [1, 2, 3, 3, 3, 6, 7]);
    assert.deepEqual(keys.runsWithin(4, 9), [
      [4, 5, 'k'],
      [6, 6, 'l'],
    ]);
  });

  it('and the cut are what a list of (seq, use) gives, in 500 random histories', () => {
    for (const seed of seeds(500)) {
      const dice = new Dice(seed);
      const keys = new KeyIndex();
      /** By seq - 1: the number of the keyed append the entry belongs to; null without a key. */
      let list: (number | null)[] = [];
      let uses = 0;
      for (let step = 0; step < 30; step += 1) {
        const count = dice.integer(1, 4);
        if (dice.chance(0.2)) {
          list = list.slice(0, dice.integer(0, list.length));
          keys.truncate(list.length);
        } else if (dice.chance(0.3)) list.push(...Array<null>(count).fill(null));
        else {
          for (let i = 0; i < count; i += 1) keys.record(`key-${uses}`, list.length + i + 1);
          list.push(...Array<number>(count).fill(uses));
          uses += 1;
        }
        for (const [index, use] of list.entries()) {
          const end = use === null ? index + 1 : list.lastIndexOf(use) + 1;
          const start = use === null ? index + 1 : list.indexOf(use) + 1;
          assert.deepEqual([keys.runStart(index + 1), keys.runEnd(index + 1)], [start, end]);
        }
        for (let use = 0; use < uses; use += 1) {
          const first = list.indexOf(use);
          const expected = first < 0 ? undefined : { seq: first + 1, end: list.lastIndexOf(use) };
          const run = keys.find(`key-${use}`);
          assert.deepEqual(run && { seq: run.seq, end: run.seq + run.count - 2 }, expected);
        }
        const all = list.flatMap((use, index) =>
          use === null ? [] : [[index + 1, `key-${use}`] as const],
        );
        assert.deepEqual(keys.within(1, 1000), all);
      }
    }
  });
});

type Step =
  | { readonly do: 'record'; readonly key: string; readonly gap: number; readonly count: number }
  | { readonly do: 'truncate'; readonly share: number };

const key = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 20 }).map((use) => `key-${use}`) },
  fc.string({ minLength: 1, maxLength: KEY_LENGTH_MAX, unit: 'grapheme-ascii' }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('record' as const),
      key,
      gap: fc.integer({ min: 0, max: 2 }),
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  fc.record({
    do: fc.constant('truncate' as const),
    share: fc.oneof(fc.constant(0), fc.double({ min: 0.5, max: 1.1, noNaN: true })),
  }),
);

describe('KeyIndex: beside one of objects and a Map', () => {
  /** Every hash there is, and ones that put all keys, or a fourth of them, in one bucket. */
  const indices = {
    hashed: () => new KeyIndex([0x1234, 0xfedcba98]),
    colliding: () => new KeyIndex([0, 0], { hash: () => 0xfffffff7 }),
    crowded: () =>
      new KeyIndex([0, 0], {
        hash: (bytes, start, end) => (end - start + (bytes[end - 1] ?? 0)) & 3,
      }),
  };
  for (const [name, newIndex] of Object.entries(indices)) {
    it(`says the same after every step, ${name}`, () => {
      const steps = fc.array(step, { maxLength: 80 });
      fc.assert(
        fc.property(steps, fc.constantFrom(0, 2 ** 32 - 20, 2 ** 52), (taken, firstSeq) => {
          const [index, model] = [newIndex(), new MapIndex()];
          const used = new Set(['none']);
          let seq = firstSeq;
          for (const one of taken) {
            if (one.do === 'truncate') {
              seq = firstSeq + Math.floor(one.share * (seq - firstSeq));
              index.truncate(seq);
              model.truncate(seq);
            } else {
              seq += one.gap;
              used.add(one.key);
              const keys = Array.from({ length: one.count }, (_, i) => [seq + i + 1, one.key]);
              assert.ok(index.reserve(keys as [number, string][]));
              for (let i = 0; i < one.count; i += 1) {
                seq += 1;
                index.record(one.key, seq);
                model.record(one.key, seq);
              }
            }
            assert.equal(index.bytes, model.bytes(RUN_BYTES));
            for (const each of used) {
              const run = model.find(each);
              assert.deepEqual(index.find(each), run && { ...run });
            }
          }
          assert.deepEqual(index.within(0, 2 ** 53), model.within(0, 2 ** 53));
          for (let at = firstSeq; at <= seq + 1; at += 3) {
            assert.equal(index.runEnd(at), model.runEnd(at));
            assert.deepEqual(index.within(at, at + 5), model.within(at, at + 5));
          }
        }),
        { numRuns: 150 },
      );
    });
  }

  it('says the same of 20,000 keys, while they come and while they go', () => {
    const dice = new Dice(1);
    const [index, model] = [new KeyIndex(), new MapIndex()];
    const used: string[] = [];
    let seq = 0;
    const compare = (every: number) => {
      for (let i = 0; i < used.length; i += every) {
        const run = model.find(used[i] as string);
        assert.deepEqual(index.find(used[i] as string), run && { ...run });
      }
      assert.equal(index.bytes, model.bytes(RUN_BYTES));
      assert.deepEqual(index.within(seq - 99, seq), model.within(seq - 99, seq));
    };
    const grow = (count: number) => {
      for (let i = 0; i < count; i += 1) {
        seq += dice.integer(1, 2);
        // Long keys come in crowds, and some keys again.
        const isLong = Math.floor(seq / 5000) % 2 === 1;
        const name = dice.chance(0.9) ? `${dice.integer(0, 2 ** 40)}` : (used[0] ?? 'first');
        used.push(isLong ? name.padEnd(dice.integer(100, KEY_LENGTH_MAX), '-') : name);
        index.record(used.at(-1) as string, seq);
        model.record(used.at(-1) as string, seq);
      }
    };
    for (const keep of [0.9, 0.5, 0.3, 0]) {
      grow(5000);
      compare(1);
      seq = Math.floor(seq * keep);
      index.truncate(seq);
      model.truncate(seq);
      compare(1);
    }
  });

  it('knows no key that is longer than one may be', () => {
    const index = new KeyIndex();
    index.record('k'.repeat(KEY_LENGTH_MAX), 1);
    assert.equal(index.find('k'.repeat(KEY_LENGTH_MAX + 1)), undefined);
    assert.equal(index.find('k'.repeat(KEY_LENGTH_MAX))?.seq, 1);
  });
});

describe('KeyIndex: without memory', () => {
  /** All that it says of some keys. */
  const stateOf = (index: KeyIndex) => [index.within(1, 99_999), index.bytes, index.find('again')];
  const manyKeys = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => [from + i, `key-${from + i}`] as [number, string]);

  it('refuses to make room before anything is changed, and goes on when there is some', () => {
    for (const arrays of [0, 1, 2, 3, 4, 5]) {
      const index = new KeyIndex();
      index.record('again', 1);
      const before = stateOf(index);
      const keys = manyKeys(2, 9000);
      withoutMemory(() => assert.equal(index.reserve(keys), false), arrays);
      assert.deepEqual(stateOf(index), before);
      assert.ok(index.reserve(keys));
      withoutMemory(() => {
        for (const [seq, name] of keys) index.record(name, seq);
      });
      assert.deepEqual(index.within(2, 99_999), keys);
      assert.equal(index.find('key-9000')?.seq, 9000);
    }
  });

  it('notes nothing of what was not reserved', () => {
    const index = new KeyIndex();
    withoutMemory(() => assert.throws(() => index.record('k', 1), /no memory/));
    assert.deepEqual([index.find('k'), index.bytes], [undefined, 0]);
    index.record('k', 1);
    assert.equal(index.find('k')?.seq, 1);
  });

  it('has an end at as many runs as it can number', () => {
    const index = new KeyIndex([0, 0], { runsMax: 17 });
    assert.ok(index.reserve(manyKeys(1, 17)));
    assert.equal(index.reserve(manyKeys(1, 18)), false);
    for (const [seq, name] of manyKeys(1, 17)) index.record(name, seq);
    index.record('key-17', 18);
    assert.throws(() => index.record('another', 19), /no memory/);
    assert.deepEqual(index.find('key-17'), { key: 'key-17', seq: 17, count: 2 });
  });

  it('needs room for one run only where a batch has one key', () => {
    const index = new KeyIndex([0, 0], { runsMax: 1 });
    const batch = Array.from({ length: 10_000 }, (_, i) => [i + 1, 'batch'] as [number, string]);
    assert.ok(index.reserve(batch));
    for (const [seq, name] of batch) index.record(name, seq);
    assert.equal(index.bytes, RUN_BYTES + 'batch'.length);
  });
});
