/** What a master knows to be committed, and how its secondaries hear of it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { COMMIT_NOTICE_MS } from '../../../src/lib/core/replication/outgoing-stream.ts';
import { SlowDisk } from './log/slow-disk.ts';
import { ROUND_MS, Stage, type StageOptions, threeEntries } from './stage.ts';

/** Puts the stage's own value out of force. */
const DEFAULT_NOTICE = { commitNoticeMs: undefined } as unknown as StageOptions;

describe('Master: what is committed', () => {
  const table: [names: string[], acked: Record<string, number>, committed: number][] = [
    [[], {}, 3],
    [['s1'], {}, 0],
    [['s1'], { s1: 2 }, 2],
    [['s1', 's2'], { s2: 3 }, 3],
    [['s1', 's2'], { s1: 1, s2: 2 }, 2],
    [['s1', 's2', 's3'], { s1: 3 }, 0],
    [['s1', 's2', 's3'], { s1: 3, s2: 1 }, 1],
    [['s1', 's2', 's3', 's4'], { s1: 3, s2: 2, s3: 1 }, 2],
    [['s1', 's2', 's3', 's4'], { s1: 3, s2: 3, s3: 3, s4: 3 }, 3],
  ];
  for (const [names, acked, committed] of table) {
    it(`is ${committed} of 3 where ${names.length} secondaries have ${JSON.stringify(acked)}`, () => {
      const stage = new Stage({ names }).allUp();
      stage.append(['a', 'b', 'c']);
      for (const [name, length] of Object.entries(acked)) stage.ack(name, length);
      assert.equal(stage.master.committed, committed);
    });
  }

  it('is nothing while it recovers', () => {
    assert.equal(new Stage().master.committed, 0);
  });

  it('never falls, whoever loses its memory then', () => {
    const stage = threeEntries();
    assert.equal(stage.master.committed, 3);
    for (const name of ['s1', 's2']) stage.speak(name, 0, { bootId: `${name}-restarted` });
    assert.deepEqual(stage.master.holders(1).acked, ['master']);
    assert.equal(stage.master.committed, 3);
    stage.append('d');
    stage.ack('s1', 2, { bootId: 's1-restarted' });
    assert.equal(stage.master.committed, 3);
    stage.ack('s1', 4, { bootId: 's1-restarted' });
    assert.equal(stage.master.committed, 4);
  });

  it('is not what it has not on its own disk, whoever else has it', () => {
    const disk = new SlowDisk();
    const stage = new Stage({ journal: disk }).allUp();
    stage.append(['a', 'b']);
    for (const name of ['s1', 's2']) stage.ack(name, 2);
    assert.equal(stage.master.committed, 0);
    disk.sync(1);
    stage.master.synced();
    assert.equal(stage.master.committed, 1);
  });

  it('is no entry of an earlier epoch before a majority has all that there was at take-over', () => {
    const stage = new Stage();
    stage.tick(0);
    stage.beat('s1', 2, { logId: 'L', epoch: 1 });
    stage.beat('s2', 0);
    stage.beat('s1', 2, { logId: 'L', epoch: 2 });
    stage.beat('s2', 0);
    const epochs = [{ epoch: 1, writer: 'A', firstSeq: 1 }];
    stage.fetched({ logId: 'L', epoch: 2, writer: 'W', from: 1, keys: [], epochs }, ['a', 'b']);
    stage.fetchOver();
    stage.ack('s2', 1, { epoch: 2 });
    assert.equal(stage.master.committed, 0);
    stage.ack('s2', 2, { epoch: 2 });
    assert.equal(stage.master.committed, 2);
  });

  it('stays known to a master that is fenced', () => {
    const stage = threeEntries();
    stage.beat('s1', 3, { epoch: 2 });
    assert.deepEqual([stage.master.fencedBy, stage.master.committed], [2, 3]);
  });
});

describe('Master: the notice of a commit', () => {
  /** When its secondaries have said that they speak of such things; all times are from then on. */
  const SPOKEN = ROUND_MS;
  const spoken = (options: StageOptions) => {
    const stage = new Stage(options).allUp();
    stage.tick(SPOKEN);
    for (const name of options.names ?? ['s1', 's2'])
      stage.speak(name, 0, { isLogMatched: true, isComplete: true });
    stage.skip();
    return stage;
  };
  const noticing = () => {
    const stage = spoken({ commitNoticeMs: 10 });
    stage.now = SPOKEN + 100;
    stage.append('a');
    stage.now = SPOKEN + 101;
    stage.skip();
    return stage;
  };

  it('is a frame without entries to who has been sent nothing for a while', () => {
    const stage = noticing();
    stage.ack('s1', 1);
    assert.equal(stage.master.committed, 1);
    stage.did();
    assert.equal(stage.master.nextWakeAt(), SPOKEN + 110);
    stage.tick(SPOKEN + 109);
    stage.did();
    stage.tick(SPOKEN + 110);
    stage.did('send s1 2..1');
    stage.ack('s1', 1);
    stage.tick(SPOKEN + 150);
    stage.did();
    assert.equal(stage.health('s1').failures, 0);
    stage.ack('s2', 1);
    stage.did('send s2 2..1');
  });

  it('is not sent where the next entries can say so', () => {
    const stage = noticing();
    stage.ack('s1', 1);
    stage.ack('s2', 1);
    stage.now = SPOKEN + 105;
    stage.append('b');
    stage.did('send s1 2..2', 'send s2 2..2');
    stage.tick(SPOKEN + 140);
    stage.did();
    stage.ack('s1', 2);
    stage.did('send s1 3..2');
  });

  it('is not sent before the master knows where a secondary is', () => {
    const stage = noticing();
    stage.ack('s1', 1);
    stage.fail('s2');
    stage.tick(SPOKEN + 120);
    stage.did('abort s2', 'send s1 2..1', 'ask s2');
    stage.tick(SPOKEN + 130);
    stage.did('open s2#2', 'send s2 1..1');
    stage.tick(SPOKEN + 200);
    stage.did();
  });

  it('is no reason to open a stream: the next heartbeat says so', () => {
    const stage = new Stage({ names: ['s1'], commitNoticeMs: 10 }).allUp();
    stage.append('a');
    stage.fail('s1');
    stage.tick(1);
    stage.beat('s1', 1);
    assert.equal(stage.master.committed, 1);
    stage.skip();
    stage.tick(1000);
    stage.did();
    stage.tick(ROUND_MS + 1);
    stage.did('ask s1');
    assert.equal(stage.requests.get('s1')?.committed, 1);
  });

  it('is told anew in every stream: another incarnation may have taken the first', () => {
    const stage = noticing();
    stage.ack('s1', 1);
    stage.ack('s2', 1);
    stage.tick(SPOKEN + 110);
    stage.did('send s1 2..1', 'send s2 2..1');
    stage.fail('s2');
    stage.tick(SPOKEN + 200);
    stage.did('abort s2', 'ask s2');
    stage.append('b');
    stage.did('send s1 2..2', 'open s2#2', 'send s2 2..2');
  });

  it(`comes after ${COMMIT_NOTICE_MS} ms if nobody says otherwise`, () => {
    const stage = spoken({ names: ['s1'], ...DEFAULT_NOTICE });
    stage.append('a');
    stage.ack('s1', 1);
    assert.equal(stage.master.nextWakeAt(), SPOKEN + COMMIT_NOTICE_MS);
  });

  it('is not for a secondary that never said that it speaks of such things', () => {
    const stage = new Stage({ names: ['s1'], commitNoticeMs: 10 }).allUp();
    stage.append('a');
    stage.ack('s1', 1);
    stage.skip();
    stage.tick(100);
    stage.did();
  });
});
