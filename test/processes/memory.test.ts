/** `MAX_LOG_BYTES` bounds memory: entries of every shape take as much as is counted for them. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { append, health } from '../support/client.ts';
import { startMaster, stopAfter } from '../support/cluster.ts';
import { RUNTIME } from '../support/runtime.ts';
import { residentMebibytes } from '../support/usage.ts';
import { DEADLINE_MS, waitFor } from '../support/wait.ts';

const FILLER = fileURLToPath(new URL('../support/fill-replica.ts', import.meta.url));
const MEBIBYTE = 2 ** 20;
const COUNTED_MEBIBYTES = 64;
/** What docs/limits.md says. */
const FACTOR = 1.6;
const isNode = !(process.env.RUNTIME?.includes('bun') ?? false);
const skip = !isNode || !existsSync('/proc');

describe('MAX_LOG_BYTES', () => {
  const shapes: [what: string, messageLength: number, perAppend: number, keyLength: number][] = [
    ['empty messages', 0, 1, 0],
    ['empty messages in batches', 0, 1000, 0],
    ['empty messages with keys', 0, 1, 20],
    ['messages of 100 with keys', 100, 1, 20],
    ['short messages with the longest keys', 1, 1, 255],
    ['batches with keys', 20, 100, 20],
    ['messages that fill half a segment', 600_000, 1, 0],
  ];
  for (const [what, ...shape] of shapes) {
    it(`counts what is resident: ${what}`, { skip, timeout: 4 * DEADLINE_MS }, async () => {
      const [command = '', ...loader] = RUNTIME;
      const counts = [...shape, COUNTED_MEBIBYTES * MEBIBYTE].map(String);
      const options = ['--expose-gc', ...loader, FILLER, ...counts];
      const { stdout } = await promisify(execFile)(command, options, {
        // Coverage takes memory of its own.
        env: { PATH: process.env.PATH, NODE_V8_COVERAGE: '' },
      });
      const { counted, grown } = JSON.parse(stdout);
      const share = grown / counted;
      assert(share > 0.9 && share < FACTOR, `${grown} bytes for ${counted}: ${share}`);
    });
  }

  it('bounds the memory of a node, also where all messages are empty', { skip }, async (t) => {
    const master = await startMaster([], { MAX_LOG_BYTES: COUNTED_MEBIBYTES * MEBIBYTE });
    stopAfter(t, master);
    const batch = { messages: new Array<string>(10_000).fill(''), w: 1 };
    for (let i = 0; i < 50; i += 1) assert.equal((await append(master, batch)).status, 201);
    const before = await residentMebibytes(master);
    const begun = (await health(master)).length;
    let full = await append(master, batch);
    while (full.status === 201) full = await append(master, batch);
    assert.equal(full.status, 507);
    assert.equal(full.body.limit, COUNTED_MEBIBYTES * MEBIBYTE);
    const { length } = await health(master);
    assert.equal(full.body.used, length * 7);
    const counted = ((length - begun) * 7) / MEBIBYTE;
    const isWithin = async () => {
      // A node with work to do collects its garbage.
      assert.equal((await append(master, batch)).status, 507);
      return (await residentMebibytes(master)) - before < FACTOR * counted;
    };
    await waitFor(`it to take at most ${FACTOR} times ${counted} MiB`, isWithin);
  });
});
