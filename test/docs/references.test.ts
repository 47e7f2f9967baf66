/** docs/configuration.md has every variable of the configuration, and docs/api.md every route of the description. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { DOCUMENT } from '../openapi/document.ts';

const ROOT = new URL('../../', import.meta.url);
const textOf = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');
/** A call of the reader of the configuration, and the variable that it reads. */
const VARIABLE =
  /\b(?:reader\s*\.(?:text|flag|integer|rate|token|oneOf)\(\s*|readNodes\(reader, )'([A-Z_]+)'/g;

describe('docs/configuration.md', () => {
  it('has a line for every variable that nodes read, and for no other', () => {
    const sources = ['config.ts', 'member-config.ts'].map((file) =>
      textOf(`src/lib/runtime/${file}`),
    );
    const read = [...sources.join('').matchAll(VARIABLE)].map(([, name]) => name);
    const rows = textOf('docs/configuration.md').match(/^\| `[A-Z].*$/gm) ?? [];
    const listed = rows.flatMap((row) => (row.split('|')[1] ?? '').match(/[A-Z_]+/g) ?? []);
    assert(read.length > 20, `${read.length} variables`);
    assert.deepEqual(listed.sort(), [...new Set(read)].sort());
  });
});

describe('docs/api.md', () => {
  const text = textOf('docs/api.md').replaceAll(/\$[MS]\b/g, ' ');
  for (const path of Object.keys(DOCUMENT.paths)) {
    it(`has a line for ${path}`, () => {
      // What stands for a parameter is one segment of the path.
      const pattern = path.replace('.', '\\.').replace(/\{\w+\}/, '[\\w]+');
      assert.match(text, new RegExp(`[ \`"]${pattern}(?=[?"\` ])`));
    });
  }
});
