import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NodeStage } from './node-stage.ts';
import { Stage } from './stage.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** An elected master of an empty log, with streams to a and c. */
function elected(): NodeStage {
  const stage = new NodeStage().elected();
  stage.tick(3000);
  return stage.skip();
}

describe('Master: a linearizable read', () => {
  /** Begins a read that ends at `deadline` at the latest. */
  function read(stage: NodeStage, deadline = NEVER) {
    const ends: string[] = [];
    const wait = stage.master.confirmRead(deadline, stage.now, (end) => ends.push(end));
    return { ends, wait };
  }

  it('is confirmed by a majority that answers a question asked after it came', () => {
    const stage = elected();
    const { ends } = read(stage);
    stage.answers('a', 0);
    assert.deepEqual(ends, [], 'this question was asked before');
    stage.tick(3000).did('ask a');
    stage.answers('a', 0);
    assert.deepEqual(ends, ['confirmed']);
  });

  it('waits until all that was in the log is on a majority', () => {
    const stage = elected();
    stage.answers('a', 0);
    stage.append('x');
    const { ends } = read(stage);
    stage.tick(3000);
    stage.answers('a', 0);
    assert.deepEqual(ends, []);
    stage.tick(3000);
    stage.acks('a', 1);
    assert.deepEqual(ends, ['confirmed']);
  });

  it('ends when its time is up, the master stops, or the reader goes away', () => {
    const stage = elected();
    const [late, gone, stopped] = [read(stage, 3100), read(stage), null];
    assert.equal(stopped, null);
    const refused = read(stage);
    assert.deepEqual(refused.wait, { kind: 'refused', problem: 'overloaded', limit: 2 });
    assert.ok(!('kind' in gone.wait));
    stage.master.cancelConfirmation(gone.wait);
    assert.ok(stage.node.nextWakeAt() <= 3100);
    stage.tick(3100);
    assert.deepEqual([late.ends, gone.ends], [['time-is-up'], []]);
    const last = read(stage);
    stage.node.stop(3100, 10);
    stage.tick(3110);
    assert.deepEqual(last.ends, ['stopping']);
  });

  it('is refused by a candidate, and needs nobody else in a cluster of one', () => {
    const candidate = new NodeStage().tick(0).tick(3000);
    const { wait } = read(candidate);
    assert.ok('kind' in wait && wait.problem === 'recovering');
    const alone = new Stage({ names: [] }).allUp();
    const ends: string[] = [];
    alone.master.confirmRead(NEVER, 0, (end) => ends.push(end));
    assert.deepEqual(ends, ['confirmed']);
  });
});

describe('Master: a member whose disk was lost', () => {
  it('counts for nothing until all others have answered since it was met', () => {
    const stage = elected();
    stage.answers('a', 0);
    stage.tick(3000);
    const ends = stage.append('x');
    stage.answers('c', 0, { isComplete: false, bootId: 'c/2' });
    stage.tick(3000);
    stage.acks('c', 1, 1, 'c/2');
    assert.deepEqual([ends, stage.requests.get('c')?.completeFrom], [[], null]);
    assert.deepEqual(stage.master.holders(1), { acked: ['b'], pending: ['a', 'c'] });
    stage.silent('a');
    stage.tick(4000);
    stage.answers('a', 0);
    assert.deepEqual(ends, ['holds']);
    assert.deepEqual(stage.master.holders(1), { acked: ['b', 'c'], pending: ['a'] });
    assert.ok(stage.said().includes('member-admitted'));
    stage.answers('c', 1, { isComplete: false, bootId: 'c/2' });
    stage.tick(4000);
    assert.equal(stage.requests.get('c')?.completeFrom, 1);
  });

  it('counts at once after the birth of a log, for all have promised just now', () => {
    const stage = new NodeStage({ isComplete: false, id: 'a' }).tick(0);
    const none = { lastEpoch: 0, lastWriter: '', isLogMatched: false, isComplete: false };
    for (const id of ['b', 'c']) {
      stage.answers(id, 0, { logId: null, epoch: 0, prepareReply: null });
    }
    for (const id of ['b', 'c']) stage.answers(id, 0, { prepareReply: { ...none, writer: 'a1' } });
    stage.tick(0);
    stage.silent('c', true);
    stage.acks('b', 0);
    assert.ok(stage.said().includes('member-admitted'));
  });

  it('is waited for again when a further one is met', () => {
    const stage = elected();
    for (const id of ['a', 'c']) {
      stage.answers(id, 0, { isComplete: false, bootId: `${id}/2` });
      stage.tick(3000);
    }
    stage.acks('a', 0, 1, 'a/2');
    assert.ok(!stage.said().includes('member-admitted'));
    stage.answers('c', 0, { isComplete: false, bootId: 'c/2' });
    assert.ok(stage.said().includes('member-admitted'));
  });
});

describe('Master: the answer of a member', () => {
  it('counts for nothing if another node answers, or one with another list', () => {
    for (const other of [{ nodeId: 'z' }, { members: 'another list' }]) {
      const stage = elected();
      stage.answers('a', 0, other);
      const health = stage.master.secondaries(3000)[0];
      assert.match(`${health?.lastError}`, /a node named z answers|members-mismatch/);
    }
  });

  it('ends the master without a word on its log level if it tells of a newer ballot', () => {
    const stage = elected();
    stage.answers('a', 0, { epoch: 9 });
    assert.equal(stage.node.role, 'secondary');
    assert.ok(!stage.said().includes('fenced'));
  });
});

describe('Master: whatever comes when it is over', () => {
  it('changes nothing', () => {
    const stage = new NodeStage({ texts: ['x'] }).tick(0).tick(3000);
    const { master } = stage;
    stage.answers('a', 2);
    stage.answers('a', 2);
    stage.hears(9);
    assert.equal(stage.node.role, 'secondary');
    stage.skip();
    const { length } = stage.replica.log;
    const frame = { logId: 'L', epoch: 9, writer: 'z', from: 1, keys: [], epochs: [] };
    const messages = { bytes: new Uint8Array(0), ends: [] };
    assert.equal(master.fetched(stage.fetch, { ...frame, messages }), false);
    master.fetchOver(stage.fetch, null, 3000);
    master.heartbeatMissed(0, 'late', false, 3000);
    master.stepDown('again');
    master.tick(9000, () => 0);
    stage.did();
    assert.equal(stage.replica.log.length, length);
  });
});
