import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { lockDirectory } from '../../../src/lib/storage/lock.ts';
import { RUNTIME } from '../../support/runtime.ts';
import { DEADLINE_MS } from '../../support/wait.ts';
import { append, open, refusal, temporary, using } from './support.ts';

const HOLDER = fileURLToPath(new URL('./holder.ts', import.meta.url));

/** Another process on the directory, with its output. */
async function holder(t: TestContext, path: string): Promise<[child: ChildProcess, said: string]> {
  const [command, ...args] = RUNTIME as [string, ...string[]];
  const child = spawn(command, [...args, HOLDER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const [said] = await once(lines, 'line', { signal: AbortSignal.timeout(DEADLINE_MS) });
  return [child, said as string];
}

async function kill(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

function locks(path: string): string[] {
  return fs.readdirSync(path).filter((name) => name.startsWith('lock-'));
}

describe('the lock of a directory', () => {
  it('is refused a second time in the same process, and free after a close', async (t) => {
    const path = temporary(t);
    const { storage } = await open(path);
    const error = await refusal(path);
    assert.equal(error.exitCode, 75);
    assert.equal(error.message, `${path}: is in use by another process`);
    await storage.close();
    assert.deepEqual(locks(path), []);
    await using(path, () => {});
  });

  it('is refused to another process, and here while another one has it', async (t) => {
    const path = temporary(t);
    const { storage } = await open(path);
    assert.equal((await holder(t, path))[1], '75');
    await storage.close();
    const [child, said] = await holder(t, path);
    assert.equal(said, 'open');
    assert.equal((await refusal(path)).exitCode, 75);
    child.kill('SIGSTOP');
    for (let i = 0; i < 20; i += 1) assert.equal((await refusal(path)).exitCode, 75, 'stopped');
    await kill(child);
    assert.equal(locks(path).length, 1, 'what the dead one left');
    await using(path, () => assert.equal(locks(path).length, 1, 'our own'));
    assert.deepEqual(locks(path), []);
  });

  it('is released if what is in the directory cannot be used', async (t) => {
    const path = temporary(t);
    fs.writeFileSync(join(path, 'log.ndjson'), 'something else\n');
    for (let i = 0; i < 2; i += 1) assert.equal((await refusal(path)).exitCode, 65);
    assert.deepEqual(locks(path), []);
  });

  it('is taken over from files that nobody listens at, whatever they are', async (t) => {
    const path = temporary(t);
    fs.writeFileSync(join(path, 'lock-0123456789abcdef.sock'), '');
    fs.writeFileSync(join(path, 'lock-mine.sock'), '');
    await using(path, () => {});
    assert.deepEqual(locks(path), ['lock-mine.sock']);
  });

  // Bun calls it refused.
  const skip = process.versions.bun !== undefined;
  it('is not taken if nobody can tell whether it is free', { skip }, async (t) => {
    const path = temporary(t);
    const loop = join(path, 'lock-0123456789abcdef.sock');
    fs.symlinkSync(loop, loop);
    assert.equal((await refusal(path)).exitCode, 75);
  });

  it('works where the path is longer than a socket path may be', async (t) => {
    const path = join(temporary(t), 'd'.repeat(150), 'é'.repeat(60));
    if (process.platform !== 'linux') {
      assert.match((await refusal(path)).message, /longer than/);
      return;
    }
    const { storage, replica } = await open(path);
    replica.begin('L');
    append(replica, ['a']);
    assert.equal(locks(path).length, 1);
    assert.equal((await refusal(path)).exitCode, 75);
    assert.equal((await holder(t, path))[1], '75');
    await storage.close();
    assert.deepEqual(locks(path), []);
    const [child, said] = await holder(t, path);
    assert.equal(said, 'open');
    await kill(child);
    await using(path, ({ replica }) => assert.equal(replica.log.length, 1));
  });

  it('says what is wrong where there can be no socket', {
    skip: !fs.existsSync('/proc/1'),
  }, async () => {
    await assert.rejects(lockDirectory('/proc'), {
      exitCode: 73,
      message: /^\/proc: cannot be locked by a Unix domain socket in it: E[A-Z]+$/,
    });
  });

  it('never has two holders when many come at once', async (t) => {
    const path = temporary(t);
    let holders = 0;
    let successes = 0;
    for (let round = 0; round < 10; round += 1) {
      const attempts = Array.from({ length: 6 }, async () => {
        const lock = await lockDirectory(path).catch(() => null);
        if (lock === null) return;
        holders += 1;
        successes += 1;
        assert.equal(holders, 1);
        await new Promise((resolve) => setImmediate(resolve));
        assert.equal(locks(path).length >= 1, true);
        holders -= 1;
        await lock.release();
      });
      await Promise.all(attempts);
    }
    assert.ok(successes >= 1);
    assert.deepEqual(locks(path), []);
  });
});
