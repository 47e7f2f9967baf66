import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BATCH_MESSAGES_MAX } from '../../../src/lib/http/limits.ts';
import { parseAppend, parseW, parseWText } from '../../../src/lib/wire/append-body.ts';
import { textOf } from '../support.ts';

/** The problem with which a body is refused: its name and detail. */
function refused(problem: string, detail: RegExp): object {
  return { name: 'Error', problem, message: detail };
}

describe('parseAppend', () => {
  const read = (body: unknown) => {
    const { messages, isBatch, w } = parseAppend(body, 10);
    return { text: textOf(messages.bytes), count: messages.ends.length, isBatch, w };
  };

  const good: [body: unknown, read: object][] = [
    [{ message: 'a' }, { text: '"a",', count: 1, isBatch: false, w: null }],
    [{ message: '' }, { text: '"",', count: 1, isBatch: false, w: null }],
    [
      { message: 'a', w: 2 },
      { text: '"a",', count: 1, isBatch: false, w: 2 },
    ],
    [{ message: '😀€é' }, { text: '"😀€é",', count: 1, isBatch: false, w: null }],
    [{ messages: ['a'] }, { text: '"a",', count: 1, isBatch: true, w: null }],
    [
      { messages: ['a', 'b'], w: 'all' },
      { text: '"a","b",', count: 2, isBatch: true, w: 'all' },
    ],
  ];
  for (const [body, expected] of good) {
    it(`takes ${JSON.stringify(body)}`, () => assert.deepEqual(read(body), expected));
  }

  const bad: [body: unknown, problem: string, detail: RegExp][] = [
    [null, 'bad-request', /not null/],
    [[], 'bad-request', /not a list/],
    ['a', 'bad-request', /not a string/],
    [7, 'bad-request', /not a number/],
    [{}, 'bad-request', /either 'message' .* or 'messages'/],
    [{ message: 'a', messages: ['a'] }, 'bad-request', /either 'message' .* or 'messages'/],
    [{ message: 'a', W: 1 }, 'bad-request', /unknown field 'W'; known are message, messages, w/],
    [JSON.parse('{"message":"a","__proto__":{}}'), 'bad-request', /unknown field '__proto__'/],
    [{ message: 7 }, 'bad-request', /'message' must be a string, not a number/],
    [{ message: null }, 'bad-request', /'message' must be a string, not null/],
    [{ message: ['a'] }, 'bad-request', /'message' must be a string, not a list/],
    [{ message: '\ud800' }, 'bad-request', /'message' has a lone surrogate/],
    [{ message: 'éééééé' }, 'content-too-large', /'message' has 12 bytes; a message may have 10/],
    [{ messages: 'a' }, 'bad-request', /'messages' must be a list of 1 to 10000 strings/],
    [{ messages: [] }, 'bad-request', /'messages' must be a list of 1 to 10000 strings/],
    [{ messages: ['a', true] }, 'bad-request', /'messages\[1\]' must be a string, not a boolean/],
    [{ messages: ['a', '\udc00'] }, 'bad-request', /'messages\[1\]' has a lone surrogate/],
    [{ messages: ['a', 'x'.repeat(11)] }, 'content-too-large', /'messages\[1\]' has 11 bytes/],
    [{ message: 'a', w: '2' }, 'bad-w', /got a string/],
    [{ message: 'a', w: null }, 'bad-w', /got null/],
  ];
  for (const [body, problem, detail] of bad) {
    it(`refuses ${JSON.stringify(body)}`, () => {
      assert.throws(() => parseAppend(body, 10), refused(problem, detail));
    });
  }

  it(`takes ${BATCH_MESSAGES_MAX} messages at once, and not one more`, () => {
    const batch = (count: number) => ({ messages: Array<string>(count).fill('') });
    assert.equal(read(batch(BATCH_MESSAGES_MAX)).count, BATCH_MESSAGES_MAX);
    assert.throws(() => read(batch(BATCH_MESSAGES_MAX + 1)), { problem: 'bad-request' });
  });

  it('tells a client the limit that its message exceeds', () => {
    assert.throws(() => parseAppend({ message: 'too large' }, 8), {
      status: 413,
      fields: { limit: 8 },
    });
  });
});

describe('parseW', () => {
  for (const w of [1, 3, 'majority', 'all', Number.MAX_SAFE_INTEGER]) {
    it(`takes ${w}`, () => assert.equal(parseW(w), w));
  }
  for (const w of [
    0,
    -1,
    1.5,
    2 ** 53,
    Number.NaN,
    '2',
    'ALL',
    '',
    true,
    null,
    [1],
    {},
    undefined,
  ]) {
    it(`refuses ${JSON.stringify(w)}, for nothing is coerced`, () => {
      assert.throws(() => parseW(w), refused('bad-w', /w must be an integer from 1/));
    });
  }
});

describe('parseWText', () => {
  for (const [text, w] of [
    ['2', 2],
    ['007', 7],
    ['all', 'all'],
    ['majority', 'majority'],
  ] as const) {
    it(`reads '${text}'`, () => assert.equal(parseWText(text), w));
  }
  for (const text of ['', '0', '-1', '+1', '1.0', '1e3', '0x1', ' 1', 'All', '1234567890123456']) {
    it(`refuses '${text}'`, () => assert.throws(() => parseWText(text), { problem: 'bad-w' }));
  }
});
