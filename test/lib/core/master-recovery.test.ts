import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Heartbeat, PrepareReply } from '../../../src/lib/core/protocol.ts';
import { messagesOf } from '../support.ts';
import { NEVER, Stage, type StageOptions } from './stage.ts';

const A1 = { epoch: 1, writer: 'A', firstSeq: 1 };
const W2 = { epoch: 2, writer: 'W' };

/** What a secondary of log L says that saw epoch 1 of writer A. */
const holds = (length: number): [number, Partial<Heartbeat>] => {
  const [lastEpoch, lastWriter] = length === 0 ? [0, ''] : [1, 'A'];
  const prepareReply = {
    writer: 'A',
    lastEpoch,
    lastWriter,
    isLogMatched: false,
    isComplete: length > 0,
  };
  return [length, { logId: 'L', epoch: 1, prepareReply }];
};
/** What it says to the prepare 2/W. */
const stands = (
  length: number,
  prepareReply: Partial<PrepareReply> = {},
): [number, Partial<Heartbeat>] => [
  length,
  {
    logId: 'L',
    epoch: 2,
    prepareReply: {
      writer: 'W',
      lastEpoch: length === 0 ? 0 : 1,
      lastWriter: '',
      isLogMatched: false,
      isComplete: length > 0,
      ...prepareReply,
    },
  },
];

/** A master that has recovered: s1 held a and b, of which it fetched both; s2 held `second`. */
function recovered(second: number, options: StageOptions = {}): Stage {
  const stage = new Stage({ heartbeatMs: 1000, ...options });
  stage.tick(0);
  stage.beat('s1', ...holds(2));
  stage.beat('s2', ...holds(second));
  stage.beat('s1', ...stands(2));
  stage.beat('s2', ...stands(second));
  stage.skip();
  stage.fetched({ ...FRAME, epochs: [A1] }, ['a', 'b']);
  stage.fetchOver();
  return stage;
}

const FRAME = { logId: 'L', ...W2, from: 1, keys: [[2, 'k']], epochs: null } as const;

describe('Master: recovering', () => {
  it('asks everybody, makes its prepare, fetches the best log, and pushes it on', () => {
    const stage = new Stage();
    assert.equal(stage.master.nextWakeAt(), 0);
    stage.tick(0);
    stage.did('ask s1', 'ask s2');
    assert.equal(stage.master.nextWakeAt(), NEVER);
    stage.beat('s1', ...holds(2));
    stage.did();
    stage.beat('s2', 0);
    stage.did('prepare s1 L/2', 'prepare s2 L/2');
    stage.beat('s1', ...stands(2));
    stage.beat('s2', ...stands(0));
    stage.did('fetch s1 1..');
    assert.equal(stage.fetched({ ...FRAME, epochs: [A1] }, ['a', 'b']), true);
    stage.did();
    stage.fetchOver();
    stage.did('open s1#1', 'send s1 1..0', 'open s2#1', 'send s2 1..0');
    assert.deepEqual(messagesOf(stage.master.log), ['a', 'b']);
    assert.deepEqual(stage.master.leadership, { logId: 'L', ...W2 });
    assert.equal(stage.append('c', { w: 1 }), 'seq 3 holds');
    assert.deepEqual(stage.master.log.epochs, [A1, { ...W2, firstSeq: 3 }]);
    assert.equal(stage.append('b', { key: 'k' }), 'seq 2 holds, a duplicate');
  });

  it('says in one line what it adopted, from whom, and who did not answer', () => {
    const stage = new Stage({ names: ['s1', 's2', 's3'] });
    stage.tick(0);
    stage.beat('s1', ...holds(1));
    stage.beat('s2', ...holds(1));
    stage.miss('s3');
    stage.beat('s1', ...stands(1));
    stage.beat('s2', ...stands(1));
    stage.fetched({ ...FRAME, keys: [], epochs: [A1] }, ['a']);
    stage.fetchOver();
    const line = stage.logEvents.find(({ event }) => event === 'recovered');
    assert.deepEqual(line, {
      level: 'info',
      event: 'recovered',
      fields: {
        logId: 'L',
        epoch: 2,
        writer: 'W',
        length: 1,
        adoptedFrom: 's1',
        answered: ['s1', 's2'],
        rule: 'complete-quorum',
        incomplete: ['master'],
        unanswered: ['s3'],
      },
    });
  });

  it('counts among those who answered who has another log, as one that has not all of this', () => {
    const stage = new Stage();
    stage.tick(0);
    stage.beat('s1', ...holds(2));
    stage.beat('s2', 1, { logId: 'OTHER', epoch: 1 });
    stage.beat('s1', ...stands(2));
    stage.beat('s2', 1, { logId: 'OTHER', epoch: 1 });
    stage.fetched({ ...FRAME, epochs: [A1] }, ['a', 'b']);
    stage.fetchOver();
    const { rule, answered, incomplete, unanswered } =
      stage.logEvents.find(({ event }) => event === 'recovered')?.fields ?? {};
    assert.equal(rule, 'all-answered');
    assert.deepEqual(
      [answered, incomplete],
      [
        ['s1', 's2'],
        ['master', 's2'],
      ],
    );
    assert.deepEqual(unanswered, []);
  });

  it('says that it adopted nothing where there was nothing', () => {
    const stage = new Stage({ names: [] });
    stage.tick(0);
    assert.equal(stage.logEvents[0]?.fields.adoptedFrom, null);
  });

  it('takes no appends and no waits before, and shows that it recovers', () => {
    const stage = new Stage();
    stage.tick(0);
    assert.equal(stage.append('a'), 'refused {"problem":"recovering","reason":null}');
    assert.equal(stage.append('a', { w: 4 }), 'refused {"problem":"w-exceeds-cluster","n":3}');
    assert.equal(stage.await(1, 1), 'refused {"problem":"recovering","reason":null}');
    const refusal = { kind: 'refused', problem: 'recovering', reason: null };
    assert.deepEqual(stage.master.writeRefusal(), refusal);
    const { logId, epoch, leadership, status, length } = {
      ...bare(stage),
      status: stage.master.status(),
    };
    assert.deepEqual([logId, epoch, leadership, status, length], [null, 0, null, 'recovering', 0]);
    stage.master.stop(0, 1000);
    assert.equal(stage.append('a'), 'refused {"problem":"recovering","reason":null}');
    assert.equal(stage.master.writeRefusal()?.problem, 'shutting-down');
  });

  it('polls again with backoff, for ever, while no quorum answers; only what is news warns', () => {
    const stage = new Stage({ backoffMaxMs: 300, heartbeatMs: 200 });
    const delays = [1, 2, 3, 4].map(() => {
      stage.tick(stage.now);
      stage.did('ask s1', 'ask s2');
      for (const name of ['s1', 's2']) stage.miss(name, 'refused', true);
      const delay = stage.master.nextWakeAt() - stage.now;
      stage.tick(stage.now + delay - 1);
      stage.did();
      stage.now += 1;
      return delay;
    });
    assert.deepEqual(
      delays,
      [25, 50, 100, 100],
      'half of 50, 100, 200, and the interval as the cap',
    );
    const levels = stage.logEvents.map(({ event, level }) => `${level} ${event}`);
    assert.deepEqual(levels, [
      'warn recovery-unfinished',
      ...Array(3).fill('debug recovery-unfinished'),
    ]);
    assert.deepEqual(stage.health('s1').lastError, 'refused');
    assert.match(
      stage.append('a'),
      /recovering","reason":"s1 and s2 do not answer; 1 of 2 required nodes/,
    );
    stage.tick(stage.now);
    stage.beat('s1', 0);
    stage.miss('s2', 'refused', true);
    stage.beat('s1', 0);
    assert.equal(stage.master.status(), 'degraded');
  });

  it('does not begin a poll while one is under way', () => {
    const stage = new Stage();
    stage.tick(0);
    stage.skip();
    stage.tick(5000);
    stage.did();
  });

  it('shows how the secondaries are that have answered', () => {
    const stage = new Stage();
    stage.tick(0);
    stage.now = 10;
    stage.beat('s1', ...holds(2));
    stage.now = 15;
    const { status, lastSeenMsAgo, length } = stage.health('s1');
    assert.deepEqual([status, lastSeenMsAgo, length], ['Healthy', 5, 0]);
    assert.equal(stage.events().at(-1), 'secondary-status');
    assert.equal(stage.logEvents.at(-1)?.fields.cluster, 'recovering');
  });

  it('learns nothing from an answer that nobody asked for', () => {
    const stage = new Stage();
    stage.beat('s1', 2);
    assert.deepEqual(
      [stage.health('s1').status, stage.health('s1').lastSeenMsAgo],
      ['Unhealthy', null],
    );
  });

  it('counts one node once, whatever names it goes by', () => {
    const stage = new Stage({ names: ['s1', 's2', 's3'] });
    stage.tick(0);
    stage.beat('s1', 0, { nodeId: 'n', bootId: 'same' });
    stage.miss('s3');
    stage.beat('s2', 0, { nodeId: 'n', bootId: 'same' });
    assert.equal(stage.master.status(), 'recovering', '2 of 4 nodes are no quorum');
    assert.equal(stage.health('s2').lastError, 'it is the same node as s1');
  });

  it('retries later when the fetch breaks, and goes on from what it has', () => {
    const stage = new Stage({ names: ['s1'] });
    stage.tick(0);
    stage.beat('s1', ...holds(2));
    stage.beat('s1', ...stands(2));
    stage.fetched({ ...FRAME, keys: [], epochs: [A1] }, ['a']);
    stage.now = 100;
    stage.fetchOver('reset');
    assert.equal(stage.master.status(), 'recovering');
    assert.equal(stage.master.nextWakeAt(), 125);
    stage.skip();
    stage.tick(125);
    stage.beat('s1', 2, { logId: 'L', epoch: 2 });
    stage.beat('s1', 2, {
      logId: 'L',
      epoch: 3,
      prepareReply: {
        writer: 'W',
        lastEpoch: 1,
        lastWriter: '',
        isLogMatched: false,
        isComplete: true,
      },
    });
    stage.did('ask s1', 'prepare s1 L/3', 'fetch s1 2..');
  });

  it('ends waits at their deadline and stops in time meanwhile, for there are none', () => {
    const stage = new Stage();
    stage.tick(0);
    stage.master.stop(0, 100);
    assert.equal(stage.master.nextWakeAt(), NEVER);
  });

  it('leaves out of the quorum who holds another log', () => {
    const stage = new Stage();
    stage.tick(0);
    stage.beat('s1', ...holds(2));
    stage.beat('s2', 1, { logId: 'OTHER', epoch: 1 });
    stage.beat('s1', ...stands(2));
    stage.beat('s2', 1, { logId: 'OTHER', epoch: 1 });
    stage.fetched({ ...FRAME, epochs: [A1] }, ['a', 'b']);
    stage.fetchOver();
    assert.deepEqual(
      [stage.health('s2').status, stage.master.quorum().available],
      ['Unhealthy', 2],
    );
    assert.match(stage.health('s2').lastError as string, /log-mismatch/);
  });
});

function bare({ master }: Stage) {
  const { logId, epoch, leadership, length } = master;
  return { logId, epoch, leadership, length };
}

describe('Master: a secondary whose log was not compared yet', () => {
  it('counts for nothing, however much it says it holds, until its first ack', () => {
    const stage = recovered(2);
    stage.did('open s1#1', 'send s1 1..0', 'open s2#1', 'send s2 1..0');
    assert.deepEqual(stage.starts.get('s2')?.epochs, [A1, { ...W2, firstSeq: 3 }]);
    assert.deepEqual(stage.master.holders(1), { acked: ['master'], pending: ['s1', 's2'] });
    assert.equal(stage.await(2, 2, { as: 'alice' }), 'seq 2 waits');
    stage.tick(1000);
    stage.skip();
    stage.beat('s1', ...stands(2));
    stage.did();
    assert.equal(stage.health('s1').length, 0);
    stage.ack('s1', 2, { epoch: 2 });
    stage.did('alice holds');
    assert.deepEqual(stage.master.holders(2), { acked: ['master', 's1'], pending: ['s2'] });
  });

  it('tells with the ack of an empty frame where it is, after its cut', () => {
    const stage = recovered(2);
    stage.append('c');
    stage.skip();
    stage.ack('s2', 1, { epoch: 2 });
    stage.did('send s2 2..3');
    assert.deepEqual([stage.health('s2').length, stage.health('s2').failures], [1, 0]);
  });

  it('may hold more than the master, which is no miss: it will be cut', () => {
    const stage = recovered(9);
    stage.tick(1000);
    stage.beat('s2', ...stands(9));
    const { status, lastError } = stage.health('s2');
    assert.deepEqual([status, lastError], ['Healthy', null]);
  });

  it('is sent no empty frame when it has nothing to compare, and does not speak of marks', () => {
    const stage = new Stage({ heartbeatMs: 1000 });
    stage.tick(0);
    stage.beat('s1', ...holds(2));
    stage.beat('s2', 0);
    stage.beat('s1', ...stands(2));
    stage.beat('s2', 0);
    stage.skip();
    stage.fetched({ ...FRAME, epochs: [A1] }, ['a', 'b']);
    stage.fetchOver();
    stage.did('open s1#1', 'send s1 1..0', 'open s2#1', 'send s2 1..2');
    assert.deepEqual(stage.starts.get('s2')?.epochs, [A1, { ...W2, firstSeq: 3 }]);
    stage.ack('s2', 2, { epoch: 2 });
    assert.equal(stage.health('s2').length, 2);
  });

  it('is sent an empty frame when it does, so that it gets the mark, though it has nothing', () => {
    const stage = recovered(0);
    stage.did('open s1#1', 'send s1 1..0', 'open s2#1', 'send s2 1..0');
    assert.deepEqual(stage.starts.get('s2')?.epochs, [A1, { ...W2, firstSeq: 3 }]);
    stage.ack('s2', 0, { epoch: 2 });
    stage.did('send s2 1..2');
    stage.ack('s2', 2, { epoch: 2 });
    assert.equal(stage.health('s2').length, 2);
  });

  it('is probed also where there is nothing to send at all', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.tick(1_000_000);
    stage.skip();
    stage.beat('s1', 3, {
      prepareReply: {
        writer: 'W',
        lastEpoch: 1,
        lastWriter: '',
        isLogMatched: false,
        isComplete: true,
      },
      bootId: 'new',
    });
    stage.did('open s1#1', 'send s1 1..0');
    stage.ack('s1', 0, { bootId: 'new' });
    stage.did();
    assert.equal(stage.health('s1').failures, 0);
    stage.tick(2_000_000);
    assert.equal(stage.health('s1').nextAttemptInMs, null);
  });

  it('counts when a heartbeat says that it was compared, the ack being lost', () => {
    const stage = recovered(2);
    stage.fail('s1');
    stage.tick(1000);
    stage.beat('s1', ...stands(2, { isLogMatched: true }));
    assert.deepEqual(stage.master.holders(2).acked, ['master', 's1']);
  });

  it('is compared anew when it comes back in a new incarnation, from its disk', () => {
    const stage = recovered(2);
    stage.ack('s1', 2, { epoch: 2 });
    stage.tick(1000);
    stage.skip();
    const [length, said] = stands(2);
    stage.beat('s1', length, { ...said, bootId: 'restarted' });
    stage.did('abort s1', 'open s1#2', 'send s1 1..0');
    assert.deepEqual(stage.master.holders(1).acked, ['master']);
    stage.ack('s1', 2, { epoch: 2, bootId: 'restarted' });
    assert.deepEqual(stage.master.holders(2).acked, ['master', 's1']);
  });

  it('that says nothing of prepares counts once it has heard this epoch, and not before', () => {
    const stage = recovered(2);
    stage.tick(1000);
    stage.beat('s1', 2, { epoch: 1 });
    assert.equal(stage.health('s1').length, 0);
    stage.tick(2000);
    stage.beat('s1', 2, { epoch: 2 });
    assert.equal(stage.health('s1').length, 2);
  });
});

describe('Master: an entry of an earlier epoch', () => {
  // Raft, figure 8: a later master may still cut it off a node that has not all of the log before
  // this epoch, so such a node does not count for it.
  it('is counted only with nodes that have all there was when the epoch began', () => {
    const stage = recovered(0);
    assert.equal(stage.await(1, 2, { as: 'alice' }), 'seq 1 waits');
    stage.skip();
    stage.ack('s2', 1, { epoch: 2 });
    stage.did('send s2 2..2');
    assert.deepEqual(stage.master.holders(1), { acked: ['master'], pending: ['s1', 's2'] });
    assert.equal(stage.health('s2').length, 1, 'it is there, and known to be');
    stage.ack('s2', 2, { epoch: 2 });
    stage.did('alice holds');
    assert.deepEqual(stage.master.holders(1), { acked: ['master', 's2'], pending: ['s1'] });
  });
});

describe('Master: its heartbeats', () => {
  it('carry its prepare, from the second round of the poll on', () => {
    const stage = new Stage({ names: ['s1'], heartbeatMs: 1000 });
    stage.tick(0);
    assert.equal(stage.requests.get('s1')?.prepare, null);
    stage.beat('s1', 0);
    assert.deepEqual(stage.requests.get('s1')?.prepare, { logId: 'L', epoch: 1, writer: 'W' });
    stage.beat('s1', 0);
    stage.requests.clear();
    stage.tick(1000);
    assert.deepEqual(stage.requests.get('s1')?.prepare, { logId: 'L', epoch: 1, writer: 'W' });
  });
});

describe('Master: the epochs of its log', () => {
  it('travel with the first frame of every stream, and with no other', () => {
    const stage = recovered(0);
    stage.starts.clear();
    stage.ack('s2', 2, { epoch: 2 });
    stage.append('c');
    stage.append('d');
    assert.deepEqual([...stage.starts], []);
    stage.fail('s2');
    stage.tick(25);
    assert.deepEqual(stage.starts.get('s2')?.epochs, [A1, { ...W2, firstSeq: 3 }]);
  });
});

describe('Master: frames and keyed appends', () => {
  it('never ends a frame in the middle of one, so that no other master finds half of it', () => {
    const stage = new Stage({ names: ['s1'], frameBytesMax: 9 }).allUp();
    stage.append(['a', 'b', 'c', 'd'], { key: 'k' });
    stage.append('e');
    stage.did('open s1#1', 'send s1 1..4');
  });
});
