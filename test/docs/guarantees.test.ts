/**
 * Every line of docs/guarantees.md can fail: it names a test that `npm test` runs and that asserts something, or
 * an invariant that the simulator asserts and that a planted bug breaks (`make mutants` checks that it does).
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { MUTANTS } from '../mutants/mutants.ts';
import { INVARIANTS, type InvariantId } from '../simulator/invariant-ids.ts';

const ROOT = new URL('../../', import.meta.url);
const SIMULATOR = new URL('../simulator/', import.meta.url);
/** A line of a table whose last cell is `file`: the whole name of a test. */
const TEST_LINE = /^\|.*\| `(test\/[^`]+)`: (.+) \|$/;
/** A line of a table whose last cell is the id of an invariant. */
const INVARIANT_LINE = /^\| (.+) \| `([a-z-]+)` \|$/;
/** A call that defines a test, with its name as the first argument. */
const TEST_CALL = /^ *(?:it|itSees|test)\(\s*(['"`])((?:(?!\1).)*)\1/gm;
/** What can fail a test: an assertion, or a wait with a deadline. */
const CAN_FAIL = /\bassert\b|\bwaitFor\(|\buntil\w*\(|\.waitFor\(/;
const IS_LEFT_OUT = /\.(?:skip|todo)\(|\b(?:skip|todo): *(?:true|['"`])/;

const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');

/** The rows of all tables with this head. */
function rowsBelow(text: string, head: string): string[] {
  const [, ...tables] = text.split(head);
  return tables.flatMap((table) => table.split('\n\n')[0]?.split('\n').slice(2) ?? []);
}

/** The sources of the tests of this name, each from its name to the next test of the file. */
function testsNamed(source: string, name: string): string[] {
  const calls = [...source.matchAll(TEST_CALL)];
  return calls.flatMap(({ 2: found, index }, i) =>
    found === name ? [source.slice(index, calls[i + 1]?.index)] : [],
  );
}

describe('docs/guarantees.md', () => {
  const text = read('docs/guarantees.md');
  const tests = [
    '| guarantee | test |',
    '| acknowledged at | promised | not promised | test |',
    '| read at | promised | not promised | test |',
  ].flatMap((head) => rowsBelow(text, head));
  const invariants = rowsBelow(text, '| guarantee | invariant |');

  it('names tests of files that the command for tests runs', () => {
    assert(tests.length > 50, `${tests.length} lines`);
    const command: string = JSON.parse(read('package.json')).scripts.test;
    assert.match(command, /\$\(find test -name '\*\.test\.ts' \| sort\)$/);
    for (const line of tests) assert.match(TEST_LINE.exec(line)?.[1] ?? line, /\.test\.ts$/);
  });

  for (const line of tests) {
    const [, file = '', name = line] = TEST_LINE.exec(line) ?? [];
    it(`names a test that runs and can fail: ${name}`, () => {
      const source = read(file);
      const [found = '', ...others] = testsNamed(source, name);
      assert(found !== '' && others.length === 0, `${file} has one test '${name}'`);
      assert.match(found, CAN_FAIL);
      assert.doesNotMatch(source.replace(/\bt\.skip\(/g, ''), /\b(?:describe|it)\.(?:skip|todo)\(/);
      assert.doesNotMatch(found, IS_LEFT_OUT);
    });
  }

  it('has every invariant of the simulator, in the same words', () => {
    const said = invariants.map((line) => INVARIANT_LINE.exec(line)?.slice(1) ?? [line]);
    const asserted = Object.entries(INVARIANTS).map(([id, sentence]) => [sentence, id]);
    assert.deepEqual(said, asserted);
  });

  const files = readdirSync(SIMULATOR, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !file.startsWith('invariant-ids'),
  );
  const simulator = files.map((file) => read(`test/simulator/${file}`)).join('\n');
  for (const id of Object.keys(INVARIANTS) as InvariantId[]) {
    it(`has invariants that the simulator asserts and a planted bug breaks: ${id}`, () => {
      assert.match(simulator, new RegExp(`\\bmust(?:Equal)?\\(\\s*'${id}',`));
      assert(
        MUTANTS.some(({ breaks }) => breaks.includes(id)),
        'no planted bug breaks it',
      );
    });
  }
});
