import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Asked, Progress } from '../../../../src/lib/core/replication/progress.ts';
import { Dice, seeds } from '../../support.ts';

/** The length of the master's log. */
const OWN_LENGTH = 7;

/** A secondary of which incarnation A is known to show `length` messages. */
function met(length: number): Progress {
  const progress = new Progress(() => OWN_LENGTH);
  assert.equal(progress.learn('A', length, true, progress.asking(0)), 'met');
  return progress;
}

describe('Progress: what a statement teaches', () => {
  it('meets the first incarnation, whatever it shows', () => {
    const progress = met(4);
    assert.deepEqual([progress.acked, progress.bootId], [4, 'A']);
  });

  it('raises the length, however old the question is', () => {
    const progress = met(4);
    const old = progress.asking(0);
    progress.learn('A', 6, true, progress.asking(0));
    assert.equal(progress.learn('A', 9, true, old), 'raised');
    assert.equal(progress.acked, 9);
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
    assert.deepEqual([progress.acked, progress.bootId], [0, null]);
    assert.equal(progress.learn('A', 4, true, before), 'outdated');
    assert.equal(progress.learn('C', 2, true, progress.asking(0)), 'met');
  });

  it('takes an incarnation for complete from the length on that the master has when it meets it', () => {
    let ownLength = 3;
    const progress = new Progress(() => ownLength);
    progress.learn('A', 0, true, progress.asking(0));
    ownLength = 8;
    progress.learn('A', 1, true, progress.asking(0));
    assert.equal(progress.completeFrom, 3);
    progress.learn('B', 1, true, progress.asking(0));
    assert.equal(progress.completeFrom, 8);
  });

  it('forgets with an incarnation what that had said of itself', () => {
    const progress = met(4);
    progress.isComplete = true;
    progress.newest = { epoch: 1, writer: 'W' };
    progress.nodeId = 'n';
    progress.receivedBytes = 9;
    progress.learn('B', 4, true, progress.asking(0));
    const { isComplete, newest, nodeId, receivedBytes } = progress;
    assert.deepEqual([isComplete, newest, nodeId, receivedBytes], [null, null, null, 0]);
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
  const progress = new Progress(() => OWN_LENGTH);
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
    const progress = new Progress(() => OWN_LENGTH);
    assert.equal(progress.mustCompare, false, 'nobody was met');
    assert.equal(progress.learn('A', 0, false, progress.asking(0)), 'met');
    assert.equal(progress.mustCompare, true);
    assert.equal(progress.learn('A', 4, false, progress.asking(0)), 'nothing');
    assert.deepEqual([progress.acked, progress.mustCompare], [0, true]);
  });

  it('counts from the statement on that says it was compared', () => {
    const progress = new Progress(() => OWN_LENGTH);
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
});
