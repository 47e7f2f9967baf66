import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import type { Disk } from '../../../src/lib/storage/disk.ts';
import { waitFor } from '../../support/wait.ts';
import {
  append,
  diskWith,
  FIRST,
  failure,
  logPath,
  type Opened,
  open,
  plain,
  SECOND,
  temporary,
  using,
} from './support.ts';

/** A disk whose asynchronous syncs end when the test says so. */
class SlowDisk {
  readonly ends: ((error: Error | null) => void)[] = [];
  readonly closed: number[] = [];
  synced = 0;
  failing: NodeJS.ErrnoException | null = null;
  readonly disk: Disk = diskWith({
    fdatasync: ((_fd: number, done: (error: Error | null) => void) => {
      this.ends.push(done);
    }) as typeof fs.fdatasync,
    fdatasyncSync: () => {
      if (this.failing !== null) throw this.failing;
      this.synced += 1;
    },
    closeSync: (fd) => {
      this.closed.push(fd);
      fs.closeSync(fd);
    },
  });

  end(error: Error | null = null): void {
    const done = this.ends.shift();
    assert.ok(done !== undefined, 'no sync is running');
    done(error);
  }
}

interface Slow extends Opened {
  readonly slow: SlowDisk;
  readonly lengths: number[];
  readonly failures: Error[];
}

async function openSlow(t: TestContext, path = temporary(t)): Promise<Slow> {
  const slow = new SlowDisk();
  const lengths: number[] = [];
  const failures: Error[] = [];
  const opened = await open(path, {
    fsync: 'always',
    disk: slow.disk,
    onSynced: () => lengths.push(opened.storage.journal.durableLength),
    onFailed: (error) => failures.push(error),
  });
  opened.replica.begin('L');
  return { ...opened, slow, lengths, failures };
}

/** Waits until everything due in this turn of the event loop has begun. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

describe('group commit', () => {
  it('lets the appends of one turn share a sync, and those made meanwhile the next one', async (t) => {
    const { replica, storage, slow, lengths } = await openSlow(t);
    const { journal } = storage;
    for (const text of ['a', 'b', 'c']) append(replica, [text]);
    assert.equal(slow.ends.length, 0, 'not before the turn is over');
    await turn();
    assert.equal(slow.ends.length, 1);
    for (const text of ['d', 'e']) append(replica, [text]);
    await turn();
    assert.equal(slow.ends.length, 1, 'one at a time');
    assert.equal(journal.durableLength, 0);
    slow.end();
    assert.equal(journal.durableLength, 3, 'what had been written when it began');
    assert.equal(slow.ends.length, 1);
    slow.end();
    assert.equal(journal.durableLength, 5);
    assert.equal(slow.ends.length, 0);
    assert.deepEqual(lengths, [3, 5]);
    append(replica, ['f']);
    await turn();
    slow.end();
    assert.deepEqual(lengths, [3, 5, 6]);
    await storage.close();
  });

  it('believes a cut more than the sync it came into', async (t) => {
    const path = temporary(t);
    const { replica, storage, slow, lengths } = await openSlow(t, path);
    const { journal } = storage;
    append(replica, ['a', 'b', 'c', 'd']);
    await turn();
    const { synced } = slow;
    assert.ok(replica.cut(1));
    assert.ok(slow.synced >= synced + 2, 'the side file, and the cut');
    assert.equal(journal.durableLength, 1);
    append(replica, ['B', 'C'], SECOND);
    slow.end();
    assert.equal(journal.durableLength, 1, 'that sync knew of four entries that are gone');
    assert.deepEqual(lengths, []);
    slow.end();
    assert.deepEqual(lengths, [3]);
    append(replica, ['D'], SECOND);
    assert.ok(replica.cut(3));
    await turn();
    assert.equal(slow.ends.length, 0, 'a sync that was due has nothing to do');
    await storage.close();
    await using(path, ({ replica }) =>
      assert.deepEqual(
        plain(replica).entries.map(({ text }) => text),
        ['a', 'B', 'C'],
      ),
    );
  });

  it('keeps a replaced file open until its sync has ended', async (t) => {
    const { replica, storage, slow } = await openSlow(t);
    append(replica, ['a']);
    await turn();
    const before = slow.closed.length;
    assert.ok(storage.journal.begin('M', SECOND));
    const closed = slow.closed.length - before;
    assert.equal(storage.journal.durableLength, 0);
    slow.end();
    assert.equal(slow.closed.length - before, closed + 1);
    assert.equal(storage.journal.durableLength, 0);
    await storage.close();
  });

  it('closes when all that was written has been synced', async (t) => {
    const { replica, storage, slow, lengths } = await openSlow(t);
    append(replica, ['a']);
    await turn();
    append(replica, ['b']);
    let isClosed = false;
    const closing = storage.close().then(() => {
      isClosed = true;
    });
    slow.end();
    await turn();
    assert.equal(isClosed, false);
    slow.end();
    await closing;
    assert.deepEqual(lengths, [1, 2]);
  });

  it('ends with the first sync that fails: nothing is durable or accepted any more', async (t) => {
    const { replica, storage, slow, lengths, failures } = await openSlow(t);
    append(replica, ['a']);
    await turn();
    append(replica, ['b']);
    slow.end(failure('EIO'));
    assert.deepEqual(
      failures.map(({ message }) => message),
      ['EIO'],
    );
    assert.deepEqual(lengths, []);
    assert.equal(storage.journal.durableLength, 0);
    assert.equal(append(replica, ['c']), false);
    assert.equal(storage.journal.promise(SECOND), false);
    assert.equal(storage.journal.begin('M', SECOND), false);
    assert.equal(replica.cut(1), false);
    assert.equal(failures.length, 1);
    await storage.close();
  });

  it('reports a cut or a promise that cannot be synced', async (t) => {
    const { storage, slow, failures } = await openSlow(t);
    slow.failing = failure('EIO');
    assert.equal(storage.journal.promise(SECOND), false);
    assert.deepEqual(failures, [slow.failing]);
    assert.equal(storage.journal.beginEpoch(SECOND), false);
    await storage.close();

    const second = await openSlow(t);
    append(second.replica, ['a', 'b']);
    await turn();
    let calls = 0;
    second.slow.disk.fdatasyncSync = () => {
      calls += 1;
      if (calls === 2) throw failure('EIO');
    };
    assert.equal(second.replica.cut(1), false);
    second.slow.end(failure('EIO'));
    assert.equal(second.failures.length, 1, 'once');
    await second.storage.close();

    const third = await openSlow(t);
    third.slow.disk.fsyncSync = () => {
      throw failure('EIO');
    };
    assert.equal(third.storage.journal.begin('M', SECOND), false);
    assert.equal(third.failures.length, 1, 'the names in the directory may not last');
    await third.storage.close();
  });

  it('takes few syncs of a real disk for many appends, and never is ahead of them', async (t) => {
    const path = temporary(t);
    let syncs = 0;
    /** The file as it was when the newest sync that has ended began. */
    let sizeOnDisk = 0;
    const disk = diskWith({
      fdatasync: ((fd: number, done: (error: NodeJS.ErrnoException | null) => void) => {
        const { size } = fs.fstatSync(fd);
        fs.fdatasync(fd, (error) => {
          syncs += 1;
          sizeOnDisk = size;
          done(error);
        });
      }) as typeof fs.fdatasync,
    });
    const ends = [0];
    const { storage, replica } = await open(path, {
      fsync: 'always',
      disk,
      onSynced: () => {
        const { durableLength } = storage.journal;
        assert.ok((ends[durableLength] as number) <= sizeOnDisk);
      },
    });
    replica.begin('L');
    const total = 2000;
    for (let i = 1; i <= total; i += 1) {
      append(replica, [`message ${i}`], FIRST);
      ends[i] = fs.statSync(logPath(path)).size;
      if (i % 50 === 0) await turn();
    }
    await waitFor('everything to be on the disk', () => storage.journal.durableLength === total);
    assert.ok(syncs >= 1 && syncs <= total / 50 + 1, `${syncs} syncs`);
    await storage.close();
  });
});
