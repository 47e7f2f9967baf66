import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseJson } from '../../../src/lib/wire/fields.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

/** The problem with which a body is refused: its name and detail. */
function refused(problem: string, detail: RegExp): object {
  return { name: 'Error', problem, message: detail };
}

describe('parseJson', () => {
  it('reads UTF-8 JSON, a byte order mark or not', () => {
    assert.deepEqual(parseJson(bytes('{"a":"é"}')), { a: 'é' });
    assert.equal(parseJson(bytes('\ufeff1')), 1);
  });

  it('refuses what is not UTF-8, and goes on reading the next', () => {
    const broken = Uint8Array.of(0x22, 0xc3, 0x22);
    assert.throws(() => parseJson(broken), refused('bad-json', /not valid UTF-8/));
    assert.equal(parseJson(bytes('"é"')), 'é');
  });

  for (const text of ['', '{', '{a:1}', '[1,]', '1 2', 'NaN']) {
    it(`refuses '${text}'`, () => {
      assert.throws(() => parseJson(bytes(text)), refused('bad-json', /not valid JSON/));
    });
  }
});
