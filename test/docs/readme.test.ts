/** README.md repeats a few facts of other files; the tests check that they are the same. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

const ROOT = new URL('../../', import.meta.url);
const textOf = (page: string) => readFileSync(new URL(page, ROOT), 'utf8');

/** The cells of the table under a heading of the README, without its head. */
function rowsUnder(heading: string): string[][] {
  const [, section = ''] = textOf('README.md').split(`\n## ${heading}\n`);
  const [upToNext = ''] = section.split('\n## ');
  const lines = upToNext.split('\n').filter((line) => line.startsWith('|'));
  const cells = lines.map((line) => line.split('|').slice(1, -1));
  return cells.slice(2).map((row) => row.map((cell) => cell.trim()));
}

describe('README.md', () => {
  it('has the figures of docs/benchmark.md', () => {
    const measured = textOf('docs/benchmark.md').split('\n');
    const rows = rowsUnder('How fast it is');
    assert.equal(rows.length, 4);
    for (const [name, rate = '', ratio = '', times = ''] of rows) {
      const line = measured.find((one) => one.includes(`| ${rate} | ${ratio} (`));
      assert(line !== undefined, `${name}: ${rate} and ${ratio} are not in docs/benchmark.md`);
      const [, , , , , p50 = '', p99 = ''] = line.split('|').map((cell) => cell.trim());
      assert.equal(times, `${rounded(p50)} ms, ${rounded(p99)} ms`, name);
    }
  });

  it('has a row for each write concern, and says of each what it does not survive', () => {
    const rows = rowsUnder('What each `w` promises');
    assert.deepEqual(
      rows.map(([w]) => w),
      ['1', '2', '`majority`', '`all` (default)'],
    );
    for (const row of rows) assert(row.length === 5 && row.every((cell) => cell !== ''));
  });

  it('stays short enough for a visitor, and names the command that runs the tests', () => {
    const text = textOf('README.md');
    assert(text.split('\n').length <= 150);
    assert(text.includes('`make test`'));
  });
});

/** A time with two significant digits. */
function rounded(ms: string): string {
  return String(Number(Number(ms).toPrecision(2)));
}
