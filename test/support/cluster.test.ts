/** Nodes that a test leaves behind do not keep its file from ending. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { it } from 'node:test';
import { DEADLINE_MS } from './wait.ts';

const FAILING = `
  import { it } from 'node:test';
  import { startSecondary } from '${new URL('cluster.ts', import.meta.url)}';
  it('fails before it says what to stop', async () => {
    await startSecondary();
    throw new Error('on purpose');
  });
`;

it('a file ends whose test left a node running', (t) => {
  const folder = mkdtempSync(`${tmpdir()}/left-behind-`);
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(`${folder}/failing.test.ts`, FAILING);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { error, status, stdout } = spawnSync(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), '--test', `${folder}/failing.test.ts`],
    // It is loaded in another way, so its coverage cannot be merged with that of the rest.
    { env: { ...env, NODE_V8_COVERAGE: '' }, encoding: 'utf8', timeout: 2 * DEADLINE_MS },
  );
  assert.equal(error, undefined);
  assert.equal(status, 1, stdout);
  assert.match(stdout, /on purpose/);
});
