import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeyIndex } from '../../../src/lib/core/log/idempotency.ts';
import { Log } from '../../../src/lib/core/log/log.ts';
import { messagesOf } from '../support.ts';
import { NEVER, Stage } from './stage.ts';

/** A master of epoch 1 with a at seq 1, for which alice waits, and a stream open with s1 and s2. */
function usual(stage = new Stage({ heartbeatMs: 1000 }).allUp()): Stage {
  stage.append('a', { w: 3, as: 'alice' });
  stage.append('b', { w: 2, waitMs: 5000, as: 'bob' });
  stage.tick(1000);
  stage.skip();
  return stage;
}

const ways: [how: string, act: (stage: Stage) => void, by: number][] = [
  [
    'a heartbeat that tells of a higher epoch',
    (stage) => stage.beat('s1', 0, { logId: 'L', epoch: 3 }),
    3,
  ],
  [
    'a heartbeat that tells of another writer of its own epoch',
    (stage) => {
      const prepareReply = {
        writer: 'X',
        lastEpoch: 0,
        lastWriter: '',
        isLogMatched: false,
        isComplete: false,
      };
      stage.beat('s1', 0, { logId: 'L', epoch: 1, prepareReply });
    },
    1,
  ],
  ['an ack of a higher epoch', (stage) => stage.ack('s1', 0, { epoch: 2 }), 2],
  ['a stream that is refused because of a newer master', (stage) => stage.refuse('s1', 4), 4],
  [
    'a stream that is refused because of another master of its own epoch',
    (stage) => stage.refuse('s1', 1),
    1,
  ],
  [
    'a stream that is refused because of a newer master, without a word on its epoch',
    (stage) => stage.refuse('s1', 0),
    0,
  ],
];

for (const [how, act, by] of ways) {
  describe(`Master: fenced by ${how}`, () => {
    it('aborts every stream and answers all who wait', () => {
      const stage = usual();
      act(stage);
      stage.did('abort s1', 'abort s2', 'bob fenced', 'alice fenced');
      assert.deepEqual([stage.master.waiting, stage.master.fencedBy], [0, by]);
      assert.deepEqual(stage.logEvents.at(-1), {
        level: 'error',
        event: 'fenced',
        fields: { epoch: 1, by },
      });
    });

    it('takes nothing any more and says why; what it has can still be read', () => {
      const stage = usual();
      act(stage);
      const refused = `refused {"problem":"fenced","epoch":${by}}`;
      assert.equal(stage.append('c'), refused);
      assert.equal(stage.await(1, 1), refused);
      assert.deepEqual(stage.master.writeRefusal(), {
        kind: 'refused',
        problem: 'fenced',
        epoch: by,
      });
      assert.deepEqual([stage.master.status(), stage.master.epoch], ['read-only', 1]);
      assert.deepEqual(messagesOf(stage.master.log), ['a', 'b']);
      assert.deepEqual(stage.master.holders(1), { acked: ['master'], pending: ['s1', 's2'] });
    });

    it('does nothing any more, whatever it hears', () => {
      const stage = usual();
      act(stage);
      stage.skip();
      stage.logEvents.length = 0;
      stage.ack('s1', 2);
      stage.ack('s2', 2);
      stage.fail('s2');
      stage.refuse('s2', 9);
      stage.beat('s1', 2, { epoch: 9 });
      stage.beat('s2', 2);
      stage.miss('s1');
      stage.tick(60_000);
      stage.master.flush(60_000);
      stage.did();
      assert.deepEqual(stage.logEvents, []);
      assert.deepEqual([stage.master.fencedBy, stage.master.nextWakeAt()], [by, NEVER]);
    });
  });
}

describe('Master: not fenced', () => {
  const table: [why: string, act: (stage: Stage) => void][] = [
    ['by a heartbeat of another log', (stage) => stage.beat('s1', 0, { logId: 'M', epoch: 9 })],
    ['by an ack of another log', (stage) => stage.ack('s1', 0, { logId: 'M', epoch: 9 })],
    [
      'by a heartbeat of a smaller writer of its epoch',
      (stage) => {
        const prepareReply = {
          writer: 'A',
          lastEpoch: 0,
          lastWriter: '',
          isLogMatched: false,
          isComplete: false,
        };
        stage.beat('s1', 0, { logId: 'L', epoch: 1, prepareReply });
      },
    ],
    [
      'by what a stream says that is over',
      (stage) => {
        stage.fail('s1');
        stage.ack('s1', 0, { epoch: 9 });
        stage.refuse('s1', 9);
      },
    ],
  ];
  for (const [why, act] of table) {
    it(why, () => {
      const stage = usual();
      act(stage);
      assert.deepEqual([stage.master.fencedBy, stage.master.waiting], [null, 2]);
    });
  }

  it('by a refusal for an epoch that is below its own: that is no answer', () => {
    const [log, keys] = [new Log(), new KeyIndex()];
    const restored = { logId: 'L', ballot: { epoch: 4, writer: 'A' }, log, keys, isComplete: true };
    const stage = usual(new Stage({ heartbeatMs: 1000, restored }).allUp());
    assert.equal(stage.master.epoch, 5);
    stage.refuse('s1', 4);
    assert.deepEqual([stage.master.fencedBy, stage.master.waiting], [null, 2]);
    assert.deepEqual([stage.health('s1').failures, stage.health('s1').lastError], [1, 'HTTP 409']);
    stage.refuse('s2', 5);
    assert.equal(stage.master.fencedBy, 5);
  });

  it('while it recovers: it prepares a higher epoch instead', () => {
    const stage = new Stage({ names: ['s1'] });
    stage.tick(0);
    stage.beat('s1', 0, { logId: 'L', epoch: 7 });
    stage.did('ask s1', 'prepare s1 L/8');
  });
});
