import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { packMessages } from '../../../src/lib/core/log/messages.ts';
import type { Disk } from '../../../src/lib/storage/disk.ts';
import { RUNTIME } from '../../support/runtime.ts';
import { DEADLINE_MS } from '../../support/wait.ts';
import {
  append,
  diskWith,
  FIRST,
  failure,
  logPath,
  plain,
  readLines,
  SECOND,
  temporary,
  using,
} from './support.ts';

/** A disk with room for this many more bytes, which may also fail to truncate. */
class SmallDisk {
  roomBytes = Number.POSITIVE_INFINITY;
  canTruncate = true;
  readonly disk: Disk = diskWith({
    writeSync: ((fd: number, bytes: Uint8Array, offset: number, length: number, at: number) => {
      if (this.roomBytes === 0 && length > 0) throw failure('ENOSPC');
      const written = fs.writeSync(fd, bytes, offset, Math.min(length, this.roomBytes), at);
      this.roomBytes -= written;
      return written;
    }) as typeof fs.writeSync,
    ftruncateSync: (fd, length) => {
      if (!this.canTruncate) throw failure('EIO');
      fs.ftruncateSync(fd, length);
    },
  });
}

describe('a full disk', () => {
  it('refuses an append whole, whatever part of it had room, and takes it later', async (t) => {
    const path = temporary(t);
    const small = new SmallDisk();
    const expected = await using(
      path,
      ({ replica, storage }) => {
        replica.begin('L');
        append(replica, ['one']);
        const { size } = fs.statSync(logPath(path));
        for (let room = 0; room < 250; room += 7) {
          small.roomBytes = room;
          assert.equal(append(replica, ['two', 'three', 'four'], SECOND, 'key'), false);
          assert.equal(replica.log.length, 1);
          assert.equal(storage.journal.durableLength, 1);
          assert.equal(fs.statSync(logPath(path)).size, size);
        }
        small.roomBytes = Number.POSITIVE_INFINITY;
        assert.ok(append(replica, ['two', 'three', 'four'], SECOND, 'key'));
        return plain(replica);
      },
      { disk: small.disk },
    );
    assert.equal(expected.entries.length, 4);
    await using(path, ({ replica }) =>
      assert.deepEqual(plain(replica), { ...expected, ballot: SECOND }),
    );
  });

  it('never has anything written behind a part that could not be cut off', async (t) => {
    const path = temporary(t);
    const small = new SmallDisk();
    await using(
      path,
      ({ replica }) => {
        replica.begin('L');
        append(replica, ['one']);
        small.canTruncate = false;
        small.roomBytes = 400;
        assert.equal(append(replica, Array(20).fill('several whole records of a batch')), false);
        small.roomBytes = Number.POSITIVE_INFINITY;
        assert.equal(append(replica, ['2']), false, 'what is left must be cut off first');
        small.canTruncate = true;
        assert.ok(append(replica, ['2']));
      },
      { disk: small.disk },
    );
    await using(path, ({ replica, storage }) => {
      assert.equal(storage.dropped, null);
      assert.deepEqual(
        plain(replica).entries.map(({ text }) => text),
        ['one', '2'],
      );
    });
  });

  it('refuses to begin a log or an epoch, to promise and to cut, and leaves everything as it was', async (t) => {
    const path = temporary(t);
    const small = new SmallDisk();
    await using(
      path,
      ({ replica, storage }) => {
        const { journal } = storage;
        small.roomBytes = 10;
        assert.equal(replica.begin('L'), false);
        assert.deepEqual(
          fs.readdirSync(path).filter((name) => !name.startsWith('lock')),
          [],
        );
        small.roomBytes = Number.POSITIVE_INFINITY;
        assert.ok(replica.begin('L'));
        append(replica, ['one', 'two', 'three']);
        const before = fs.readFileSync(logPath(path), 'utf8');
        for (const room of [0, 10, 100, 200, 230, 240]) {
          small.roomBytes = room;
          assert.equal(replica.cut(1), false, `room for ${room}`);
          small.roomBytes = Math.min(room, 10);
          assert.equal(journal.promise(SECOND), false);
          small.roomBytes = Math.min(room, 10);
          assert.equal(replica.beginEpoch(SECOND), false);
          small.roomBytes = room % 60;
          assert.equal(journal.begin('M', SECOND), false);
          assert.equal(replica.log.length, 3);
          assert.equal(fs.readFileSync(logPath(path), 'utf8'), before);
          assert.deepEqual(
            fs.readdirSync(path).filter((name) => !name.startsWith('lock')),
            ['log.ndjson'],
          );
        }
        small.roomBytes = Number.POSITIVE_INFINITY;
        assert.ok(replica.cut(1));
        assert.ok(journal.promise(SECOND));
      },
      { disk: small.disk },
    );
    await using(path, ({ replica }) => {
      assert.equal(replica.log.length, 1);
      assert.deepEqual(replica.ballot, SECOND);
    });
  });

  it('that gives no name leaves the old log in its place', async (t) => {
    const path = temporary(t);
    let failing = '';
    const unlessFailing = <Call extends (...args: never[]) => unknown>(call: Call): Call =>
      ((...args: Parameters<Call>) => {
        if (failing === call.name) throw failure('ENOSPC');
        return call(...args);
      }) as Call;
    const { linkSync, renameSync, openSync } = fs;
    const calls = { linkSync, renameSync, openSync };
    const disk = diskWith({
      linkSync: unlessFailing(linkSync),
      renameSync: unlessFailing(renameSync),
      openSync: unlessFailing(openSync),
    });
    await using(
      path,
      ({ replica, storage }) => {
        replica.begin('L');
        append(replica, ['one', 'two']);
        for (failing of Object.keys(calls)) assert.equal(storage.journal.begin('M', SECOND), false);
        assert.equal(replica.cut(1), false);
        failing = '';
        assert.deepEqual(
          fs.readdirSync(path).filter((name) => !name.startsWith('lock')),
          ['log.ndjson'],
        );
        append(replica, ['three']);
      },
      { disk },
    );
    await using(path, ({ replica }) => assert.equal(replica.log.length, 3));
  });

  it('that writes nothing and says nothing is full, too', async (t) => {
    const disk = diskWith({ writeSync: (() => 0) as typeof fs.writeSync });
    await using(temporary(t), ({ replica }) => assert.equal(replica.begin('L'), false), { disk });
  });

  it('of a real system, by its limit for files', { skip: process.platform !== 'linux' }, (t) => {
    const path = temporary(t);
    const script = fileURLToPath(new URL('./fill.ts', import.meta.url));
    const command = ['-c', 'ulimit -f 16; exec "$@"', 'sh', ...RUNTIME, script, path];
    const { stdout, stderr, status } = spawnSync('sh', command, {
      encoding: 'utf8',
      timeout: DEADLINE_MS,
    });
    assert.equal(status, 0, stderr);
    const { accepted, refused, isDurableKnown } = JSON.parse(stdout);
    assert.ok(accepted > 20 && refused === 3 && isDurableKnown, stdout);
    return using(path, ({ replica, storage }) => {
      assert.equal(replica.log.length, accepted);
      assert.equal(storage.dropped, null);
      assert.equal(readLines(logPath(path)).length, accepted + 2);
      assert.ok(replica.append(packMessages(['room']), FIRST, []));
    });
  });
});
