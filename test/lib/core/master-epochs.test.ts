/** How a master tells a list of epochs that does not fit one frame: in parts, and only what is needed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeyIndex } from '../../../src/lib/core/log/idempotency.ts';
import { Log } from '../../../src/lib/core/log/log.ts';
import { packMessages } from '../../../src/lib/core/log/messages.ts';
import type { Heartbeat } from '../../../src/lib/core/protocol.ts';
import { SlowDisk } from './log/slow-disk.ts';
import { Stage } from './stage.ts';

/** What a secondary says that has this newest epoch, of writer `w<epoch>`. */
function standing(lastEpoch: number, lastWriter = `w${lastEpoch}`): Partial<Heartbeat> {
  const said = { writer: 'W', lastEpoch, lastWriter, isLogMatched: false, isComplete: true };
  return { logId: 'L', epoch: 8, prepareReply: said };
}

/** A master that goes on with seven entries of as many epochs, as epoch 8; two epochs fit a frame. */
function goesOn(length: number, ...newest: Parameters<typeof standing>): Stage {
  const log = new Log();
  for (let epoch = 1; epoch <= 7; epoch += 1) {
    log.append(packMessages([`${epoch}`]), { epoch, writer: `w${epoch}` });
  }
  const ballot = { epoch: 7, writer: 'w7' };
  const restored = { logId: 'L', ballot, log, keys: new KeyIndex(), isComplete: true };
  const stage = new Stage({ names: ['s1'], journal: new SlowDisk(7), restored, frameEpochsMax: 2 });
  stage.tick(0);
  stage.beat('s1', length, { logId: 'L', epoch: 7 });
  stage.beat('s1', length, standing(...newest));
  stage.skip();
  return stage;
}

/** The secondary has taken a part of the list, and shows so much now. */
function part(stage: Stage, length: number, bootId = 's1-boot'): void {
  stage.ack('s1', length, { epoch: 8, bootId, isLogMatched: false });
}

describe('Master: a list of epochs that does not fit one frame', () => {
  it('is told in parts before anything else, where nothing is known of the secondary', () => {
    const stage = goesOn(3, 0);
    stage.did();
    assert.deepEqual(stage.parts, ['s1 1..2 more', 's1 3..4 more', 's1 5..6 more']);
    part(stage, 3);
    part(stage, 9);
    assert.equal(stage.health('s1').length, 0, 'nothing was compared yet: it may hold anything');
    stage.did();
    part(stage, 3);
    stage.did('send s1 1..0');
    assert.equal(stage.parts.at(-1), 's1 7..8');
    stage.ack('s1', 3, { epoch: 8 });
    stage.did('send s1 4..7');
    assert.deepEqual([stage.health('s1').length, stage.parts.length], [3, 4]);
  });

  it('is told from the newest epoch on that the secondary says it has', () => {
    const stage = goesOn(6, 6);
    assert.deepEqual(stage.parts, ['s1 6..7 more']);
    part(stage, 6);
    assert.equal(stage.parts.at(-1), 's1 8');
  });

  it('is told whole to who has entries of an epoch that is not in the list', () => {
    assert.equal(goesOn(6, 5, 'x').parts[0], 's1 1..2 more');
  });

  it('is told from its last entry on to who was compared before', () => {
    const stage = goesOn(7, 7);
    assert.deepEqual(stage.parts, ['s1 7..8']);
    stage.ack('s1', 7, { epoch: 8 });
    stage.tick(60_000);
    stage.append('8');
    assert.deepEqual(stage.parts.slice(1), ['s1 7..8'], 'of a stream that begins anew');
  });

  it('is told whole in every other attempt that follows a failure: what is known may be outdated', () => {
    const stage = goesOn(7, 7);
    stage.fail('s1');
    stage.tick(1000);
    assert.deepEqual(stage.parts.slice(1, 2), ['s1 1..2 more']);
    const { length } = stage.parts;
    stage.fail('s1');
    stage.tick(10_000);
    assert.deepEqual(stage.parts.slice(length), ['s1 7..8']);
  });

  it('goes on where another incarnation of the secondary answers, which is met then', () => {
    const stage = goesOn(3, 0);
    part(stage, 0, 'another');
    part(stage, 0, 'another');
    assert.deepEqual(stage.events().includes('secondary-restarted'), true);
    part(stage, 0, 'another');
    assert.equal(stage.parts.at(-1), 's1 7..8');
    stage.ack('s1', 7, { epoch: 8, bootId: 'another' });
    assert.equal(stage.health('s1').length, 7);
  });

  it('is told whole to an incarnation of which nothing is known, whatever another one has said', () => {
    const stage = goesOn(6, 6);
    part(stage, 6, 'another');
    for (const now of [1000, 10_000]) {
      stage.fail('s1');
      stage.tick(now);
    }
    assert.equal(stage.starts.get('s1')?.bootId, 'another');
    assert.equal(
      stage.parts.findLast((told) => !told.startsWith('s1 3..')),
      's1 5..6 more',
    );
    assert.equal(stage.parts.at(-3), 's1 1..2 more');
  });

  it('is answered by acks of their own kind; any other one is no answer', () => {
    const stage = goesOn(3, 0);
    stage.ack('s1', 3, { epoch: 8 });
    stage.did('abort s1');
    const other = goesOn(7, 7);
    part(other, 7);
    other.did('abort s1');
  });

  it('fills the window, and no more', () => {
    const log = new Log();
    for (let epoch = 1; epoch <= 40; epoch += 1)
      log.append(packMessages(['x']), { epoch, writer: 'w' });
    const ballot = { epoch: 40, writer: 'w' };
    const restored = { logId: 'L', ballot, log, keys: new KeyIndex(), isComplete: true };
    const stage = new Stage({
      names: ['s1'],
      journal: new SlowDisk(40),
      restored,
      frameEpochsMax: 2,
    });
    stage.tick(0);
    stage.beat('s1', 0);
    stage.beat('s1', 0);
    assert.equal(stage.parts.length, 8);
    stage.ack('s1', 0, { epoch: 41, isLogMatched: false });
    assert.equal(stage.parts.at(-1), 's1 17..18 more');
    assert.equal(stage.parts.length, 9);
  });
});
