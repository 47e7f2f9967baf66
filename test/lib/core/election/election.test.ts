import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Election } from '../../../../src/lib/core/election/election.ts';

const NEVER = Number.POSITIVE_INFINITY;
const MASTER = { id: 'm', bootId: 'm/1', epoch: 2, writer: 'W' };

function election(): Election {
  return new Election({ timeoutMs: 3000, heartbeatIntervalMs: 1000 });
}

/** One that has heard the master at 1000. */
function heard(): Election {
  const one = election();
  one.heard(MASTER, 1000);
  return one;
}

describe('Election: the master that is known', () => {
  it('is the one that was heard, for the time-out', () => {
    assert.equal(election().masterAt(0), null);
    assert.equal(heard().masterAt(3999), MASTER);
    assert.equal(heard().masterAt(4000), null);
  });

  it('is the one of a frame, if that is of its ballot', () => {
    const table: [epoch: number, writer: string, isIt: boolean][] = [
      [2, 'W', true],
      [2, 'X', false],
      [3, 'W', false],
    ];
    for (const [epoch, writer, isIt] of table) {
      assert.equal(heard().masterOf({ epoch, writer }), isIt ? MASTER : null);
    }
    assert.equal(election().masterOf(MASTER), null);
  });

  const ends: [what: string, end: (one: Election) => void][] = [
    ['is gone', (one) => one.gone(1500, 0)],
    ['was not found by a candidate', (one) => one.lost(1500, 0, false)],
    ['was this node, which stepped down', (one) => one.steppedDown(1500, 0)],
    ['is this node', (one) => one.won()],
  ];
  for (const [what, end] of ends) {
    it(`is forgotten when it ${what}`, () => {
      const one = heard();
      end(one);
      assert.equal(one.masterAt(1500), null);
      assert.equal(one.takeProbe(NEVER), null);
    });
  }
});

describe('Election: when to stand', () => {
  const draw = (random: number) => () => random;
  const table: [what: string, act: (one: Election) => void, random: number, at: number][] = [
    ['a time-out after it was heard', () => {}, 0, 4000],
    ['half as much later with the largest draw', () => {}, 1, 5500],
    ['at once when the master is gone', (one) => one.gone(2000, 0), 0, 2000],
    ['a part of the time-out later', (one) => one.gone(2000, 1), 0, 2300],
    ['soon after it has lost', (one) => one.lost(2000, 0, false), 0, 2500],
    ['or a little later', (one) => one.lost(2000, 1, false), 0, 3500],
    ['sooner where no log was begun', (one) => one.lost(2000, 0, true), 0, 2050],
    ['a time-out after it was the master', (one) => one.steppedDown(2000, 0), 0, 5000],
    ['and half as much later', (one) => one.steppedDown(2000, 1), 0, 6500],
    ['never while it is the master', (one) => one.won(), 0, NEVER],
  ];
  for (const [what, act, random, at] of table) {
    it(`is ${what}`, () => {
      const one = heard();
      act(one);
      assert.equal(one.standAt(2000, draw(random)), at);
    });
  }

  it('is a time-out after the start, where no master was heard', () => {
    const one = election();
    assert.equal(one.standAt(500, draw(0)), 3500);
    assert.equal(one.standAt(900, draw(1)), 3500, 'what was drawn stays');
    assert.equal(one.nextWakeAt, 3500);
  });

  it('is put off when the master is heard again', () => {
    const one = heard();
    one.gone(1500, 0);
    one.heard(MASTER, 1600);
    assert.equal(one.standAt(1700, draw(0)), 4600);
  });
});

describe('Election: when to probe the master', () => {
  it('is when it was not heard for one and a half intervals, and then each interval', () => {
    const one = heard();
    assert.equal(one.nextWakeAt, 2500);
    assert.equal(one.takeProbe(2499), null);
    assert.equal(one.takeProbe(2500), MASTER);
    assert.equal(one.takeProbe(2501), null);
    assert.equal(one.takeProbe(3500), MASTER);
  });

  it('is at once when its stream ends', () => {
    const one = heard();
    one.probeSoon(1100);
    assert.equal(one.takeProbe(1100), MASTER);
    const alone = election();
    alone.probeSoon(1100);
    assert.equal(alone.takeProbe(1100), null);
  });
});
