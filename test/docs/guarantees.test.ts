import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

const ROOT = new URL('../../', import.meta.url);
/** A line of a table whose last cell is `file`: the name of a test, or the beginning of it. */
const LINE = /^\|.*\| `(test\/[^`]+)`: (.+) \|$/;

describe('docs/guarantees.md', () => {
  const text = readFileSync(new URL('docs/guarantees.md', ROOT), 'utf8');
  const named = text.split('\n').flatMap((line) => {
    const [, file, name] = LINE.exec(line) ?? [];
    return file === undefined || name === undefined ? [] : [{ file, name }];
  });

  it('names a test for every guarantee', () => {
    assert(named.length > 20, `${named.length} lines name one`);
    const [, table = ''] = text.split('| guarantee | test |');
    const rows = table.split('\n\n')[0]?.split('\n').slice(2) ?? [];
    assert.equal(rows.length, named.length);
  });

  for (const { file, name } of named) {
    it(`names a test that is there: ${name}`, () => {
      const source = readFileSync(new URL(file, ROOT), 'utf8');
      assert(/[`'"]/.test(source) && source.includes(name), `${file} has '${name}'`);
    });
  }
});
