/** What a master tells of completeness, and learns of it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ROUND_MS, Stage, threeEntries } from './stage.ts';

describe('Master: from where a secondary is complete', () => {
  it('is nowhere at birth: whoever has the mark of the first epoch has it all', () => {
    const stage = new Stage({ names: ['s1'] });
    stage.tick(0);
    stage.beat('s1', 0);
    stage.speak('s1', 0);
    stage.did('ask s1', 'prepare s1 L/1', 'open s1#1', 'send s1 1..0');
    const { epochs, bootId, completeFrom } = stage.starts.get('s1') ?? {};
    const first = { epoch: 1, writer: 'W', firstSeq: 1 };
    assert.deepEqual([epochs, bootId, completeFrom], [[first], 's1-boot', 0]);
  });

  it('is the length that the log had when the master took over, for whom it had met before', () => {
    const stage = new Stage({ names: ['s1', 's2'] });
    stage.tick(0);
    for (const epoch of [1, 2]) {
      stage.beat('s1', 2, { logId: 'L', epoch });
      stage.speak('s2', 0, { epoch });
    }
    const frame = { logId: 'L', epoch: 2, writer: 'W', from: 1, keys: [] };
    stage.fetched({ ...frame, epochs: [{ epoch: 1, writer: 'A', firstSeq: 1 }] }, ['a', 'b']);
    stage.fetchOver();
    assert.equal(stage.starts.get('s2')?.completeFrom, 2);
    stage.append('c');
    stage.fail('s2');
    stage.tick(25);
    assert.equal(stage.starts.get('s2')?.completeFrom, 2, 'it was met before');
  });

  it('is the length of the log when it is met, in every stream with this incarnation of it', () => {
    const stage = threeEntries();
    stage.speak('s1', 0, { bootId: 'restarted' });
    stage.did('open s1#2', 'send s1 1..0');
    const told = () => {
      const { bootId, completeFrom } = stage.starts.get('s1') ?? {};
      return [bootId, completeFrom];
    };
    assert.deepEqual(told(), ['restarted', 3]);
    stage.append(['d', 'e']);
    stage.fail('s1');
    stage.starts.clear();
    stage.tick(stage.now + 25);
    assert.deepEqual(told(), ['restarted', 3]);
    stage.speak('s1', 0, { bootId: 'once more' });
    assert.deepEqual(told(), ['once more', 5]);
  });

  it('is that as well of an incarnation that is met by its first ack', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.append(['a', 'b']);
    stage.ack('s1', 0, { bootId: 'restarted' });
    stage.append('c');
    stage.fail('s1');
    stage.tick(25);
    const { bootId, completeFrom } = stage.starts.get('s1') ?? {};
    assert.deepEqual([bootId, completeFrom], ['restarted', 2]);
  });
});

describe('Master: a secondary that becomes complete', () => {
  /** s1 has come back with nothing, and says so; what it lacks is on its way. */
  function catchingUp(): Stage {
    const stage = threeEntries();
    stage.speak('s1', 0, { bootId: 'restarted' });
    stage.ack('s1', 0, { bootId: 'restarted' });
    stage.did('open s1#2', 'send s1 1..0', 'send s1 1..3');
    stage.beat('s2', 3);
    assert.equal(stage.health('s1').complete, false);
    return stage;
  }

  it('is asked once, as soon as it has what it lacked, and shown then', () => {
    const stage = catchingUp();
    stage.tick(stage.now + 1);
    stage.did();
    stage.ack('s1', 3, { bootId: 'restarted' });
    stage.tick(stage.now);
    stage.did('ask s1');
    stage.speak('s1', 3, { bootId: 'restarted', isComplete: true });
    assert.equal(stage.health('s1').complete, true);
    stage.append('d');
    stage.ack('s1', 4, { bootId: 'restarted' });
    stage.tick(stage.now);
    stage.did('send s1 4..4', 'open s2#2', 'send s2 4..4');
  });

  it('is asked once only, though its disk is full and it stays incomplete', () => {
    const stage = catchingUp();
    stage.ack('s1', 3, { bootId: 'restarted' });
    stage.tick(stage.now);
    stage.skip();
    stage.speak('s1', 3, { bootId: 'restarted' });
    for (const length of [4, 5]) {
      stage.append('x');
      stage.ack('s1', length, { bootId: 'restarted' });
      stage.tick(stage.now);
    }
    assert.equal(stage.health('s1').complete, false);
    stage.did('send s1 4..4', 'open s2#2', 'send s2 4..4', 'send s1 5..5');
  });

  it('is not asked if it does not speak of such things', () => {
    const stage = threeEntries();
    stage.beat('s1', 0, { bootId: 'restarted' });
    stage.ack('s1', 3, { bootId: 'restarted' });
    stage.tick(stage.now);
    stage.did('open s1#2', 'send s1 1..3');
    assert.equal(stage.health('s1').complete, false);
  });

  it('is so by its last word, and not any more in another incarnation, or under another name', () => {
    const complete = (...acts: ((stage: Stage) => void)[]) => {
      const stage = threeEntries();
      stage.speak('s1', 3, { isComplete: true });
      assert.equal(stage.health('s1').complete, true);
      for (const act of acts) act(stage);
      return stage.health('s1').complete;
    };
    const again = (stage: Stage) => stage.tick(2 * ROUND_MS);
    assert.equal(
      complete(again, (stage) => stage.speak('s1', 3)),
      false,
    );
    assert.equal(
      complete(again, (stage) => stage.beat('s1', 3)),
      false,
      'it speaks no more of it',
    );
    assert.equal(
      complete(again, (stage) => stage.miss('s1')),
      true,
      'it has said nothing',
    );
    assert.equal(
      complete(
        (stage) => stage.append('d'),
        (stage) => stage.ack('s1', 4, { bootId: 'restarted' }),
      ),
      false,
    );
    assert.equal(
      complete(again, (stage) => stage.beat('s1', 3, { nodeId: 's2', bootId: 's2-boot' })),
      false,
    );
  });
});

describe('Master: what it says of itself', () => {
  it('is why it has not recovered, and that it is complete once it has', () => {
    const stage = new Stage();
    assert.equal(stage.master.recoveryReason, 'the secondaries are being asked what they hold');
    stage.tick(0);
    for (const name of ['s1', 's2']) stage.miss(name);
    assert.match(
      stage.master.recoveryReason as string,
      /^s1 and s2 do not answer; 1 of 2 required/,
    );
    assert.equal(stage.master.isComplete, false);
    stage.tick(stage.master.nextWakeAt());
    for (const name of ['s1', 's2', 's1', 's2']) stage.beat(name, 0);
    assert.deepEqual([stage.master.recoveryReason, stage.master.isComplete], [null, true]);
    assert.equal(stage.master.logEpoch, 1);
  });
});
