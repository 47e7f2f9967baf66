/** The list of members that is kept beside the log. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  append,
  diskWith,
  failure,
  logPath,
  open,
  plain,
  refusal,
  temporary,
  using,
} from './support.ts';

const LIST = 'a=http://a:1,b=http://b:1,c=http://c:1';
const OTHER = 'a=http://a:1,b=http://b:1';

const membersPath = (path: string) => join(path, 'members');

describe('the list of members', () => {
  it('is kept beside the log by the first start, and accepted by the next ones', async (t) => {
    const path = temporary(t);
    for (let start = 0; start < 3; start += 1) {
      await using(path, () => {}, { members: LIST });
      assert.equal(fs.readFileSync(membersPath(path), 'utf8'), `${LIST}\n`);
    }
    assert.deepEqual(
      fs.readdirSync(path).filter((name) => name.endsWith('.new')),
      [],
    );
  });

  it('is kept beside a log that was there before', async (t) => {
    const path = temporary(t);
    await using(path, ({ replica }) => {
      replica.begin('L');
      append(replica, ['one']);
    });
    assert(!fs.existsSync(membersPath(path)));
    await using(path, ({ replica }) => assert.equal(replica.log.length, 1), { members: LIST });
    assert(fs.existsSync(membersPath(path)));
  });

  for (const [what, members, said] of [
    ['another list', OTHER, `MEMBERS is ${OTHER}`],
    ['no list', null, 'MEMBERS is not set'],
  ] as const) {
    it(`refuses a start with ${what}, names both and changes nothing`, async (t) => {
      const path = temporary(t);
      const before = await using(
        path,
        ({ replica }) => {
          replica.begin('L');
          append(replica, ['one']);
          return plain(replica).entries;
        },
        { members: LIST },
      );
      const bytes = fs.readFileSync(logPath(path));
      const error = await refusal(path, { members });
      assert.equal(error.exitCode, 78);
      assert.equal(
        error.message,
        `${said}, but the log in DATA_DIR belongs to a cluster of ${LIST}, see ${membersPath(path)}`,
      );
      assert.equal(fs.readFileSync(membersPath(path), 'utf8'), `${LIST}\n`);
      assert.deepEqual(fs.readFileSync(logPath(path)), bytes);
      // The lock is free again.
      await using(path, ({ replica }) => assert.deepEqual(plain(replica).entries, before), {
        members: LIST,
      });
    });
  }

  it('is not needed where no master is elected', async (t) => {
    const path = temporary(t);
    await using(path, () => assert(!fs.existsSync(membersPath(path))));
  });

  it('is durable before the node starts, and whole at any time', async (t) => {
    const path = temporary(t);
    const calls: string[] = [];
    const disk = diskWith({
      fdatasyncSync: (fd) => {
        calls.push('sync');
        fs.fdatasyncSync(fd);
      },
      fsyncSync: (fd) => {
        calls.push('sync of names');
        fs.fsyncSync(fd);
      },
      renameSync: (from, to) => {
        calls.push('rename');
        assert.equal(fs.readFileSync(from, 'utf8'), `${LIST}\n`);
        fs.renameSync(from, to);
      },
    });
    const { storage } = await open(path, { members: LIST, fsync: 'always', disk });
    assert.deepEqual(calls, ['sync', 'rename', 'sync of names']);
    await storage.close();
  });

  for (const [call, reason] of [
    ['openSync', 'EMFILE'],
    ['writeSync', 'cannot be written'],
    ['fdatasyncSync', 'EIO'],
    ['renameSync', 'EACCES'],
    ['fsyncSync', 'EIO'],
  ] as const) {
    it(`stops the start with a message if ${call} fails`, async (t) => {
      const path = temporary(t);
      const disk = diskWith({
        [call]: () => {
          throw failure(reason);
        },
      });
      const error = await refusal(path, { members: LIST, fsync: 'always', disk });
      assert.equal(error.exitCode, 73);
      assert.equal(error.message, `${membersPath(path)}: ${reason}`);
      await using(path, () => {}, { members: LIST });
    });
  }

  it('stops the start with a message if it cannot be read', async (t) => {
    const path = temporary(t);
    fs.mkdirSync(membersPath(path));
    const error = await refusal(path, { members: LIST });
    assert.equal(error.exitCode, 73);
    assert.equal(error.message, `${membersPath(path)}: EISDIR`);
  });
});
