import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  nodesRequired,
  type WriteConcern,
  WriteConcernTracker,
} from '../../../../src/lib/core/concerns/write-concern.ts';
import { Dice, seeds } from '../../support.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** A tracker whose waiters are named, and who was told what. */
class Desk {
  readonly tracker: WriteConcernTracker;
  readonly told: string[] = [];

  constructor(nodes: number) {
    this.tracker = new WriteConcernTracker(nodes);
  }

  wait(name: string, seq: number, w: number, deadline = NEVER, since = 0) {
    const onEnd = (end: string) => this.told.push(`${name} ${end}`);
    const waiter = { seq, w, deadline, since, onEnd };
    this.tracker.add(waiter);
    return waiter;
  }
}

describe('nodesRequired', () => {
  const table: [w: WriteConcern, nodes: number, required: number][] = [
    [1, 3, 1],
    [3, 3, 3],
    [4, 3, 4],
    ['all', 1, 1],
    ['all', 5, 5],
    ['majority', 1, 1],
    ['majority', 2, 2],
    ['majority', 3, 2],
    ['majority', 4, 3],
  ];
  for (const [w, nodes, required] of table) {
    it(`asks for ${required} of ${nodes} nodes at w=${w}`, () => {
      assert.equal(nodesRequired(w, nodes), required);
    });
  }
});

describe('WriteConcernTracker', () => {
  it('says that an entry holds when the w-th largest length has reached it', () => {
    const { tracker } = new Desk(3);
    tracker.update([5, 2, 4]);
    const table: [seq: number, w: number, holds: boolean][] = [
      [5, 1, true],
      [6, 1, false],
      [4, 2, true],
      [5, 2, false],
      [2, 3, true],
      [3, 3, false],
      [1, 4, false],
    ];
    for (const [seq, w, holds] of table) {
      assert.equal(tracker.holds(seq, w), holds, `seq ${seq} at w=${w}`);
    }
  });

  it('holds nothing at the start', () => {
    assert.equal(new Desk(1).tracker.holds(1, 1), false);
  });

  it('tells those who wait for one w in the order of their seqs', () => {
    const desk = new Desk(2);
    desk.wait('c', 3, 2);
    desk.wait('a', 1, 2);
    desk.wait('b', 2, 2);
    desk.tracker.update([3, 2]);
    assert.deepEqual(desk.told, ['a holds', 'b holds']);
    desk.tracker.update([3, 3]);
    assert.deepEqual(desk.told, ['a holds', 'b holds', 'c holds']);
  });

  it('does not hold up a small w behind a large one', () => {
    const desk = new Desk(3);
    desk.wait('all', 1, 3);
    desk.wait('two', 2, 2);
    desk.tracker.update([2, 2, 0]);
    assert.deepEqual(desk.told, ['two holds']);
  });

  it('recounts when a node comes back with less', () => {
    const desk = new Desk(2);
    desk.tracker.update([3, 3]);
    desk.tracker.update([3, 0]);
    assert.equal(desk.tracker.holds(1, 2), false);
    desk.wait('a', 3, 2);
    desk.tracker.update([3, 2]);
    assert.deepEqual(desk.told, []);
  });

  it('tells a waiter once, whatever comes later', () => {
    const desk = new Desk(2);
    desk.wait('a', 1, 2, 100);
    desk.tracker.update([1, 1]);
    desk.tracker.update([1, 1]);
    desk.tracker.expire(200);
    desk.tracker.endAll('stopping');
    assert.deepEqual(desk.told, ['a holds']);
    assert.equal(desk.tracker.waiting, 0);
  });

  it('tells since when somebody waits', () => {
    const desk = new Desk(3);
    assert.equal(desk.tracker.oldestSince, NEVER);
    desk.wait('a', 2, 3, NEVER, 50);
    desk.wait('b', 1, 3, NEVER, 60);
    desk.wait('c', 3, 2, NEVER, 40);
    assert.equal(desk.tracker.oldestSince, 40);
    desk.tracker.update([3, 3, 1]);
    assert.equal(desk.tracker.oldestSince, 50);
  });

  it('ends a wait at its deadline, not before', () => {
    const desk = new Desk(2);
    desk.wait('a', 1, 2, 100);
    desk.wait('b', 1, 2);
    assert.equal(desk.tracker.nextDeadline, 100);
    desk.tracker.expire(99);
    assert.deepEqual(desk.told, []);
    desk.tracker.expire(100);
    assert.deepEqual(desk.told, ['a time-is-up']);
    assert.equal(desk.tracker.nextDeadline, NEVER);
    assert.equal(desk.tracker.waiting, 1);
  });

  it('does not tell who has left', () => {
    const desk = new Desk(2);
    const leaver = desk.wait('a', 1, 2, 100);
    desk.wait('b', 1, 2);
    desk.tracker.remove(leaver);
    desk.tracker.remove(leaver);
    assert.equal(desk.tracker.waiting, 1, 'who leaves twice leaves once');
    desk.tracker.endAll('stopping');
    assert.deepEqual(desk.told.splice(0), ['b stopping']);
    assert.deepEqual([desk.tracker.waiting, desk.tracker.nextDeadline], [0, NEVER]);
    desk.tracker.update([1, 1]);
    desk.tracker.endAll('stopping');
    assert.deepEqual(desk.told, []);
  });

  it('sends everyone away when the node stops', () => {
    const desk = new Desk(3);
    desk.wait('a', 2, 3);
    desk.wait('b', 1, 2, 100);
    desk.tracker.endAll('stopping');
    assert.deepEqual(desk.told, ['b stopping', 'a stopping']);
    assert.deepEqual([desk.tracker.waiting, desk.tracker.nextDeadline], [0, NEVER]);
  });

  it('does what counting the holders of every entry does, in 300 random histories', () => {
    for (const seed of seeds(300)) countNaively(new Dice(seed));
  });
});

/** One random history of a tracker, beside a list of waiters searched whole at every step. */
function countNaively(dice: Dice): void {
  const nodes = dice.integer(1, 5);
  const desk = new Desk(nodes);
  const lengths = new Array<number>(nodes).fill(0);
  let waiters: { name: string; waiter: ReturnType<Desk['wait']> }[] = [];
  const holders = (seq: number) => lengths.filter((length) => length >= seq).length;
  const end = (why: string, isOver: (waiter: ReturnType<Desk['wait']>) => boolean) => {
    const over = waiters.filter(({ waiter }) => isOver(waiter));
    waiters = waiters.filter(({ waiter }) => !isOver(waiter));
    assert.deepEqual(desk.told.splice(0).sort(), over.map(({ name }) => `${name} ${why}`).sort());
  };
  for (let step = 0; step < 80; step += 1) {
    const act = dice.pick(['wait', 'wait', 'update', 'update', 'expire', 'remove'] as const);
    if (act === 'wait') {
      const deadline = dice.chance(0.5) ? step + dice.integer(1, 20) : NEVER;
      const [seq, w] = [dice.integer(1, 20), dice.integer(1, nodes)];
      waiters.push({ name: `${step}`, waiter: desk.wait(`${step}`, seq, w, deadline) });
    } else if (act === 'update') {
      lengths[dice.integer(0, nodes - 1)] = dice.integer(0, 20);
      desk.tracker.update(lengths);
      end('holds', ({ seq, w }) => holders(seq) >= w);
      const [seq, w] = [dice.integer(1, 20), dice.integer(1, nodes)];
      assert.equal(desk.tracker.holds(seq, w), holders(seq) >= w);
    } else if (act === 'expire') {
      desk.tracker.expire(step);
      end('time-is-up', ({ deadline }) => deadline <= step);
    } else if (waiters.length > 0) {
      const [leaver] = waiters.splice(dice.integer(0, waiters.length - 1), 1);
      if (leaver !== undefined) desk.tracker.remove(leaver.waiter);
    }
    assert.equal(desk.tracker.waiting, waiters.length);
    assert.equal(
      desk.tracker.nextDeadline,
      Math.min(NEVER, ...waiters.map(({ waiter }) => waiter.deadline)),
    );
  }
  desk.tracker.endAll('stopping');
  end('stopping', () => true);
}
