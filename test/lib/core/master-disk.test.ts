import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeyIndex } from '../../../src/lib/core/log/idempotency.ts';
import { Log } from '../../../src/lib/core/log/log.ts';
import { packMessages } from '../../../src/lib/core/log/messages.ts';
import { messagesOf } from '../support.ts';
import { SlowDisk } from './log/slow-disk.ts';
import { Stage, type StageOptions } from './stage.ts';

function onDisk(options: StageOptions = {}) {
  const disk = new SlowDisk();
  const stage = new Stage({ journal: disk, ...options }).allUp();
  /** So much is durable from now on; everything without a length. */
  const sync = (length?: number) => {
    disk.sync(length);
    stage.master.synced();
  };
  return { stage, disk, sync };
}

describe('Master: with a disk', () => {
  it('answers w=1 when the entry is durable, and sends it on before', () => {
    const { stage, sync } = onDisk();
    assert.equal(stage.append('a', { w: 1, as: 'alice' }), 'seq 1 waits');
    stage.did('open s1#1', 'send s1 1..1', 'open s2#1', 'send s2 1..1');
    stage.append('b', { w: 1, as: 'bob' });
    sync(1);
    stage.did('alice holds');
    sync();
    stage.did('bob holds');
    assert.equal(stage.await(2, 1), 'seq 2 holds');
  });

  it('answers nobody before it holds the entry for good itself, whoever else does', () => {
    const { stage, sync } = onDisk();
    stage.append('a', { w: 2, as: 'alice' });
    stage.skip();
    stage.ack('s1', 1);
    stage.did();
    assert.deepEqual(stage.master.holders(1), { acked: ['s1'], pending: ['master', 's2'] });
    stage.ack('s2', 1);
    stage.did();
    assert.deepEqual(stage.master.holders(1), { acked: ['s1', 's2'], pending: ['master'] });
    sync();
    stage.did('alice holds');
    assert.deepEqual(stage.master.holders(1).acked, ['master', 's1', 's2']);
  });

  it('waits with w=1 only as long as the client does', () => {
    const { stage } = onDisk();
    assert.equal(stage.append('a', { w: 1, waitMs: 0 }), 'seq 1 time-is-up');
    stage.append('b', { w: 1, waitMs: 50, as: 'bob' });
    stage.skip();
    stage.tick(50);
    stage.did('bob time-is-up');
  });

  it('counts who waits for the disk as waiting', () => {
    const { stage, sync } = onDisk({ waitingMax: 1 });
    stage.append('a', { w: 1 });
    assert.equal(stage.append('b', { w: 1 }), 'refused {"problem":"overloaded","limit":1}');
    assert.equal(stage.master.log.length, 1, 'it was decided before anything was appended');
    assert.equal(stage.append('b', { w: 1, waitMs: 0 }), 'seq 2 time-is-up');
    sync();
    assert.equal(stage.append('c', { w: 1 }), 'seq 3 waits');
  });

  it('appends nothing for which there is no room, uses up no seq, and recovers', () => {
    const { stage, disk, sync } = onDisk();
    stage.append('a', { key: 'k' });
    sync();
    stage.skip();
    disk.isFull = true;
    assert.equal(stage.append('b', { key: 'l' }), 'refused {"problem":"disk-full"}');
    assert.equal(stage.append(['b', 'c'], { w: 3 }), 'refused {"problem":"disk-full"}');
    stage.did();
    assert.deepEqual([messagesOf(stage.master.log), stage.master.waiting], [['a'], 0]);
    assert.equal(stage.master.keys.find('l'), undefined);
    assert.equal(stage.append('a', { key: 'k' }), 'seq 1 holds, a duplicate');
    disk.isFull = false;
    assert.equal(stage.append('b', { key: 'l' }), 'seq 2 waits');
    assert.equal(disk.told.at(-1), 'append 2..2 under 1/W, keys 2,l');
  });

  it('keeps its prepare, and that its epoch has begun, before it writes', () => {
    const { disk } = onDisk();
    assert.deepEqual(disk.told, ['begin L', 'promise 1/W', 'epoch 1/W', 'complete']);
  });

  it('goes on with what was kept, under the next epoch, keys included', () => {
    const [log, keys] = [new Log(), new KeyIndex()];
    log.append(packMessages(['a', 'b']), { epoch: 4, writer: 'A' });
    for (const seq of [1, 2]) keys.record('batch', seq);
    const restored = {
      logId: 'KEPT',
      ballot: { epoch: 5, writer: 'B' },
      log,
      keys,
      isComplete: true,
    };
    const journal = new SlowDisk(2);
    const stage = new Stage({ names: [], journal, restored });
    assert.deepEqual([stage.master.logId, stage.master.epoch], ['KEPT', 5]);
    stage.tick(0);
    assert.deepEqual(stage.master.leadership, { logId: 'KEPT', epoch: 6, writer: 'W' });
    assert.equal(stage.logEvents[0]?.fields.adoptedFrom, 'master');
    assert.equal(stage.await(2, 1), 'seq 2 holds');
    assert.equal(stage.append(['a', 'b'], { key: 'batch' }), 'seq 1..2 holds, a duplicate');
    assert.equal(stage.append('c'), 'seq 3 waits');
  });

  for (const isRestored of [false, true]) {
    it(`does not begin while its disk is full, ${isRestored ? 'with' : 'without'} a log there`, () => {
      const journal = new SlowDisk();
      journal.isFull = true;
      const ballot = { epoch: 1, writer: 'A' };
      const restored = {
        logId: 'L',
        ballot,
        log: new Log(),
        keys: new KeyIndex(),
        isComplete: true,
      };
      const stage = new Stage({ names: [], journal, ...(isRestored ? { restored } : {}) });
      stage.tick(0);
      assert.equal(stage.master.status(), 'recovering');
      assert.equal(stage.logEvents[0]?.fields.reason, 'the disk is full');
      journal.isFull = false;
      stage.tick(stage.master.nextWakeAt());
      assert.equal(stage.master.status(), 'ok');
      const epoch = isRestored ? 3 : 2;
      const kepts = isRestored ? [`promise ${epoch}/W`] : ['begin L', `promise ${epoch}/W`];
      const flag = isRestored ? [] : ['complete'];
      assert.deepEqual(journal.told, [...kepts, `epoch ${epoch}/W`, ...flag]);
    });
  }

  it('counts itself for nothing before all is durable that it had when it took over', () => {
    const [log, keys] = [new Log(), new KeyIndex()];
    log.append(packMessages(['a', 'b']), { epoch: 1, writer: 'A' });
    const restored = { logId: 'L', ballot: { epoch: 1, writer: 'A' }, log, keys, isComplete: true };
    const journal = new SlowDisk(2);
    journal.durableLength = 1;
    const stage = new Stage({ names: [], journal, restored });
    stage.tick(0);
    assert.deepEqual(stage.master.holders(1), { acked: [], pending: ['master'] });
    assert.equal(stage.await(1, 1, { as: 'alice' }), 'seq 1 waits');
    journal.sync(2);
    stage.master.synced();
    stage.did('alice holds');
    assert.deepEqual(stage.master.holders(2), { acked: ['master'], pending: [] });
  });

  it('counts what it had to cut off its own log', () => {
    const [log, keys] = [new Log(), new KeyIndex()];
    log.append(packMessages(['a', 'x', 'y']), { epoch: 1, writer: 'A' });
    const restored = { logId: 'L', ballot: { epoch: 1, writer: 'A' }, log, keys, isComplete: true };
    const stage = new Stage({ names: ['s1'], journal: new SlowDisk(3), restored });
    stage.tick(0);
    stage.beat('s1', 2, { logId: 'L', epoch: 2 });
    stage.beat('s1', 2, {
      logId: 'L',
      epoch: 3,
      prepareReply: {
        writer: 'W',
        lastEpoch: 2,
        lastWriter: '',
        isLogMatched: false,
        isComplete: true,
      },
    });
    stage.did('ask s1', 'prepare s1 L/3', 'fetch s1 3..');
    const frame = { logId: 'L', epoch: 3, writer: 'W', keys: [] };
    const epochs = [
      { epoch: 1, writer: 'A', firstSeq: 1 },
      { epoch: 2, writer: 'B', firstSeq: 2 },
    ];
    stage.fetched({ ...frame, from: 3, epochs }, []);
    stage.did('fetch s1 2..');
    stage.fetched({ ...frame, from: 2, epochs }, ['b']);
    stage.fetchOver();
    assert.deepEqual(messagesOf(stage.master.log), ['a', 'b']);
    assert.equal(stage.master.discarded, 2);
  });
});
