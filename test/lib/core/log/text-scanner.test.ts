import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NO_TEXT, TextScanner } from '../../../../src/lib/core/log/text-scanner.ts';
import { Dice, seeds } from '../../support.ts';

/** Where the text that begins `before` bytes into this one ends, counted from its own beginning. */
function endIn(text: string | Uint8Array, before: number): number {
  const whole = Buffer.concat([Buffer.alloc(before, '"'), Buffer.from(text)]);
  const end = new TextScanner(whole).endOf(before);
  // The bytes in front of a view are not its own, and the words of both must not be mixed up.
  const view = new TextScanner(whole.subarray(before)).endOf(0);
  assert.equal(view, end === NO_TEXT ? NO_TEXT : end - before);
  return view;
}

describe('TextScanner', () => {
  it('finds the end of what JSON.stringify writes, wherever it stands', () => {
    for (const seed of seeds(2000)) {
      const text = JSON.stringify(new Dice(seed).text(20));
      const bytes = Buffer.from(`${text},"`);
      assert.equal(endIn(bytes, seed % 9), bytes.length - 2, text);
    }
  });

  it('takes each UTF-16 unit as JSON.stringify writes it, and escaped only if that does so', () => {
    for (let code = 0; code < 0x300; code += 1) {
      const written = JSON.stringify(String.fromCharCode(code));
      assert.equal(endIn(`${written} `, code % 4), Buffer.byteLength(written), written);
      const hex = code.toString(16).padStart(4, '0');
      for (const digits of new Set([hex, hex.toUpperCase()])) {
        const escaped = `"\\u${digits}"`;
        assert.equal(endIn(escaped, code % 4), escaped === written ? 8 : NO_TEXT, escaped);
      }
    }
  });

  it('knows no other escapes', () => {
    for (let code = 0; code < 0x80; code += 1) {
      const escaped = `"\\${String.fromCharCode(code)}"`;
      const isOurs = '"\\bfnrt'.includes(String.fromCharCode(code));
      assert.equal(endIn(`${escaped}"`, code % 4), isOurs ? 4 : NO_TEXT, escaped);
    }
  });

  it('takes no control character as it is', () => {
    for (let code = 0; code < 0x20; code += 1) {
      for (const place of [0, 1, 2, 3, 4, 5, 6, 7]) {
        const text = `"${'x'.repeat(place)}${String.fromCharCode(code)}xxxxxxxx"`;
        assert.equal(endIn(text, 0), NO_TEXT, JSON.stringify(text));
      }
    }
  });

  it('says no of what does not begin or does not end', () => {
    for (const text of ['', '"', 'a"', '"abc', '"abcdefghijkl', '"\\', '"\\"', '"\\u', '"\\u00']) {
      for (const before of [0, 1, 2, 3]) assert.equal(endIn(text, before), NO_TEXT, text);
    }
  });
});
