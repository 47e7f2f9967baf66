/** Whom a master speaks to: every prepare and every stream is for one incarnation, which must be met first. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NEVER, ROUND_MS, Stage, threeEntries } from './stage.ts';

const PREPARE = { logId: 'L', epoch: 1, writer: 'W' };
const POLL = { prepare: null, bootId: null, completeFrom: null, committed: 0 };

describe('Master: what it asks with a heartbeat', () => {
  it('is a poll at first, then its prepare to each incarnation that has answered, and to no other', () => {
    const stage = new Stage({ names: ['s1', 's2', 's3'] });
    stage.tick(0);
    for (const name of ['s1', 's2', 's3']) assert.deepEqual(stage.requests.get(name), POLL);
    stage.requests.clear();
    stage.beat('s1', 0, { bootId: 'incarnation' });
    stage.beat('s2', 0);
    stage.miss('s3', 'refused', true);
    const told = { prepare: PREPARE, completeFrom: null, committed: 0 };
    assert.deepEqual(stage.requests.get('s1'), { ...told, bootId: 'incarnation' });
    assert.deepEqual(stage.requests.get('s2'), { ...told, bootId: 's2-boot' });
    assert.equal(stage.requests.has('s3'), false);
    stage.beat('s1', 0, { bootId: 'incarnation' });
    stage.beat('s2', 0);
    stage.tick(ROUND_MS);
    const { prepare, bootId } = stage.requests.get('s3') ?? {};
    assert.deepEqual([prepare, bootId], [null, null], 'who was never met is only polled');
  });

  it('is also where a secondary is complete, and what is committed', () => {
    const stage = threeEntries();
    const told = { prepare: PREPARE, bootId: 's1-boot', completeFrom: 0, committed: 3 };
    assert.deepEqual(stage.requests.get('s1'), told);
    stage.speak('s1', 1, { bootId: 'restarted' });
    stage.tick(2 * ROUND_MS);
    assert.deepEqual(stage.requests.get('s1'), { ...told, bootId: 'restarted', completeFrom: 3 });
  });

  it('is a poll of who has turned out to be another node', () => {
    const stage = threeEntries();
    stage.beat('s1', 3, { nodeId: 's2', bootId: 's2-boot' });
    stage.tick(2 * ROUND_MS);
    assert.deepEqual(stage.requests.get('s1'), POLL);
  });
});

describe('Master: who was never met', () => {
  const unmet = () => {
    const options = { names: ['s1'], quorumAppend: false, backoffMaxMs: 300 };
    const stage = new Stage(options).noneUp();
    stage.append('a');
    return stage;
  };

  it('is sent nothing: a stream is for one incarnation; it is asked who it is instead', () => {
    const stage = unmet();
    stage.did();
    assert.equal(stage.master.nextWakeAt(), 0);
    stage.tick(0);
    stage.did('ask s1');
    assert.deepEqual(stage.requests.get('s1'), POLL);
    assert.equal(stage.health('s1').nextAttemptInMs, null, 'it is under way');
    assert.equal(stage.master.nextWakeAt(), NEVER);
    stage.tick(500);
    stage.did();
    stage.beat('s1', 0);
    stage.did('open s1#1', 'send s1 1..1');
    assert.equal(stage.starts.get('s1')?.bootId, 's1-boot');
  });

  it('is asked again by the backoff, for ever; only the first failure warns', () => {
    const stage = unmet();
    const delays = [1, 2, 3, 4, 5, 6].map((failures) => {
      stage.tick(stage.now);
      stage.did('ask s1');
      stage.miss('s1', 'refused');
      const { nextAttemptInMs, lastError, ...health } = stage.health('s1');
      assert.deepEqual([health.failures, lastError], [failures, 'refused']);
      stage.tick(stage.now + (nextAttemptInMs as number) - 1);
      stage.did();
      stage.now += 1;
      return nextAttemptInMs;
    });
    assert.deepEqual(delays, [25, 50, 100, 150, 150, 150]);
    const levels = stage.logEvents
      .filter(({ event }) => event === 'replication-failed')
      .map(({ level }) => level);
    assert.deepEqual(levels, ['warn', ...Array(5).fill('debug')]);
    stage.tick(stage.now);
    stage.beat('s1', 0);
    assert.deepEqual([stage.health('s1').failures, stage.health('s1').lastError], [0, null]);
  });

  it('is asked by that pace too where another log answers, and is never sent anything', () => {
    const stage = unmet();
    for (const delay of [25, 50]) {
      stage.tick(stage.now);
      stage.beat('s1', 4, { logId: 'OTHER', epoch: 1 });
      stage.did('ask s1');
      assert.match(stage.health('s1').lastError as string, /^log-mismatch/);
      assert.equal(stage.health('s1').nextAttemptInMs, delay);
      stage.now += delay;
    }
  });

  it('is not asked more often than usual where there is nothing to send', () => {
    const stage = new Stage({ names: ['s1'], quorumAppend: false, heartbeatMs: 1000 }).noneUp();
    assert.equal(stage.master.nextWakeAt(), 1000);
    stage.tick(1000);
    stage.miss('s1');
    stage.did('ask s1');
    assert.deepEqual([stage.health('s1').failures, stage.master.nextWakeAt()], [0, 2000]);
  });

  it('is asked at once after an append, though a heartbeat is not due', () => {
    const stage = new Stage({ names: ['s1'], quorumAppend: false, heartbeatMs: 1000 }).noneUp();
    stage.now = 300;
    stage.append('a');
    assert(stage.master.nextWakeAt() <= 300);
    stage.tick(300);
    stage.did('ask s1');
  });
});

describe('Master: a stream that was for an incarnation which is over', () => {
  it('makes it ask at once whom it speaks to now, whatever has failed before', () => {
    const stage = new Stage({ names: ['s1'] }).allUp();
    stage.append('a');
    for (const attempt of [1, 2]) {
      stage.skip();
      stage.restarted('s1');
      const { failures, lastError } = stage.health('s1');
      assert.deepEqual([failures, lastError], [attempt, 'HTTP 409 boot-mismatch']);
      stage.tick(stage.now + 1);
      stage.did('abort s1', 'ask s1');
      stage.miss('s1');
      stage.tick(stage.now + 100);
    }
    stage.skip();
    stage.restarted('s1');
    stage.tick(stage.now + 1);
    stage.speak('s1', 0, { bootId: 'restarted' });
    stage.did('abort s1', 'ask s1', 'open s1#4', 'send s1 1..0');
    assert.equal(stage.starts.get('s1')?.bootId, 'restarted');
  });
});

describe('Master: who has only heard of another log', () => {
  const empty = {
    writer: 'X',
    lastEpoch: 0,
    lastWriter: '',
    isLogMatched: false,
    isComplete: false,
  };

  it('is sent this one, whatever epoch that was of', () => {
    const stage = threeEntries();
    stage.beat('s1', 0, { logId: 'OTHER', epoch: 7, bootId: 'restarted', prepareReply: empty });
    stage.did('open s1#2', 'send s1 1..0');
    assert.deepEqual([stage.health('s1').status, stage.health('s1').lastError], ['Healthy', null]);
    assert.equal(stage.master.fencedBy, null);
  });

  it('is not if it holds any of it, or does not say', () => {
    for (const [length, prepareReply] of [
      [1, empty],
      [0, { ...empty, lastEpoch: 7 }],
      [0, null],
    ] as const) {
      const stage = threeEntries();
      stage.beat('s1', length, { logId: 'OTHER', epoch: 7, bootId: 'restarted', prepareReply });
      stage.did();
      assert.match(stage.health('s1').lastError as string, /^log-mismatch/);
      assert.deepEqual(stage.master.holders(1), { acked: ['master', 's2'], pending: ['s1'] });
    }
  });
});
