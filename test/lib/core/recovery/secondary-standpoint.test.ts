import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Replica } from '../../../../src/lib/core/log/replica.ts';
import { type FrameAnswer, Secondary } from '../../../../src/lib/core/secondary.ts';
import { preparing } from '../../support.ts';
import { frameOf, requestOf } from '../frames.ts';
import { SlowDisk } from '../log/slow-disk.ts';

describe('Secondary: what it tells of itself', () => {
  function served(): {
    secondary: Secondary;
    disk: SlowDisk;
    receive: (...frame: Parameters<typeof frameOf>) => string[];
  } {
    const disk = new SlowDisk();
    const faults = { delayMs: 0, errorRate: 0, errorAfterApplyRate: 0 };
    const config = { nodeId: 's1', bootId: 'B', faults };
    const secondary = new Secondary(config, () => {}, new Replica(disk));
    const answers: string[] = [];
    const onAnswer = (answer: FrameAnswer) => {
      answers.push(answer.kind === 'ack' ? `ack ${answer.ack.length}` : answer.problem);
    };
    const receive = (...frame: Parameters<typeof frameOf>) => {
      secondary.receive(frameOf(...frame), [0.5, 0.5], 0, onAnswer);
      return answers;
    };
    return { secondary, disk, receive };
  }

  it('is that it is complete once its disk has it all, and not before', () => {
    const { secondary, disk, receive } = served();
    const told = { epochs: '1A@1', bootId: 'B', completeFrom: 2, committed: 2 };
    const answers = receive('1A', 1, ['a', 'b'], told);
    const prepareReply = () => secondary.heartbeat(requestOf('1A', { bootId: 'B' })).prepareReply;
    assert.deepEqual([secondary.isComplete, secondary.committed], [false, 0]);
    assert.deepEqual([prepareReply()?.isLogMatched, prepareReply()?.isComplete], [true, false]);
    disk.sync(1);
    secondary.synced();
    assert.deepEqual([secondary.isComplete, secondary.committed], [false, 1], 'of what it shows');
    disk.sync();
    secondary.synced();
    assert.deepEqual([secondary.isComplete, secondary.committed], [true, 2]);
    assert.equal(prepareReply()?.isComplete, true);
    assert.deepEqual(answers, ['ack 2']);
  });

  it('is complete before it acks what made it so', () => {
    const { secondary, disk } = served();
    const frame = frameOf('1A', 1, ['a'], { epochs: '1A@1', bootId: 'B', completeFrom: 1 });
    const seen: boolean[] = [];
    secondary.receive(frame, [0.5, 0.5], 0, () => seen.push(secondary.isComplete));
    disk.sync();
    secondary.synced();
    assert.deepEqual(seen, [true]);
  });

  it('is unchanged after a poll, and matches no log: a poll prepares nothing', () => {
    const { secondary, disk, receive } = served();
    receive('2B', 1, ['a'], { epochs: '1A@1 2B@1' });
    disk.sync();
    secondary.synced();
    const poll = { prepare: null, bootId: null, completeFrom: 7, committed: 1 };
    const { epoch, length, prepareReply } = secondary.heartbeat(poll);
    assert.deepEqual([epoch, length, secondary.committed, secondary.isComplete], [2, 1, 0, false]);
    assert.deepEqual(prepareReply, {
      writer: 'B',
      lastEpoch: 2,
      lastWriter: 'B',
      isLogMatched: false,
      isComplete: false,
    });
  });

  it('matches no log for a prepare to another incarnation, which is answered as a poll', () => {
    const { secondary } = served();
    const { logId, epoch } = secondary.heartbeat({
      ...preparing({ logId: 'L', epoch: 3, writer: 'W' }),
      bootId: 'earlier',
    });
    assert.deepEqual([logId, epoch, secondary.logId, secondary.epoch], [null, 0, null, 0]);
  });

  it('is not compared by a part of a list of epochs, and acks it as such', () => {
    const { secondary, disk } = served();
    const acks: unknown[] = [];
    const told = { bootId: 'B', completeFrom: 1, committed: 1 };
    const parts = [
      frameOf('2B', 1, [], { ...told, epochs: '1A@1' }),
      frameOf('2B', 1, ['a'], { ...told, epochs: '2B@2' }),
    ].map((frame, offset) => ({ ...frame, part: { offset, hasMore: offset === 0 } }));
    for (const frame of parts) {
      secondary.receive(frame, [0.5, 0.5], 0, (answer) => {
        if (answer.kind === 'ack') acks.push(answer.ack);
      });
      assert.deepEqual([secondary.isComplete, secondary.committed], [false, 0]);
    }
    const ack = { bootId: 'B', logId: 'L', epoch: 2 };
    assert.deepEqual(acks, [{ ...ack, length: 0, isLogMatched: false }]);
    disk.sync();
    secondary.synced();
    assert.deepEqual(acks.slice(1), [{ ...ack, length: 1 }]);
    assert.deepEqual([secondary.isComplete, secondary.committed], [true, 1]);
  });

  it('refuses a frame for another incarnation', () => {
    const { secondary, receive } = served();
    const answers = receive('1A', 1, ['a'], { epochs: '1A@1', bootId: 'earlier' });
    assert.deepEqual(answers, ['boot-mismatch']);
    assert.deepEqual(secondary.counts, { applied: 0, refused: 1, duplicates: 0 });
  });
});
