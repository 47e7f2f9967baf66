import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Ballot,
  compareBallots,
  EPOCH_MAX,
  goesWith,
  goTogether,
  isEpoch,
  NO_BALLOT,
  newerBallot,
  nextBallot,
} from '../../../../src/lib/core/recovery/ballot.ts';
import { Dice, seeds } from '../../support.ts';

const ballot = (epoch: number, writer: string): Ballot => ({ epoch, writer });

describe('compareBallots', () => {
  const table: [a: Ballot, b: Ballot, sign: number][] = [
    [ballot(1, 'Z'), ballot(2, 'A'), -1],
    [ballot(2, ''), ballot(1, 'Z'), 1],
    [ballot(2, 'A'), ballot(2, 'B'), -1],
    [ballot(2, 'B'), ballot(2, 'A'), 1],
    [ballot(2, 'A'), ballot(2, 'A'), 0],
    [ballot(2, ''), ballot(2, ''), 0],
    [ballot(2, ''), ballot(2, 'A'), -1],
    [ballot(2, 'A'), ballot(2, ''), 1],
    [NO_BALLOT, ballot(1, 'A'), -1],
  ];
  for (const [a, b, sign] of table) {
    it(`says ${sign} of ${JSON.stringify(a)} and ${JSON.stringify(b)}`, () => {
      assert.equal(Math.sign(compareBallots(a, b)), sign);
    });
  }

  it('puts ballots in one total order, in 1000 random triples', () => {
    const dice = new Dice(1);
    const any = () => ballot(dice.integer(0, 3), dice.pick(['', 'A', 'B']));
    for (const _ of seeds(1000)) {
      const [a, b, c] = [any(), any(), any()];
      assert.equal(Math.sign(compareBallots(a, b)) + Math.sign(compareBallots(b, a)), 0);
      if (compareBallots(a, b) <= 0 && compareBallots(b, c) <= 0) {
        assert(compareBallots(a, c) <= 0);
      }
      assert.equal(compareBallots(a, b) === 0, a.epoch === b.epoch && a.writer === b.writer);
    }
  });
});

describe('goesWith', () => {
  const table: [told: Ballot, known: Ballot, doesIt: boolean, doesOther: boolean][] = [
    [ballot(2, 'A'), ballot(2, 'A'), true, true],
    [ballot(2, 'A'), ballot(2, 'B'), false, false],
    [ballot(2, ''), ballot(2, 'A'), true, false],
    [ballot(2, ''), ballot(2, ''), true, true],
    [ballot(2, ''), ballot(3, 'A'), false, false],
    [ballot(2, ''), ballot(3, ''), false, false],
    [ballot(2, 'A'), ballot(3, 'A'), false, false],
  ];
  for (const [told, known, doesIt, doesOther] of table) {
    it(`says ${doesIt} of ${JSON.stringify(told)} told and ${JSON.stringify(known)} known`, () => {
      assert.equal(goesWith(told, known), doesIt);
      assert.equal(goesWith(known, told), doesOther, 'and the other way round');
      assert.equal(goTogether(told, known), doesIt || doesOther);
      assert.equal(goTogether(known, told), doesIt || doesOther);
    });
  }
});

describe('newerBallot', () => {
  it('is the newer of the two, in either order', () => {
    const [old, recent] = [ballot(1, 'Z'), ballot(2, 'A')];
    assert.equal(newerBallot(old, recent), recent);
    assert.equal(newerBallot(recent, old), recent);
  });

  it('is, of equal ones, the first', () => {
    const first = ballot(2, 'A');
    assert.equal(newerBallot(first, ballot(2, 'A')), first);
  });
});

describe('nextBallot', () => {
  it('is of the next epoch, up to the last one', () => {
    assert.deepEqual(nextBallot(NO_BALLOT, 'W'), ballot(1, 'W'));
    assert.deepEqual(nextBallot(ballot(7, 'Z'), 'W'), ballot(8, 'W'));
    assert.deepEqual(nextBallot(ballot(EPOCH_MAX - 1, 'Z'), 'W'), ballot(EPOCH_MAX, 'W'));
  });

  it('is of the last epoch again behind it, under a name that comes behind the one before', () => {
    const next = (writer: string, own = 'W') => nextBallot(ballot(EPOCH_MAX, writer), own);
    assert.deepEqual(next(''), ballot(EPOCH_MAX, 'W'));
    assert.deepEqual(next('A'), ballot(EPOCH_MAX, 'W'));
    assert.deepEqual(next('X'), ballot(EPOCH_MAX, 'YW'));
    assert.deepEqual(next('W'), ballot(EPOCH_MAX, 'XW'), 'also behind its own');
    assert.deepEqual(next('\ud7fe!'), ballot(EPOCH_MAX, '\ud7ffW'));
    assert.deepEqual(next('🦔b'), ballot(EPOCH_MAX, '🦔cW'), 'no surrogate is torn apart');
    assert.deepEqual(next('\uffff'), ballot(EPOCH_MAX, '\uffffW'));
  });

  it('is always newer, an epoch, and well named, in 10,000 successions of 100 short names', () => {
    for (const seed of seeds(100)) {
      const dice = new Dice(seed);
      let seen: Ballot = ballot(EPOCH_MAX - dice.integer(0, 2), dice.pick(['', dice.text(4)]));
      for (let incarnation = 0; incarnation < 100; incarnation += 1) {
        const next = nextBallot(seen, `${dice.text(8)}-${incarnation}`);
        assert(compareBallots(next, seen) > 0);
        assert(isEpoch(next.epoch) && next.writer.isWellFormed() && next.writer.length < 60);
        seen = next;
      }
    }
  });
});

describe('isEpoch', () => {
  it('takes integers from 1 to 2^48', () => {
    assert.equal(EPOCH_MAX, 281_474_976_710_656);
    const good = [1, 2 ** 48];
    const bad = [0, -1, 1.5, 2 ** 48 + 1, 2 ** 53 - 1, 2 ** 53, Number.NaN, '1', null, undefined];
    assert.deepEqual(good.map(isEpoch), [true, true]);
    assert.deepEqual(bad.filter(isEpoch), []);
  });
});
