import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type EpochStart,
  endOfStart,
  indexOfEpoch,
  sharedLength,
  startAt,
  startsOfEpoch,
  startsWithin,
} from '../../../../src/lib/core/log/epochs.ts';
import { goTogether } from '../../../../src/lib/core/recovery/ballot.ts';
import { Dice, seeds } from '../../support.ts';

const start = (epoch: number, firstSeq: number, writer: string = ''): EpochStart => ({
  epoch,
  writer,
  firstSeq,
});

const LIST = [start(1, 1), start(3, 4), start(4, 9)];

describe('startAt and startsWithin', () => {
  const table: [seq: number, epoch: number | undefined][] = [
    [0, undefined],
    [1, 1],
    [3, 1],
    [4, 3],
    [8, 3],
    [9, 4],
    [1000, 4],
  ];
  for (const [seq, epoch] of table) {
    it(`find that ${seq} is covered by epoch ${epoch}`, () => {
      assert.equal(startAt(LIST, seq)?.epoch, epoch);
    });
  }

  it('find who wrote a run of entries: who wrote the first, and who began on the way', () => {
    const within = (from: number, to: number) => startsWithin(LIST, from, to);
    assert.deepEqual(within(1, 12), LIST);
    assert.deepEqual(within(3, 3), LIST.slice(0, 1));
    assert.deepEqual(within(3, 4), LIST.slice(0, 2));
    assert.deepEqual(within(4, 8), LIST.slice(1, 2));
    assert.deepEqual(within(5, 9), LIST.slice(1, 3));
    assert.deepEqual(within(100, 200), LIST.slice(2));
  });

  it('find nothing in an empty list', () => {
    assert.equal(startAt([], 1), undefined);
    assert.deepEqual(startsWithin([], 1, 9), []);
  });

  it('find in a million epochs what they find in three', () => {
    const many = Array.from({ length: 1_000_000 }, (_, i) => start(i + 1, 3 * i + 1));
    for (let seq = 1; seq < 3_000_000; seq += 11) {
      const found = startAt(many, seq)?.epoch;
      if (found !== Math.floor((seq - 1) / 3) + 1) assert.fail(`seq ${seq}: epoch ${found}`);
    }
    assert.equal(sharedLength(many, 3_000_000, many), 3_000_000);
    const branch = [...many.slice(0, 700_000), start(2_000_000, 2_100_000)];
    assert.equal(sharedLength(many, 3_000_000, branch), 2_099_999);
  });

  it('take the last of several that begin at one seq: the others have no entry', () => {
    assert.equal(startAt([start(1, 1), start(2, 1)], 1)?.epoch, 2);
  });
});

describe('indexOfEpoch', () => {
  it('finds an epoch by its number and its writer, and nothing else', () => {
    const list = [start(1, 1, 'A'), start(3, 4, 'A'), start(3, 7, 'C'), start(9, 8, 'B')];
    for (const [index, one] of list.entries()) assert.equal(indexOfEpoch(list, one), index);
    for (const other of [start(1, 1, 'B'), start(2, 1, 'A'), start(3, 1, 'B'), start(10, 1)]) {
      assert.equal(indexOfEpoch(list, other), -1);
    }
    assert.equal(indexOfEpoch([], start(1, 1)), -1);
  });
});

describe('endOfStart and startsOfEpoch', () => {
  it('say up to where a master wrote', () => {
    const ends = [0, 1, 3, 4, 8, 9, 99].map((seq) => endOfStart(LIST, seq));
    const { POSITIVE_INFINITY } = Number;
    assert.deepEqual(ends, [0, 3, 3, 8, 8, POSITIVE_INFINITY, POSITIVE_INFINITY]);
  });

  it('find all masters of an epoch', () => {
    const list = [start(1, 1), start(3, 4, 'a'), start(3, 6, 'b'), start(4, 9)];
    const found = [0, 1, 2, 3, 4, 5].map((epoch) => startsOfEpoch(list, epoch));
    const [one, three, four] = [list.slice(0, 1), list.slice(1, 3), list.slice(3)];
    assert.deepEqual(found, [[], one, [], three, four, []]);
    assert.deepEqual(startsOfEpoch([], 1), []);
  });
});

describe('sharedLength', () => {
  const table: [
    what: string,
    ours: EpochStart[],
    length: number,
    theirs: EpochStart[],
    n: number,
  ][] = [
    ['nothing of an empty log', [], 0, LIST, 0],
    ['nothing with an empty list', LIST, 12, [], 0],
    ['all with the same list', LIST, 12, LIST, 12],
    [
      'all that is older than what they went on with',
      [start(1, 1)],
      5,
      [start(1, 1), start(2, 6)],
      5,
    ],
    ['the part before a later epoch of theirs', [start(1, 1)], 9, [start(1, 1), start(2, 6)], 5],
    ['the part before a later epoch of ours', [start(1, 1), start(2, 6)], 9, [start(1, 1)], 5],
    ['nothing where the first epochs differ', [start(1, 1)], 3, [start(2, 1)], 0],
    [
      'the part before two incarnations of one epoch',
      [start(1, 1), start(2, 4, 'A')],
      9,
      [start(1, 1), start(2, 4, 'B')],
      3,
    ],
    ['what an unnamed incarnation of that epoch wrote', [start(2, 1)], 3, [start(2, 1, 'B')], 3],
  ];
  for (const [what, ours, length, theirs, shared] of table) {
    it(`is ${what}`, () => assert.equal(sharedLength(ours, length, theirs), shared));
  }

  it('is counted from where both are known to be the same', () => {
    const ours = [start(1, 1), start(2, 4), start(3, 7), start(5, 9)];
    const end = (...list: EpochStart[]) => sharedLength(ours, 12, list, list[0]?.firstSeq);
    assert.equal(end(start(2, 4), start(3, 7), start(5, 9)), 12);
    assert.equal(end(start(3, 7), start(6, 8)), 7);
    assert.equal(end(start(5, 9)), 12);
  });

  it('is what comparing entry by entry gives, on 50,000 random pairs of lists', () => {
    let parted = 0;
    for (const seed of seeds(50_000)) {
      const dice = new Dice(seed);
      const length = dice.integer(0, 12);
      const ours = randomList(dice, length);
      // Half of the lists go on from a part of ours, as real logs do; the others are any list.
      const theirs = dice.chance(0.5) ? branch(dice, ours) : randomList(dice, 12);
      const expected = modelSharedLength(ours, length, theirs);
      assert.equal(sharedLength(ours, length, theirs), expected, `seed ${seed}`);
      if (expected > 0 && expected < length) parted += 1;
    }
    assert(parted > 5000, `only ${parted} lists parted in the middle`);
  });
});

function randomList(dice: Dice, length: number): EpochStart[] {
  const list: EpochStart[] = [];
  let epoch = 0;
  for (let seq = 1; seq <= Math.max(1, length); seq += dice.integer(1, 5)) {
    epoch += dice.integer(1, 2);
    list.push(start(epoch, seq, dice.pick(['', 'A', 'B'])));
  }
  return dice.chance(0.1) ? [] : list;
}

/** A list that is the same up to some seq, and goes on there under later epochs. */
function branch(dice: Dice, list: readonly EpochStart[]): EpochStart[] {
  const at = dice.integer(1, 13);
  const kept = list.filter(({ firstSeq }) => firstSeq < at);
  return [
    ...kept,
    start((kept.at(-1)?.epoch ?? 0) + dice.integer(0, 3), at, dice.pick(['A', 'C'])),
  ];
}

/** Expands both lists to the start of every single entry, and counts the equal ones at the front. */
function modelSharedLength(
  ours: readonly EpochStart[],
  length: number,
  theirs: readonly EpochStart[],
): number {
  const expand = (list: readonly EpochStart[]) =>
    Array.from({ length }, (_, index) => {
      let covering: EpochStart | null = null;
      for (const one of list) if (one.firstSeq <= index + 1) covering = one;
      return covering;
    });
  const [mine, other] = [expand(ours), expand(theirs)];
  let shared = 0;
  for (; shared < length; shared += 1) {
    const [a, b] = [mine[shared], other[shared]];
    if (!a || !b || !goTogether(a, b)) break;
  }
  return shared;
}
