import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Node } from '../../../src/lib/core/node.ts';
import { MASTER, MEMBERS, NodeStage } from './node-stage.ts';

const NEVER = Number.POSITIVE_INFINITY;

describe('Node: a member that hears no master', () => {
  it('polls when the time-out is over, prepares if enough answer, and is the master then', () => {
    const stage = new NodeStage({ texts: ['x'] }).tick(0);
    assert.deepEqual([stage.node.role, stage.node.nextWakeAt()], ['secondary', 3000]);
    stage.tick(3000).did('poll a', 'poll c');
    assert.equal(stage.node.role, 'candidate');
    stage.answers('a', 1);
    stage.did('prepare a L/2');
    assert.deepEqual(stage.replica.ballot, { epoch: 2, writer: 'b1' });
    stage.answers('a', 1);
    assert.equal(stage.node.role, 'master');
    assert.deepEqual(stage.node.masterAt(3000), { id: 'b', url: 'http://b', epoch: 2 });
    assert.deepEqual([stage.node.hasHeardMaster, stage.node.lastFailure], [true, null]);
    assert.deepEqual(stage.node.counts.elections, { won: 1, lost: 0 });
    assert.equal(stage.node.writeRefusal(3000), null);
  });

  it('is not elected when too few answer, says why, and polls again', () => {
    const stage = new NodeStage().tick(0).tick(3000);
    stage.silent('a');
    stage.silent('c', true);
    assert.equal(stage.node.role, 'secondary');
    const reason = '1 of 2 required complete members have answered; not a and c';
    assert.equal(stage.node.lastFailure, reason);
    assert.deepEqual(stage.node.writeRefusal(3000), {
      kind: 'refused',
      problem: 'no-master',
      reason,
    });
    assert.deepEqual(
      stage.said().filter((event) => event === 'not-elected'),
      ['not-elected'],
    );
    stage.skip().tick(3500).did('poll a', 'poll c');
    stage.silent('a');
    stage.silent('c');
    assert.equal(stage.events.findLast(({ event }) => event === 'not-elected')?.level, 'debug');
    assert.equal(stage.node.withoutMasterMs(4000), 4000);
  });

  it('takes an answer that names a master for no vote', () => {
    const stage = new NodeStage().tick(0).tick(3000);
    stage.answers('a', 0, { master: { id: 'c', epoch: 1 } });
    stage.answers('c', 0, { master: { id: 'c', epoch: 1 } });
    assert.equal(stage.node.role, 'secondary');
  });

  it('does not stand while it is incomplete, but for the first member without a log', () => {
    new NodeStage({ isComplete: false }).tick(0).tick(9000).tick(20_000).did();
    new NodeStage({ isComplete: false, id: 'a' }).tick(0).did('poll b', 'poll c');
  });

  it('begins a log when all have answered and nobody has one', () => {
    const stage = new NodeStage({ isComplete: false, id: 'a' }).tick(0);
    const empty = { logId: null, epoch: 0, isComplete: false, prepareReply: null };
    stage.answers('b', 0, empty);
    assert.equal(stage.node.role, 'candidate');
    stage.answers('c', 0, empty);
    stage.skip();
    for (const id of ['b', 'c']) {
      const none = { writer: 'a1', lastEpoch: 0, lastWriter: '', isLogMatched: false };
      stage.answers(id, 0, { prepareReply: { ...none, isComplete: false } });
    }
    assert.deepEqual([stage.node.role, stage.node.logId], ['master', 'L']);
  });

  it('stands no more once it stops, and says so to clients', () => {
    const stage = new NodeStage().tick(0);
    stage.node.stop(1, 5000);
    assert.equal(stage.node.nextWakeAt(), NEVER);
    stage.tick(9000).did();
    assert.deepEqual(stage.node.writeRefusal(9000), { kind: 'refused', problem: 'shutting-down' });
    assert.equal(stage.node.isDrained, true);
  });
});

describe('Node: a member that hears a master', () => {
  const heard = () => new NodeStage({ texts: ['x'] }).tick(0).hears(2);

  it('knows it, tells clients, and stands a time-out later', () => {
    const stage = heard();
    assert.deepEqual(stage.node.notMaster(0), {
      kind: 'refused',
      problem: 'not-master',
      master: { id: 'a', url: 'http://a', epoch: 2 },
    });
    assert.deepEqual(stage.said(), ['epoch-seen', 'master-heard']);
    stage.hears(2);
    assert.deepEqual(stage.said(), []);
    stage.tick(1500).did('probe a');
    stage.tick(2999).skip();
    assert.equal(stage.node.role, 'secondary');
    stage.tick(3000);
    assert.equal(stage.node.role, 'candidate');
  });

  it('promises no candidate anything, but the successor of that master', () => {
    const stage = heard();
    const own = { epoch: 2, writer: 'a2' };
    assert.equal(stage.isAskedBy('c', 3), 'a');
    assert.equal(stage.node.epoch, 2);
    assert.equal(stage.isAskedBy('c', 3, { handover: { epoch: 1, writer: 'x' } }), 'a');
    assert.equal(stage.isAskedBy('c', 3, { handover: own }), null);
    assert.equal(stage.node.epoch, 3);
  });

  it('tells who looks of it, and answers who knows no member with the list', () => {
    const stage = heard();
    const look = stage.asked(null, null);
    assert.ok(!('kind' in look));
    assert.deepEqual(look.master, { id: 'a', epoch: 2 });
    const stranger = stage.node.heartbeat(null, 0, () => 0);
    assert.ok(!('kind' in stranger));
    assert.equal(stranger.members, MEMBERS);
  });

  it('asks it when another run of it asks, which may be one before it: that may have come late', () => {
    const stage = heard();
    assert.equal(stage.isAskedBy('a', 1), 'a');
    stage.tick(10).did();
    assert.equal(stage.isAskedBy('a', 3, {}, { bootId: 'a/2' }), 'a');
    assert.equal(stage.node.masterAt(10)?.id, 'a');
    stage.tick(10).did('probe a');
  });

  it('refuses a member with another list, and a master without one', () => {
    const stage = heard();
    const prepare = { logId: 'L', epoch: 9, writer: 'z' };
    const list = 'a=http://a,b=http://b,c=http://c';
    const refusal = { kind: 'refused', problem: 'members-mismatch', members: list };
    assert.deepEqual(stage.asked({ members: 'other' }, prepare), refusal);
    assert.deepEqual(stage.asked(null, prepare), refusal);
    assert.equal(stage.node.epoch, 2);
  });

  it('logs a member with another list once, and again when it has met too many to remember', () => {
    const stage = heard();
    stage.said();
    const asks = (members: string) => {
      stage.asked({ members }, null);
      return stage.said();
    };
    assert.deepEqual([asks('other'), asks('other')], [['members-mismatch'], []]);
    for (let i = 1; i < 100; i += 1) assert.deepEqual(asks(`list ${i}`), ['members-mismatch']);
    assert.equal([asks('more'), asks('other')].flat().length, 2);
  });

  it('hears nobody by what is said to another run of it', () => {
    const stage = new NodeStage().tick(0).hears(1).tick(2000);
    stage.hears(1, { bootId: 'b/0' });
    stage.tick(2999);
    assert.notEqual(stage.node.masterAt(2999), null);
    assert.equal(stage.node.masterAt(3000), null);
  });

  it('hears it by its frames, but not by those of other masters or for other runs', () => {
    const stage = heard().tick(2000);
    assert.equal(stage.receives(2, { bootId: 'b/0' }), 'boot-mismatch');
    assert.equal(stage.receives(1), 'stale-epoch');
    assert.equal(stage.node.masterAt(3000), null);
    assert.equal(stage.receives(2, { bootId: 'b/1' }), 'ack');
    assert.equal(stage.node.masterAt(4999)?.id, 'a');
    assert.equal(stage.receives(3, {}, 'c'), 'ack');
    assert.equal(stage.node.length, 1);
  });

  it('asks it when its stream ends, and stands soon if it is gone', () => {
    const table: [
      what: string,
      outcome: { bootId: string } | { isDown: boolean },
      isGone: boolean,
    ][] = [
      ['it is the same run', { bootId: 'a/1' }, false],
      ['it is another run', { bootId: 'a/2' }, true],
      ['nobody is there', { isDown: true }, true],
      ['it does not answer', { isDown: false }, false],
    ];
    for (const [what, outcome, isGone] of table) {
      const stage = heard();
      stage.node.streamEnded(10);
      stage.tick(10).did('probe a');
      stage.node.probed('c', { isDown: true }, 20, 0);
      assert.notEqual(stage.node.masterAt(20), null);
      stage.node.probed('a', outcome, 20, 0);
      assert.equal(stage.node.masterAt(20) === null, isGone, what);
      stage.node.probed('a', { isDown: true }, 20, 0);
      stage.tick(20);
      assert.equal(stage.node.role, 'candidate');
    }
  });

  it('stands no more when it hears one, by a heartbeat or a frame', () => {
    for (const hear of [
      (stage: NodeStage) => void stage.hears(1),
      (stage: NodeStage) => void stage.receives(1),
    ]) {
      const stage = new NodeStage({ texts: ['x'] }).tick(0).hears(1).tick(3000);
      stage.skip();
      hear(stage);
      assert.equal(stage.node.role, 'secondary');
      assert.equal(stage.node.masterAt(3000)?.id, 'a');
    }
  });
});

describe('Node: a candidate or a master', () => {
  it('is a secondary when a newer ballot comes that it listens to', () => {
    const candidate = new NodeStage().tick(0).tick(3000);
    assert.equal(candidate.isAskedBy('c', 5), null);
    assert.deepEqual([candidate.node.role, candidate.node.epoch], ['secondary', 5]);
    const master = new NodeStage().elected();
    master.hears(9);
    assert.deepEqual([master.node.role, master.node.masterAt(3000)?.id], ['secondary', 'a']);
    assert.ok(master.said().includes('stepped-down'));
  });

  it('is not when the ballot is older, for another run, or of another log', () => {
    const stage = new NodeStage().elected();
    stage.hears(1);
    stage.hears(9, { bootId: 'b/0' });
    stage.asked({}, { logId: 'M', epoch: 9, writer: 'z' });
    assert.equal(stage.node.role, 'master');
  });

  it('promises no candidate anything while it is the master', () => {
    const stage = new NodeStage().elected();
    assert.equal(stage.isAskedBy('c', 7), 'b');
    const look = stage.asked(null, null);
    assert.deepEqual('kind' in look ? null : look.master, { id: 'b', epoch: 2 });
  });

  it('answers its clients and readers when it steps down, for want of a majority', () => {
    const stage = new NodeStage().elected();
    const ends = stage.append('x');
    const reads: string[] = [];
    stage.master.confirmRead(NEVER, 3000, (end) => reads.push(end));
    stage.tick(5999);
    assert.equal(stage.node.role, 'master');
    stage.tick(6000);
    assert.equal(stage.node.role, 'secondary');
    assert.deepEqual([ends, reads], [['fenced'], ['fenced']]);
    assert.equal(stage.node.lastFailure, 'no majority has answered in time');
    stage.tick(8999);
    assert.equal(stage.node.role, 'secondary');
    stage.tick(9000);
    assert.equal(stage.node.role, 'candidate');
  });

  it('goes on while a majority answers, and looks four times a second', () => {
    const stage = new NodeStage().elected();
    stage.answers('a', 0);
    for (let now = 4000; now < 12_000; now += 1000) {
      stage.tick(now);
      stage.answers('a', 0);
      stage.silent('c');
    }
    assert.equal(stage.node.role, 'master');
    assert.ok(stage.node.nextWakeAt() <= 11_250);
  });

  it('asks a member that it has just met at once again, so that it learns who the master is', () => {
    const stage = new NodeStage().elected();
    stage.answers('a', 0);
    stage.answers('c', 0);
    stage.tick(4000).skip();
    stage.answers('c', 0, { bootId: 'c/2' });
    stage.skip().tick(4000);
    assert.notEqual(stage.requests.get('c')?.prepare, null);
    assert.equal(stage.requests.get('c')?.bootId, 'c/2');
  });

  it('steps down when its disk hangs, and is not woken without pause meanwhile', () => {
    const stage = new NodeStage({ hasDisk: true }).elected();
    stage.append('x');
    const answer = () => {
      for (const id of ['a', 'c']) stage.answers(id, 0);
    };
    for (let now = 3500; now < 6000; now += 500) {
      stage.tick(now);
      answer();
      stage.tick(now);
      answer();
      assert.ok(stage.node.nextWakeAt() > now, `${stage.node.nextWakeAt()} after ${now}`);
      assert.equal(stage.node.role, 'master');
    }
    stage.tick(6000);
    assert.equal(stage.node.role, 'secondary');
  });

  it('counts what is synced, as a secondary and as a master', () => {
    const stage = new NodeStage({ hasDisk: true }).elected();
    const ends = stage.append('x', 1);
    stage.disk.sync();
    stage.node.synced();
    assert.deepEqual(ends, ['holds']);
    const other = new NodeStage();
    other.node.synced();
    assert.equal(other.node.length, 0);
  });
});

describe('Node: a handover', () => {
  /** The master of an empty log that has heard that a and c have it. */
  function ready(): NodeStage {
    const stage = new NodeStage().elected();
    for (const id of ['a', 'c']) {
      stage.acks(id, 0);
      stage.answers(id, 0);
    }
    stage.tick(4000);
    for (const id of ['a', 'c']) stage.answers(id, 0);
    return stage.skip();
  }

  it('is offered to the named member, listened to for it alone, and ends with the new master', () => {
    const stage = ready();
    assert.equal(stage.node.mayHandOver, true);
    const ends = stage.handsOver('c');
    assert.deepEqual([stage.node.isHandingOver, stage.node.nextWakeAt()], [true, 0]);
    stage.tick(4000).tick(4000);
    const { handover } = stage.requests.get('c') ?? {};
    assert.deepEqual(handover, { epoch: 2, writer: 'b1' });
    assert.equal(stage.isAskedBy('a', 3, { handover }), 'b');
    assert.equal(stage.isAskedBy('c', 3), 'b');
    const look = stage.asked(null, null);
    assert.equal('kind' in look ? null : look.master?.id, 'b');
    assert.equal(stage.isAskedBy('c', 3, { handover }), null);
    assert.equal(stage.node.role, 'secondary');
    stage.hears(3, {}, 'c');
    assert.deepEqual(ends, [{ id: 'c', url: 'http://c', epoch: 3 }]);
    assert.deepEqual(stage.node.counts.handovers, { done: 1, failed: 0 });
    assert.equal(stage.node.isHandingOver, false);
  });

  it('is told no member any more once it is over', () => {
    const stage = ready();
    const ends = stage.handsOver('c');
    for (const now of [4999, 5000, 6000]) {
      stage.tick(now);
      stage.answers('a', 0);
    }
    // The question that was open when it was offered is over only now.
    stage.tick(7000);
    assert.deepEqual(ends, ['c did not stand in time']);
    stage.answers('c', 0);
    stage.tick(7001);
    assert.equal(stage.requests.get('c')?.handover, undefined);
    assert.deepEqual(stage.node.counts.handovers, { done: 0, failed: 1 });
  });

  it('is offered to no other run of the member', () => {
    const stage = ready();
    stage.tick(5000);
    stage.handsOver('c');
    // The question of this time is still open.
    stage.tick(5000);
    stage.answers('c', 0, { bootId: 'c/2' });
    stage.tick(5001);
    assert.deepEqual(stage.requests.get('c')?.bootId, 'c/2');
    assert.equal(stage.requests.get('c')?.handover, undefined);
  });

  it('waits until what was appended is committed', () => {
    const stage = ready();
    stage.append('x');
    stage.handsOver(null);
    stage.tick(4000);
    assert.equal(stage.requests.get('a')?.handover, undefined);
    assert.equal(stage.master.offerHandover(null, 4000), null);
  });

  it('is offered to nobody who is no member', () => {
    assert.equal(ready().master.offerHandover('z', 4000), null);
  });

  it('is one at a time, and only the master hands over', () => {
    const stage = ready();
    stage.handsOver(null);
    assert.deepEqual(stage.handsOver(null), ['it is handing over already']);
    assert.deepEqual(new NodeStage().handsOver(null), ['this node is not the master']);
  });

  it('ends when the master steps down for another reason', () => {
    const stage = ready();
    const ends = stage.handsOver('a');
    stage.hears(9);
    assert.deepEqual(ends, ['it is not the master any more']);
  });

  it('lets a complete secondary stand at once, which tells those it asks', () => {
    const stage = new NodeStage().tick(0).hears(2);
    const own = { epoch: 2, writer: 'a2' };
    stage.hears(2, { handover: own });
    assert.equal(stage.node.role, 'candidate');
    stage.did('poll a', 'poll c');
    assert.deepEqual(stage.requests.get('a')?.handover, { logId: 'L', ...own });
    stage.hears(2);
    assert.equal(stage.node.role, 'candidate', 'the master that hands over is still heard');
    const incomplete = new NodeStage({ isComplete: false }).tick(0).hears(2);
    incomplete.hears(2, { handover: own });
    assert.equal(incomplete.node.role, 'secondary');
  });
});

describe('Node: the loss of entries is accepted', () => {
  it('takes over with those who answer', () => {
    const stage = new NodeStage({ isComplete: false, texts: ['x'] }).tick(0);
    const ends: unknown[] = [];
    stage.node.acceptLoss(
      0,
      () => 0,
      (end) => ends.push(end),
    );
    for (const id of ['a', 'c']) stage.silent(id);
    assert.deepEqual(ends, [{ id: 'b', url: 'http://b', epoch: 2 }]);
    assert.equal(stage.events.find(({ event }) => event === 'loss-accepted')?.level, 'error');
  });

  it('is refused while there is a master', () => {
    const ends: unknown[] = [];
    new NodeStage()
      .tick(0)
      .hears(2)
      .node.acceptLoss(
        0,
        () => 0,
        (end) => ends.push(end),
      );
    assert.deepEqual(ends, ['there is a master: a']);
  });

  it('ends a candidacy, and says why it could not take over', () => {
    const stage = new NodeStage({ texts: ['x'] }).tick(0).tick(3000);
    const ends: unknown[] = [];
    stage.node.acceptLoss(
      3000,
      () => 0,
      (end) => ends.push(end),
    );
    stage.hears(9);
    assert.deepEqual(ends, ['it has met a newer ballot']);
  });
});

describe('Node: without members', () => {
  const effects = Object.fromEntries(
    [
      'openStream',
      'sendFrame',
      'closeStream',
      'abortStream',
      'askHeartbeat',
      'fetchLog',
      'probe',
      'logEvent',
    ].map((name) => [name, () => {}]),
  ) as unknown as ConstructorParameters<typeof Node>[1];
  const faults = { delayMs: 0, errorRate: 0, errorAfterApplyRate: 0 };
  const fixed = { nodeId: 's', bootId: 's/1', faults, drawWriter: () => 'w', election: null };

  it('is a secondary for good', () => {
    const node = new Node({ ...fixed, master: null }, effects);
    const prepare = { logId: 'L', epoch: 1, writer: 'x' };
    node.heartbeat({ prepare, bootId: null, completeFrom: null, committed: 0 }, 0, () => 0);
    node.receive(
      {
        ...prepare,
        from: 1,
        messages: { bytes: new Uint8Array(0), ends: [] },
        keys: [],
        epochs: [],
      },
      [1, 1],
      0,
      () => {},
    );
    node.streamEnded(0);
    node.tick(9, () => 0);
    assert.deepEqual([node.role, node.members, node.hasHeardMaster], ['secondary', null, true]);
    assert.deepEqual([node.mayHandOver, node.masterAt(0), node.bootId], [false, null, 's/1']);
    assert.deepEqual([node.nextWakeAt(), node.withoutMasterMs(10)], [NEVER, 0]);
  });

  it('is a master for good', () => {
    const master = { ...MASTER, nodeId: 'm', secondaries: [] };
    const node = new Node({ ...fixed, master }, effects);
    node.tick(0, () => 0);
    assert.deepEqual([node.role, node.length, node.isHandingOver], ['master', 0, false]);
    assert.equal(node.masterAt(0)?.url, '');
    const ends: unknown[] = [];
    node.handOver(null, 0, (end) => ends.push(end));
    assert.deepEqual(ends, ['this node is not the master']);
    node.stop(0, 0);
    assert.equal(node.isDrained, true);
  });
});
