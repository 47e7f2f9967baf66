import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Asked, Progress } from '../../../../src/lib/core/replication/progress.ts';
import { Dice, seeds } from '../../support.ts';

/** A secondary of which incarnation A is known to show `length` messages. */
function met(length: number): Progress {
  const progress = new Progress();
  assert.equal(progress.learn('A', length, true, progress.asking(0)), 'met');
  return progress;
}

describe('Progress: what a statement teaches', () => {
  it('meets the first incarnation, whatever it shows', () => {
    const progress = met(4);
    assert.deepEqual([progress.acked, progress.next, progress.bootId], [4, 5, 'A']);
  });

  it('raises the length, however old the question is', () => {
    const progress = met(4);
    const old = progress.asking(0);
    progress.learn('A', 6, true, progress.asking(0));
    assert.equal(progress.learn('A', 9, true, old), 'raised');
    assert.deepEqual([progress.acked, progress.next], [9, 10]);
  });

  it('learns nothing from what is known', () => {
    assert.equal(met(4).learn('A', 4, true, { at: 0, acked: 4, incarnations: 1 }), 'nothing');
    assert.equal(met(4).learn('A', 4, true, { at: 0, acked: 9, incarnations: 1 }), 'nothing');
  });

  it('lowers the length when the answer is below what was known at the question', () => {
    const progress = met(4);
    assert.equal(progress.learn('A', 3, true, progress.asking(0)), 'lowered');
    assert.equal(progress.acked, 3);
  });

  it('does not lower it by an answer to a question from before it was raised', () => {
    const progress = met(4);
    const before = progress.asking(0);
    progress.learn('A', 9, true, progress.asking(0));
    assert.equal(progress.learn('A', 4, true, before), 'nothing');
    assert.equal(progress.acked, 9);
  });

  it('takes a new incarnation at its word, up or down', () => {
    for (const length of [0, 4, 9]) {
      const progress = met(4);
      assert.equal(progress.learn('B', length, true, progress.asking(0)), 'new-incarnation');
      assert.deepEqual([progress.acked, progress.bootId], [length, 'B']);
    }
  });

  it('does not believe an old incarnation that was asked before the new one was met', () => {
    const progress = met(4);
    const before = progress.asking(0);
    progress.learn('B', 1, true, progress.asking(0));
    assert.equal(progress.learn('A', 6, true, before), 'outdated');
    assert.deepEqual([progress.acked, progress.bootId], [1, 'B']);
  });

  it('lets the new incarnation raise, but not lower, by an answer to a question from before it', () => {
    const progress = met(4);
    const before = progress.asking(0);
    progress.learn('B', 2, true, progress.asking(0));
    assert.equal(progress.learn('B', 1, true, before), 'nothing');
    assert.equal(progress.learn('B', 3, true, before), 'raised');
  });

  it('forgets a node that has another name, and believes no answer asked of it before', () => {
    const progress = met(4);
    const before = progress.asking(0);
    progress.forgetIdentity();
    assert.deepEqual([progress.acked, progress.next, progress.bootId], [0, 1, null]);
    assert.equal(progress.learn('A', 4, true, before), 'outdated');
    assert.equal(progress.learn('C', 2, true, progress.asking(0)), 'met');
  });

  it('ends at the truth after one more answer, however statements overtook each other', () => {
    for (const seed of seeds(500)) overtake(new Dice(seed));
  });
});

/**
 * A secondary grows and restarts (which loses what it had), is asked at random moments, answers at
 * later ones, and the answers arrive in any order. The reference model keeps every statement and searches.
 */
function overtake(dice: Dice): void {
  const progress = new Progress();
  const questions: {
    asked: Asked;
    askedAt: number;
    said: { incarnation: string; length: number } | null;
  }[] = [];
  let incarnation = 0;
  let length = 0;
  let known = { incarnation: '', length: 0, metAt: -1 };
  for (let step = 0; step < 60; step += 1) {
    const act = dice.integer(0, 9);
    if (act <= 2) length += dice.integer(0, 3);
    else if (act === 3) [incarnation, length] = [incarnation + 1, 0];
    else if (act <= 5) questions.push({ asked: progress.asking(step), askedAt: step, said: null });
    else if (questions.length > 0) {
      const question = dice.pick(questions);
      question.said ??= { incarnation: `incarnation-${incarnation}`, length };
      if (dice.chance(0.5)) continue;
      questions.splice(questions.indexOf(question), 1);
      const { said, asked, askedAt } = question;
      progress.learn(said.incarnation, said.length, true, asked);
      const isKnown = said.incarnation === known.incarnation;
      if (isKnown) known.length = Math.max(known.length, said.length);
      else if (askedAt > known.metAt) known = { ...said, metAt: step };
      assert.equal(progress.acked, known.length);
    }
  }
  progress.learn(`incarnation-${incarnation}`, length, true, progress.asking(99));
  assert.deepEqual([progress.acked, progress.bootId], [length, `incarnation-${incarnation}`]);
}

describe('Progress: a log that was not compared with ours', () => {
  it('counts for nothing, but is to be compared, empty or not', () => {
    const progress = new Progress();
    assert.equal(progress.mustCompare, false, 'nobody was met');
    assert.equal(progress.learn('A', 0, false, progress.asking(0)), 'met');
    assert.equal(progress.mustCompare, true);
    assert.equal(progress.learn('A', 4, false, progress.asking(0)), 'nothing');
    assert.deepEqual([progress.acked, progress.mustCompare], [0, true]);
  });

  it('counts from the statement on that says it was compared', () => {
    const progress = new Progress();
    progress.learn('A', 9, false, progress.asking(0));
    assert.equal(progress.learn('A', 3, true, progress.asking(0)), 'raised');
    assert.deepEqual(
      [progress.acked, progress.isLogMatched, progress.mustCompare],
      [3, true, false],
    );
    assert.equal(
      progress.learn('A', 9, false, progress.asking(0)),
      'nothing',
      'an older statement',
    );
    assert.deepEqual([progress.acked, progress.mustCompare], [3, false]);
  });

  it('is what a new incarnation has, until it is compared', () => {
    const progress = met(4);
    assert.equal(progress.learn('B', 4, false, progress.asking(0)), 'new-incarnation');
    assert.deepEqual(
      [progress.acked, progress.isLogMatched, progress.mustCompare],
      [0, false, true],
    );
    progress.forgetIdentity();
    assert.equal(progress.mustCompare, false);
  });

  it('is compared with the first frame of a stream, which is not fresh then', () => {
    const progress = new Progress();
    progress.learn('A', 9, false, progress.asking(0));
    progress.open(0);
    assert.equal(progress.isFresh, true);
    progress.sent(0, 0);
    assert.deepEqual([progress.isFresh, progress.next], [false, 1]);
    progress.inFlight.shift();
    progress.locate();
    assert.equal(progress.isFresh, false);
  });
});

describe('Progress: a stream', () => {
  it('sends nothing without a stream, and nothing the log has not', () => {
    const progress = met(4);
    assert.equal(progress.maySend(9, 8), false);
    progress.open(0);
    assert.equal(progress.maySend(4, 8), false);
    assert.equal(progress.maySend(5, 8), true);
  });

  it('sends one frame until the first ack, then a window of them', () => {
    const progress = met(0);
    progress.open(0);
    progress.sent(1, 0);
    assert.equal(progress.maySend(9, 3), false);
    progress.inFlight.shift();
    progress.locate();
    for (const to of [1, 2, 3]) {
      assert.equal(progress.maySend(9, 3), true);
      progress.sent(to, 0);
    }
    assert.equal(progress.maySend(9, 3), false);
  });

  it('numbers its streams, none twice, each beginning behind the acked length', () => {
    const progress = met(4);
    assert.equal(progress.open(0), 1);
    progress.sent(7, 0);
    assert.deepEqual([progress.next, progress.inFlight.length], [8, 1]);
    progress.close();
    assert.deepEqual([progress.stream, progress.next, progress.inFlight.length], [null, 5, 0]);
    assert.equal(progress.open(0), 2);
  });

  it('begins behind the acked length also where that was lowered meanwhile', () => {
    const progress = met(4);
    progress.learn('A', 1, true, progress.asking(0));
    progress.open(0);
    assert.equal(progress.next, 2);
  });

  it('records with each frame what was known when it was sent', () => {
    const progress = met(4);
    progress.open(0);
    progress.sent(6, 30);
    assert.deepEqual(progress.inFlight, [
      { from: 5, to: 6, asked: { at: 30, acked: 4, incarnations: 1 }, isPartial: false },
    ]);
  });

  it('counts its silence from the oldest frame in flight', () => {
    const progress = met(0);
    progress.open(10);
    assert.equal(progress.quietSince, 10);
    progress.sent(1, 20);
    progress.sent(2, 30);
    assert.equal(progress.quietSince, 20);
  });

  it('counts it anew when a frame in flight gets further, and not when none is', () => {
    const progress = met(0);
    progress.open(10);
    progress.advanced(15);
    assert.equal(progress.quietSince, 10);
    progress.sent(1, 20);
    progress.advanced(25);
    assert.equal(progress.quietSince, 25);
  });

  it('skips what a heartbeat has shown to be there', () => {
    const progress = met(0);
    progress.open(0);
    progress.learn('A', 5, true, progress.asking(0));
    assert.equal(progress.next, 6);
  });
});

describe('Progress: failures', () => {
  it('counts failures and plans the next attempt, until something good is heard', () => {
    const progress = met(0);
    progress.failed('refused', 100, 20);
    progress.failed('reset', 200, 40);
    assert.deepEqual([progress.failures, progress.retryAt, progress.lastError], [2, 240, 'reset']);
    progress.resetBackoff();
    assert.deepEqual([progress.failures, progress.retryAt, progress.lastError], [0, 0, null]);
  });
});
