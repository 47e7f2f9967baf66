import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { RUNTIME } from '../../support/runtime.ts';
import { DEADLINE_MS } from '../../support/wait.ts';
import { plain, temporary, using } from './support.ts';

const WRITER = fileURLToPath(new URL('./writer.ts', import.meta.url));
const ROUNDS = 6;

describe('a process that is killed while it writes', () => {
  it('leaves everything it had called durable, in one piece, to the next one', {
    timeout: 3 * DEADLINE_MS,
  }, async (t) => {
    const path = temporary(t);
    const [command, ...args] = RUNTIME as [string, ...string[]];
    for (let round = 1; round <= ROUNDS; round += 1) {
      const child = spawn(command, [...args, WRITER, path, String(round)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      t.after(() => child.kill('SIGKILL'));
      const exit = once(child, 'exit');
      let durable = 0;
      let synced = 0;
      for await (const line of createInterface({ input: child.stdout })) {
        durable = Number(line);
        synced += 1;
        if (synced === round * 15) child.kill('SIGKILL');
      }
      await exit;
      assert.ok(synced >= round * 15, `it ended by itself, after ${synced} syncs`);
      await using(path, ({ replica }) => {
        // It may have cut one entry after it said so.
        assert.ok(replica.log.length >= durable - 1, `${replica.log.length} of ${durable}`);
        assert.equal(replica.ballot.epoch, round);
        const { entries } = plain(replica);
        assert.ok(entries.every(({ text }, i) => text === `message ${i + 1}`));
      });
    }
  });
});
