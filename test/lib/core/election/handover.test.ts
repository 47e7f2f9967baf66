import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Handover, type HandoverEnd } from '../../../../src/lib/core/election/handover.ts';
import type { Master } from '../../../../src/lib/core/master.ts';

const NEW = { id: 'b', url: 'http://b', epoch: 3 };

/** A handover until 1000 of a master that offers it to whom `mayTake` names. */
function handover(
  to: string | null,
  mayTake: (to: string | null) => string | null,
  hasSuccessor = true,
) {
  const asked: string[] = [];
  const ends: HandoverEnd[] = [];
  const offerHandover = (one: string | null, now: number) => {
    asked.push(`${one} at ${now}`);
    return mayTake(one);
  };
  const master = { offerHandover, hasSuccessor } as unknown as Master;
  const one = new Handover(master, to, 1000, (end) => ends.push(end));
  return { one, asked, ends };
}

describe('Handover', () => {
  it('is offered as soon as somebody has all, and again after a while', () => {
    let ready = false;
    const { one, asked } = handover(null, () => (ready ? 'b' : null));
    one.tick(0);
    assert.equal(one.isOfferedTo(null), false);
    assert.equal(one.nextWakeAt, 5);
    one.tick(4);
    ready = true;
    one.tick(5);
    assert.deepEqual(
      [one.isOfferedTo('b'), one.isOfferedTo('c'), one.nextWakeAt],
      [true, false, 255],
    );
    one.tick(255);
    assert.deepEqual(asked, ['null at 0', 'null at 5', 'b at 255']);
  });

  it('ends with the master that is heard when this one has stepped down', () => {
    const { one, ends } = handover('b', () => 'b');
    one.tick(0);
    one.heard(NEW);
    assert.deepEqual(ends, []);
    one.steppedDown();
    assert.equal(one.nextWakeAt, 1000);
    one.tick(500);
    one.heard(NEW);
    one.heard(NEW);
    one.tick(1000);
    assert.deepEqual(ends, [NEW]);
  });

  const failures: [
    what: string,
    to: string | null,
    mayTake: string | null,
    act: (one: Handover) => void,
    reason: string,
  ][] = [
    [
      'nobody may take over',
      null,
      null,
      (one) => one.tick(1000),
      'no other member is complete and has all messages',
    ],
    [
      'the named one may not',
      'b',
      null,
      (one) => one.tick(1000),
      'b is not complete, or has not all messages',
    ],
    ['the successor does not stand', 'b', 'b', (one) => one.tick(1000), 'b did not stand in time'],
    [
      'the successor is not elected',
      'b',
      'b',
      (one) => {
        one.steppedDown();
        one.tick(1000);
      },
      'b was to become the master and is not',
    ],
    [
      'another one was elected before',
      null,
      null,
      (one) => one.steppedDown(),
      'it is not the master any more',
    ],
  ];
  it('ends at once where no member could take over, unless one was named', () => {
    const { one, ends } = handover(null, () => null, false);
    one.tick(0);
    assert.deepEqual(ends, ['no other member is available and complete']);
    const named = handover('b', () => null, false);
    named.one.tick(0);
    assert.deepEqual(named.ends, []);
  });

  for (const [what, to, mayTake, act, reason] of failures) {
    it(`ends with a reason if ${what}`, () => {
      const { one, ends } = handover(to, () => mayTake);
      one.tick(0);
      act(one);
      assert.deepEqual(ends, [reason]);
    });
  }
});
