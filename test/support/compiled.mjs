/**
 * Loads sources as `npm test` compiled them before (`npm run compile`), since node 20 cannot read TypeScript: for
 * the thousand short-lived nodes of the tests. `--import tsx` does the same for everyone else, needs no compiling,
 * and takes three times as long to start. A source has the same URL either way.
 */
import { readFile, stat } from 'node:fs/promises';
import { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const ROOT = new URL('../../', import.meta.url).href;
const COMPILED = new URL('node_modules/.cache/compiled/', ROOT);

if (isMainThread) {
  process.setSourceMapsEnabled(true);
  register(import.meta.url);
}

/**
 * A hook of node's module loader: https://nodejs.org/api/module.html#loadurl-context-nextload
 *
 * @throws {Error} if the source was not compiled since it was changed
 */
export async function load(url, context, nextLoad) {
  const path = url.startsWith(ROOT) ? url.slice(ROOT.length) : '';
  if (!path.endsWith('.ts') || path.startsWith('node_modules/')) return nextLoad(url, context);
  const compiled = new URL(path.replace(/\.ts$/, '.js'), COMPILED);
  const [before, after] = await Promise.all([timeOf(new URL(url)), timeOf(compiled)]);
  if (before > after) throw new Error(`${path} is not compiled as it is now: npm run compile`);
  return { format: 'module', source: await readFile(compiled, 'utf8'), shortCircuit: true };
}

/** When a file was changed; 0 if it is not there. */
async function timeOf(url) {
  return stat(url).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}
