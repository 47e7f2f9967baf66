import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parsePosition, parseQuery, positiveParameter } from '../../../src/lib/http/query.ts';

describe('parseQuery', () => {
  it('reads known parameters, decoded', () => {
    assert.deepEqual(
      [...parseQuery('from=3&limit=%31', ['from', 'limit'])],
      [
        ['from', '3'],
        ['limit', '1'],
      ],
    );
    assert.deepEqual([...parseQuery('', ['from'])], []);
  });

  const bad: [query: string, known: string[], detail: RegExp][] = [
    ['form=3', ['from', 'limit'], /unknown query parameter 'form'; known are from, limit/],
    ['from=3', [], /unknown query parameter 'from'; there are none here/],
    ['from=3&from=3', ['from'], /'from' is given twice/],
  ];
  for (const [query, known, message] of bad) {
    it(`refuses '${query}' where [${known}] are known`, () => {
      assert.throws(() => parseQuery(query, known), { problem: 'bad-request', message });
    });
  }
});

describe('positiveParameter', () => {
  const values = new Map([
    ['from', '3'],
    ['limit', '0'],
  ]);

  it('is the integer, or the fallback where the parameter is absent', () => {
    assert.equal(positiveParameter(values, 'from', 9), 3);
    assert.equal(positiveParameter(values, 'minSeq', 9), 9);
  });

  it('refuses what is no integer from 1, by name', () => {
    assert.throws(() => positiveParameter(values, 'limit', 9), {
      problem: 'bad-range',
      message: /'limit' must be an integer from 1/,
    });
  });
});

describe('parsePosition', () => {
  const table: [text: string, position: number | null][] = [
    ['1', 1],
    ['42', 42],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['9007199254740992', null],
    ['9'.repeat(400), null],
    ['0', null],
    ['01', null],
    ['-1', null],
    ['1.0', null],
    ['1e3', null],
    [' 1', null],
    ['', null],
  ];
  for (const [text, position] of table) {
    it(`reads '${text.slice(0, 20)}' as ${position}`, () => {
      assert.equal(parsePosition(text), position);
    });
  }
});
