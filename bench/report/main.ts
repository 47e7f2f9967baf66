/**
 * `make bench-report`: writes `docs/benchmark.md` and `docs/benchmark.svg` from the given files of results, in their
 * order; without any, from the newest.
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
