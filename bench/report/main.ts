/**
 * `make bench-report`: writes `docs/benchmark.md` and `docs/benchmark.svg` from the results in the files
 * that are named, the first one first; from the newest if none is.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { newestResults, readResults } from '../results.ts';
import { chart } from './chart.ts';
import { page } from './markdown.ts';

const [first = newestResults(), ...others] = process.argv.slice(2);
const docs = fileURLToPath(new URL('../../docs/', import.meta.url));
const main = readResults(first);
const more = others.map(readResults);
writeFileSync(`${docs}benchmark.md`, page([main, ...more]));
writeFileSync(`${docs}benchmark.svg`, chart([main, ...more]));
process.stdout.write(
  `docs/benchmark.md and docs/benchmark.svg, from ${[first, ...others].join(', ')}\n`,
);
