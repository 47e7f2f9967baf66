import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { printableJson } from '../../../src/lib/runtime/printable.ts';

describe('printableJson', () => {
  it('has no control character, and is read back as the same value', () => {
    const text = Array.from({ length: 0x250 }, (_, code) => String.fromCharCode(code)).join('');
    const value = { [text]: [text, 1, null] };
    const json = printableJson(value);
    assert.doesNotMatch(json, /\p{Cc}/u);
    assert.deepEqual(JSON.parse(json), value);
  });

  it('escapes where a control sequence of a terminal begins', () => {
    assert.equal(printableJson('a\u009b31m\u007f\n'), '"a\\u009b31m\\u007f\\n"');
  });
});
