/** The disk also tells whether a node is complete; with `FSYNC=never` only while the machine runs. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { machineRun, type StorageOptions } from '../../../src/lib/storage/storage.ts';
import {
  append,
  diskWith,
  FIRST,
  failure,
  logPath,
  open,
  plain,
  readLines,
  refusal,
  SECOND,
  temporary,
  using,
} from './support.ts';

const ALWAYS = { fsync: 'always' } as const;
const NEVER = { fsync: 'never' } as const;

/** The records that say that the node is complete, each by how long it counts. */
function records(path: string): (string | null)[] {
  return readLines(logPath(path))
    .map((line) => JSON.parse(line))
    .filter((record) => 'complete' in record)
    .map(({ complete, machineRun: run }) => {
      assert.equal(complete, true);
      return run;
    });
}

/** A directory whose node has become complete, with one entry. */
async function completed(t: TestContext, options: Partial<StorageOptions>): Promise<string> {
  const path = temporary(t);
  await using(
    path,
    ({ replica }) => {
      replica.begin('L');
      replica.promise(FIRST);
      append(replica, ['a']);
      assert.equal(replica.isComplete, false);
      assert.ok(replica.becomeComplete());
    },
    options,
  );
  return path;
}

const isComplete = (path: string, options: Partial<StorageOptions>) =>
  using(path, ({ replica }) => replica.isComplete, options);

describe('that a node is complete', () => {
  it('is a record of its log, written once, and read again', async (t) => {
    const path = await completed(t, ALWAYS);
    const before = fs.readFileSync(logPath(path));
    assert.match(readLines(logPath(path)).at(-1) as string, /^{"complete":true,"machineRun":null,/);
    await using(
      path,
      ({ replica }) => {
        assert.equal(replica.isComplete, true);
        assert.ok(replica.becomeComplete());
        assert.deepEqual(plain(replica).entries.length, 1);
      },
      ALWAYS,
    );
    assert.deepEqual(fs.readFileSync(logPath(path)), before, 'nothing was written');
  });

  it('is not so of a node that has not become it, or of one without a log', async (t) => {
    const path = temporary(t);
    for (const _ of [1, 2]) {
      assert.equal(await isComplete(path, ALWAYS), false);
      await using(path, ({ replica }) => {
        if (replica.logId === null) replica.begin('L');
      });
    }
  });

  it('stays so when a newer master cuts its log, and ends with that log', async (t) => {
    const path = await completed(t, ALWAYS);
    await using(path, ({ replica }) => assert.ok(replica.cut(0)), ALWAYS);
    assert.equal(await isComplete(path, ALWAYS), true);
    await using(path, ({ replica }) => assert.ok(replica.begin('M')), ALWAYS);
    assert.equal(await isComplete(path, ALWAYS), false);
  });

  for (const options of [ALWAYS, NEVER]) {
    it(`is on the disk, with all before it, when it is said, FSYNC=${options.fsync}`, async (t) => {
      const path = temporary(t);
      let syncedSize = 0;
      const disk = diskWith({
        fdatasyncSync: (fd) => {
          fs.fdatasyncSync(fd);
          syncedSize = fs.fstatSync(fd).size;
        },
      });
      await using(
        path,
        ({ replica }) => {
          replica.begin('L');
          append(replica, ['a', 'b']);
          assert.ok(replica.becomeComplete());
          assert.equal(syncedSize, fs.statSync(logPath(path)).size);
        },
        { ...options, disk },
      );
    });
  }

  it('is not so where there is no room for the record, until there is', async (t) => {
    const path = temporary(t);
    let isFull = false;
    const disk = diskWith({
      writeSync: ((fd: number, bytes: Uint8Array, offset: number, length: number, at: number) => {
        if (isFull) throw failure('ENOSPC');
        return fs.writeSync(fd, bytes, offset, length, at);
      }) as typeof fs.writeSync,
    });
    await using(
      path,
      ({ replica }) => {
        replica.begin('L');
        isFull = true;
        assert.equal(replica.becomeComplete(), false);
        assert.equal(replica.isComplete, false);
        isFull = false;
        assert.equal(replica.becomeComplete(), true);
      },
      { ...ALWAYS, disk },
    );
    assert.deepEqual(records(path), [null]);
  });

  it('is the last thing this node does where the record cannot be synced', async (t) => {
    const failures: string[] = [];
    const disk = diskWith({});
    const { storage, replica } = await open(temporary(t), {
      ...ALWAYS,
      disk,
      onFailed: ({ message }) => failures.push(message),
    });
    replica.begin('L');
    disk.fdatasyncSync = () => {
      throw failure('EIO');
    };
    assert.equal(replica.becomeComplete(), false);
    assert.deepEqual([failures, replica.isComplete], [['EIO'], false]);
    assert.equal(storage.journal.promise(SECOND), false);
    await storage.close();
  });

  it('cannot be said before there is a log', async (t) => {
    const { storage } = await open(temporary(t));
    assert.throws(() => storage.journal.complete(), /the log was not begun/);
    await storage.close();
  });
});

describe('that a node is complete, across runs of the machine', () => {
  const table: [
    written: Partial<StorageOptions>,
    read: Partial<StorageOptions>,
    isIt: boolean,
    then: (string | null)[],
  ][] = [
    [{ ...ALWAYS, machineRun: 'one' }, { ...ALWAYS, machineRun: 'one' }, true, [null]],
    [{ ...ALWAYS, machineRun: 'one' }, { ...ALWAYS, machineRun: 'two' }, true, [null]],
    [{ ...NEVER, machineRun: 'one' }, { ...NEVER, machineRun: 'one' }, true, ['one']],
    [{ ...NEVER, machineRun: 'one' }, { ...NEVER, machineRun: 'two' }, false, ['one']],
    // `FSYNC` has changed, so the record must say again how long it counts.
    [{ ...ALWAYS, machineRun: 'one' }, { ...NEVER, machineRun: 'one' }, true, [null, 'one']],
    [{ ...ALWAYS, machineRun: 'one' }, { ...NEVER, machineRun: 'two' }, true, [null, 'two']],
    [{ ...NEVER, machineRun: 'one' }, { ...ALWAYS, machineRun: 'one' }, true, ['one', null]],
    [{ ...NEVER, machineRun: 'one' }, { ...ALWAYS, machineRun: 'two' }, false, ['one']],
  ];
  for (const [written, read, isIt, then] of table) {
    const name = ({ fsync, machineRun: run }: Partial<StorageOptions>) => `${fsync} in run ${run}`;
    it(`is ${isIt} when written with ${name(written)}, read with ${name(read)}`, async (t) => {
      const path = await completed(t, written);
      assert.equal(await isComplete(path, read), isIt);
      assert.deepEqual(records(path), then);
      // Once more: the record that was written then counts now.
      assert.equal(await isComplete(path, read), isIt);
      assert.deepEqual(records(path), then);
    });
  }

  it('is not so any more once it was opened without syncs, and the machine then went down', async (t) => {
    const path = await completed(t, { ...ALWAYS, machineRun: 'one' });
    await using(path, ({ replica }) => append(replica, ['b']), { ...NEVER, machineRun: 'one' });
    assert.equal(await isComplete(path, { ...NEVER, machineRun: 'two' }), false);
    assert.equal(await isComplete(path, { ...ALWAYS, machineRun: 'two' }), false);
    assert.equal(await isComplete(path, { ...ALWAYS, machineRun: 'one' }), true, 'it did not');
  });

  it('can be said anew after the machine went down', async (t) => {
    const path = await completed(t, { ...NEVER, machineRun: 'one' });
    const later = { ...NEVER, machineRun: 'two' };
    await using(path, ({ replica }) => assert.ok(replica.becomeComplete()), later);
    assert.deepEqual(records(path), ['one', 'two']);
    assert.equal(await isComplete(path, later), true);
    assert.equal(await isComplete(path, { ...NEVER, machineRun: 'one' }), false);
  });

  it('that cannot be written anew stops the start, and leaves the directory to others', async (t) => {
    const path = await completed(t, { ...ALWAYS, machineRun: 'one' });
    const disk = diskWith({
      writeSync: (() => {
        throw failure('ENOSPC');
      }) as typeof fs.writeSync,
    });
    const { exitCode, message } = await refusal(path, { ...NEVER, disk, machineRun: 'one' });
    assert.equal(exitCode, 73);
    assert.match(message, /log\.ndjson: cannot be used: ENOSPC/);
    assert.equal(await isComplete(path, { ...NEVER, machineRun: 'one' }), true);
  });
});

describe('a promise', () => {
  for (const options of [ALWAYS, NEVER]) {
    it(`is in the file of the next log from its beginning, FSYNC=${options.fsync}`, async (t) => {
      const path = temporary(t);
      await using(
        path,
        ({ replica }) => {
          replica.begin('L');
          replica.promise(SECOND);
          assert.ok(replica.begin('M'));
        },
        options,
      );
      assert.deepEqual(fs.readdirSync(path), ['log.ndjson'], 'an empty log is not set aside');
      assert.equal(readLines(logPath(path)).length, 2);
      await using(path, ({ replica }) => {
        assert.deepEqual([replica.logId, replica.ballot], ['M', SECOND]);
        append(replica, ['a'], SECOND);
        assert.ok(replica.begin('N'));
      });
      assert.deepEqual(fs.readdirSync(path).sort(), ['discarded-M-1.ndjson', 'log.ndjson']);
      await using(path, ({ replica }) => {
        assert.deepEqual([replica.logId, replica.ballot], ['N', SECOND]);
      });
    });
  }

  it('that nobody made is in no file', async (t) => {
    const path = temporary(t);
    await using(path, ({ replica }) => replica.begin('L'));
    assert.equal(readLines(logPath(path)).length, 1);
  });
});

describe('machineRun', () => {
  const hasFile = fs.existsSync('/proc/sys/kernel/random/boot_id');

  it('is the same as long as the machine runs', { skip: !hasFile }, () => {
    assert.match(machineRun(), /^[0-9a-f-]{36}$/);
    assert.equal(machineRun(), machineRun());
  });

  it('is what the file says, without what is around it', (t) => {
    const path = join(temporary(t), 'boot_id');
    fs.writeFileSync(path, 'this run\n');
    assert.equal(machineRun(path), 'this run');
  });

  it('never comes back where there is no such file, or nothing in it', (t) => {
    const path = join(temporary(t), 'boot_id');
    assert.notEqual(machineRun(path), machineRun(path));
    fs.writeFileSync(path, '\n');
    assert.match(machineRun(path), /^[0-9a-f-]{36}$/);
    assert.notEqual(machineRun(path), machineRun(path));
  });
});
