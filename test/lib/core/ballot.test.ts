import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Ballot,
  compareBallots,
  NO_BALLOT,
  newerBallot,
} from '../../../src/lib/core/ballot.ts';
import { Dice, seeds } from '../support.ts';

const ballot = (epoch: number, writer: string | null): Ballot => ({ epoch, writer });

describe('compareBallots', () => {
  const table: [a: Ballot, b: Ballot, sign: number][] = [
    [ballot(1, 'Z'), ballot(2, 'A'), -1],
    [ballot(2, null), ballot(1, 'Z'), 1],
    [ballot(2, 'A'), ballot(2, 'B'), -1],
    [ballot(2, 'B'), ballot(2, 'A'), 1],
    [ballot(2, 'A'), ballot(2, 'A'), 0],
    [ballot(2, null), ballot(2, null), 0],
    [ballot(2, null), ballot(2, 'A'), 0],
    [ballot(2, 'A'), ballot(2, null), 0],
    [NO_BALLOT, ballot(1, 'A'), -1],
  ];
  for (const [a, b, sign] of table) {
    it(`says ${sign} of ${JSON.stringify(a)} and ${JSON.stringify(b)}`, () => {
      assert.equal(Math.sign(compareBallots(a, b)), sign);
    });
  }

  it('puts ballots with a writer in one total order, in 1000 random triples', () => {
    const dice = new Dice(1);
    const any = () => ballot(dice.integer(0, 3), dice.pick(['A', 'B', 'C']));
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

describe('newerBallot', () => {
  it('is the newer of the two, in either order', () => {
    const [old, recent] = [ballot(1, 'Z'), ballot(2, 'A')];
    assert.equal(newerBallot(old, recent), recent);
    assert.equal(newerBallot(recent, old), recent);
  });

  it('is, of equal ones, the one that names its writer; else the first', () => {
    const [named, unnamed] = [ballot(2, 'A'), ballot(2, null)];
    assert.equal(newerBallot(named, unnamed), named);
    assert.equal(newerBallot(unnamed, named), named);
    const same = ballot(2, 'A');
    assert.equal(newerBallot(named, same), named);
    assert.equal(newerBallot(unnamed, ballot(2, null)), unnamed);
  });
});
