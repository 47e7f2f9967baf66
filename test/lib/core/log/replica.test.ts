import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeyIndex } from '../../../../src/lib/core/log/idempotency.ts';
import { Log } from '../../../../src/lib/core/log/log.ts';
import { packMessages } from '../../../../src/lib/core/log/messages.ts';
import { Replica } from '../../../../src/lib/core/log/replica.ts';
import { NO_BALLOT } from '../../../../src/lib/core/recovery/ballot.ts';
import { messagesOf } from '../../support.ts';
import { withoutMemory } from './no-memory.ts';
import { SlowDisk } from './slow-disk.ts';

const A1 = { epoch: 1, writer: 'A' };
const B2 = { epoch: 2, writer: 'B' };

/** A replica of log L that holds a, b under 1/A and c under 2/B, with keys at 2 and 3. */
function usual(disk = new SlowDisk()): { replica: Replica; disk: SlowDisk } {
  const replica = new Replica(disk);
  replica.begin('L');
  replica.promise(A1);
  replica.append(packMessages(['a', 'b']), A1, [[2, 'k']]);
  replica.promise(B2);
  replica.append(packMessages(['c']), B2, [[3, 'l']]);
  return { replica, disk };
}

function stateOf(replica: Replica): unknown {
  const { logId, ballot, log, keys, discarded } = replica;
  return [logId, ballot, messagesOf(log), log.epochs, keys.within(1, 9), discarded];
}

describe('Replica', () => {
  it('begins a empty: no log, no ballot, nothing written', () => {
    const replica = new Replica();
    assert.deepEqual([replica.logId, replica.ballot], [null, NO_BALLOT]);
    assert.deepEqual(replica.newest, { ...NO_BALLOT, firstSeq: 1 });
    assert.equal(replica.countedLength, 0);
    assert.deepEqual([replica.log.length, replica.durableLength, replica.discarded], [0, 0, 0]);
    assert.equal(replica.isDurableAtOnce, true);
  });

  it('goes on with what a journal had kept', () => {
    const [log, keys] = [new Log(), new KeyIndex()];
    log.append(packMessages(['a']), A1);
    keys.record('k', 1);
    const replica = new Replica(new SlowDisk(), {
      logId: 'L',
      ballot: B2,
      log,
      keys,
      isComplete: true,
    });
    assert.deepEqual([replica.logId, replica.ballot, replica.newest.epoch], ['L', B2, 1]);
    assert.equal(replica.keys.find('k')?.seq, 1);
    replica.append(packMessages(['b']), B2, []);
    assert.deepEqual(messagesOf(log), ['a', 'b']);
  });

  it('writes nothing that there is no memory for', (t) => {
    const { replica, disk } = usual();
    const before = stateOf(replica);
    const { told } = disk;
    const written = [...told];
    t.mock.method(replica.log, 'prepare', () => {
      throw new RangeError('Array buffer allocation failed');
    });
    t.mock.method(replica.log, 'prepareTruncation', () => {
      throw new RangeError('Array buffer allocation failed');
    });
    assert.throws(() => replica.append(packMessages(['d']), B2, []), RangeError);
    assert.throws(() => replica.cut(1), RangeError);
    assert.deepEqual([stateOf(replica), told], [before, written]);
  });

  it('tells the journal everything, before it changes anything itself', () => {
    const { replica, disk } = usual();
    replica.cut(1);
    replica.begin('M');
    assert.deepEqual(disk.told, [
      'begin L',
      'promise 1/A',
      'append 1..2 under 1/A, keys 2,k',
      'promise 2/B',
      'append 3..3 under 2/B, keys 3,l',
      'cut to 1 of a,b,c, 2 keys',
      'begin M, promised 2/B',
    ]);
  });

  it('does nothing for which the disk has no room', () => {
    const { replica, disk } = usual();
    const before = stateOf(replica);
    disk.isFull = true;
    assert.equal(replica.append(packMessages(['d']), B2, [[4, 'm']]), false);
    assert.equal(replica.cut(1), false);
    assert.equal(replica.begin('M'), false);
    assert.deepEqual(stateOf(replica), before);
  });

  it('does nothing for whose keys there is no memory', () => {
    const { replica, disk } = usual();
    const [before, told] = [stateOf(replica), [...disk.told]];
    const keys = Array.from({ length: 100 }, (_, i) => [4 + i, `key-${i}`] as const);
    const messages = packMessages(keys.map(([, key]) => key));
    withoutMemory(() => assert.equal(replica.append(messages, B2, keys), false));
    assert.deepEqual([stateOf(replica), disk.told], [before, told]);
    assert.equal(replica.append(messages, B2, keys), true);
    assert.equal(replica.keys.find('key-99')?.seq, 103);
  });

  it('promises all the same, for this incarnation, on a full disk', () => {
    const { replica, disk } = usual();
    disk.isFull = true;
    assert.equal(replica.promise({ epoch: 3, writer: 'C' }), true);
    assert.equal(replica.ballot.epoch, 3);
  });

  it('shows as durable what the journal says, and never more than there is', () => {
    const { replica, disk } = usual();
    assert.equal(replica.durableLength, 0);
    disk.sync(2);
    assert.equal(replica.durableLength, 2);
    disk.durableLength = 99;
    assert.equal(replica.durableLength, 3);
    assert.equal(replica.isDurableAtOnce, false);
  });

  it('counts nothing before all is durable that there was when its newest epoch began', () => {
    const { replica, disk } = usual();
    const counted = [0, 1, 2, 3].map((length) => {
      disk.sync(length);
      return replica.countedLength;
    });
    assert.deepEqual(counted, [0, 0, 2, 3]);
    replica.beginEpoch({ epoch: 3, writer: 'C' });
    assert.equal(replica.countedLength, 3);
    disk.sync(2);
    assert.equal(replica.countedLength, 0, 'c belongs to what epoch 3 began with');
  });

  it('cuts log, keys and epochs alike, and counts what it discards', () => {
    const { replica } = usual();
    assert.equal(replica.cut(1), true);
    assert.deepEqual(stateOf(replica), ['L', B2, ['a'], [{ ...A1, firstSeq: 1 }], [], 2]);
    assert.deepEqual(replica.newest, { ...A1, firstSeq: 1 });
  });

  it('forgets one log when it begins another, but not what it promised, and counts it', () => {
    const { replica } = usual();
    replica.becomeComplete();
    replica.commit(3);
    assert.equal(replica.begin('M'), true);
    assert.deepEqual(stateOf(replica), ['M', B2, [], [], [], 3]);
    assert.deepEqual([replica.isComplete, replica.committed, replica.hasLog], [false, 0, false]);
  });

  it('keeps with the next log a promise for which the one before had no room', () => {
    const { replica, disk } = usual();
    const third = { epoch: 3, writer: 'C' };
    disk.isFull = true;
    replica.promise(third);
    assert.deepEqual([replica.ballot, replica.durableBallot], [third, B2]);
    assert.equal(replica.begin('M'), false);
    assert.deepEqual([replica.logId, replica.durableBallot], ['L', B2]);
    disk.isFull = false;
    assert.equal(replica.begin('M'), true);
    assert.deepEqual([replica.ballot, replica.durableBallot], [third, third]);
    assert.equal(disk.told.at(-1), 'begin M, promised 3/C');
  });

  it('has a log from its first entry or mark on, not when it has only heard of one', () => {
    const replica = new Replica();
    assert.equal(replica.hasLog, false);
    replica.begin('L');
    replica.promise(A1);
    assert.equal(replica.hasLog, false);
    replica.beginEpoch(A1);
    assert.equal(replica.hasLog, true);
    const other = new Replica();
    other.begin('L');
    other.append(packMessages(['a']), A1, []);
    assert.equal(other.hasLog, true);
  });

  it('is complete once its journal has kept that, and writes it once', () => {
    const { replica, disk } = usual();
    assert.equal(replica.isComplete, false);
    disk.isFull = true;
    assert.deepEqual([replica.becomeComplete(), replica.isComplete], [false, false]);
    disk.isFull = false;
    disk.told.length = 0;
    for (const _ of [1, 2])
      assert.deepEqual([replica.becomeComplete(), replica.isComplete], [true, true]);
    assert.deepEqual(disk.told, ['complete']);
    assert.equal(replica.cut(1), true);
    assert.equal(replica.isComplete, true, 'what is cut off was never acknowledged by a majority');
  });

  it('is complete if that was kept', () => {
    for (const isComplete of [true, false]) {
      const restored = { logId: 'L', ballot: B2, log: new Log(), keys: new KeyIndex(), isComplete };
      assert.equal(new Replica(new SlowDisk(), restored).isComplete, isComplete);
    }
  });

  it('knows as committed what it was told, up to its own end; only a cut takes that back', () => {
    const { replica } = usual();
    const after = (act: () => unknown) => {
      act();
      return replica.committed;
    };
    assert.equal(replica.committed, 0);
    assert.equal(
      after(() => replica.commit(2)),
      2,
    );
    assert.equal(
      after(() => replica.commit(1)),
      2,
      'it never falls',
    );
    assert.equal(
      after(() => replica.commit(9)),
      3,
      'there is no more of it here',
    );
    assert.equal(
      after(() => replica.append(packMessages(['d']), B2, [])),
      3,
    );
    assert.equal(
      after(() => replica.commit(4)),
      4,
    );
    assert.equal(
      after(() => replica.cut(4)),
      4,
    );
    assert.equal(
      after(() => replica.cut(1)),
      1,
    );
  });

  it('promises newer ballots only; one without a writer is the oldest of its epoch', () => {
    const disk = new SlowDisk();
    const replica = new Replica(disk);
    const table: [epoch: number, writer: string, isNewer: boolean, then: string][] = [
      [2, '', true, '2/'],
      [2, 'A', true, '2/A'],
      [2, 'A', false, '2/A'],
      [2, '', false, '2/A'],
      [1, 'Z', false, '2/A'],
      [2, 'B', true, '2/B'],
      [2, 'A', false, '2/B'],
      [3, 'A', true, '3/A'],
    ];
    for (const [epoch, writer, isNewer, then] of table) {
      assert.equal(replica.promise({ epoch, writer }), isNewer, `${epoch}/${writer}`);
      assert.equal(`${replica.ballot.epoch}/${replica.ballot.writer}`, then);
    }
    const restored = ['promise 2/', 'promise 2/A', 'promise 2/B', 'promise 3/A'];
    assert.deepEqual(disk.told, restored, 'only what is news is kept');
  });

  it('notes the epoch it is written on under, once, unless there is no room', () => {
    const { replica, disk } = usual();
    const own = [...replica.log.epochs];
    assert(replica.beginEpoch(B2), 'it is that one already');
    assert.deepEqual(replica.log.epochs, own);
    const other = { epoch: 3, writer: 'C' };
    disk.isFull = true;
    assert(!replica.beginEpoch(other));
    assert.deepEqual(replica.log.epochs, own);
    disk.isFull = false;
    disk.told.length = 0;
    assert(replica.beginEpoch(other));
    assert.deepEqual(replica.log.epochs, [...own, { ...other, firstSeq: 4 }]);
    assert.deepEqual(disk.told, ['epoch 3/C']);
    assert.equal(replica.newest.firstSeq, 4);
  });

  it('knows up to where a log written otherwise is the same', () => {
    const { replica } = usual();
    assert.equal(replica.sharedWith(replica.log.epochs), 3);
    assert.equal(replica.sharedWith([{ ...A1, firstSeq: 1 }]), 2);
    assert.equal(replica.sharedWith([{ ...B2, firstSeq: 1 }]), 0);
  });
});
