import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  messageText,
  packMessages,
  sameBytes,
  sliceMessages,
} from '../../../../src/lib/core/log/messages.ts';
import { Dice, seeds, textOf } from '../../support.ts';

describe('packMessages', () => {
  const table: [what: string, messages: string[], text: string, ends: number[]][] = [
    ['nothing', [], '', []],
    ['an empty message', [''], '"",', [3]],
    ['ASCII', ['a', 'bc'], '"a","bc",', [4, 9]],
    ['two, three and four bytes a character', ['é', '€', '😀'], '"é","€","😀",', [5, 11, 18]],
    ['what JSON escapes', ['"', '\n'], '"\\"","\\n",', [5, 10]],
  ];
  for (const [what, messages, text, ends] of table) {
    it(`packs ${what}`, () => {
      const packed = packMessages(messages);
      assert.equal(textOf(packed.bytes), text);
      assert.deepEqual(packed.ends, ends);
    });
  }

  it('packs 300 random lists as encoding each message alone would', () => {
    for (const seed of seeds(300)) {
      const dice = new Dice(seed);
      const messages = dice.list(dice.integer(0, 20), () => dice.text(8));
      const packed = packMessages(messages);
      const alone = messages.map((message) => Buffer.from(`${JSON.stringify(message)},`));
      assert.equal(Buffer.compare(packed.bytes, Buffer.concat(alone)), 0);
      assert.deepEqual(
        messages.map((_, index) => JSON.parse(textOf(messageText(packed, index)))),
        messages,
      );
    }
  });
});

describe('sliceMessages', () => {
  it('is what packing that part would give, wherever it cuts', () => {
    for (const seed of seeds(300)) {
      const dice = new Dice(seed);
      const messages = dice.list(dice.integer(1, 10), () => dice.text(8));
      const start = dice.integer(0, messages.length);
      const end = dice.pick([undefined, dice.integer(start, messages.length)]);
      const part = sliceMessages(packMessages(messages), start, end);
      const expected = packMessages(messages.slice(start, end));
      assert.equal(textOf(part.bytes), textOf(expected.bytes));
      assert.deepEqual(part.ends, expected.ends);
    }
  });

  it('is a view on the same bytes, and the very same where nothing is cut', () => {
    const packed = packMessages(['a', 'b', 'c']);
    assert.equal(sliceMessages(packed, 0), packed);
    assert.equal(sliceMessages(packed, 1, 2).bytes.buffer, packed.bytes.buffer);
  });

  it('leaves nothing when it drops more than there is', () => {
    assert.deepEqual(sliceMessages(packMessages([]), 3).ends, []);
  });
});

describe('sameBytes', () => {
  const table: [a: number[], b: number[], same: boolean][] = [
    [[], [], true],
    [[1, 2], [1, 2], true],
    [[1, 2], [1, 3], false],
    [[1, 2], [1, 2, 3], false],
  ];
  for (const [a, b, same] of table) {
    it(`says ${same} of [${a}] and [${b}]`, () => {
      assert.equal(sameBytes(Uint8Array.from(a), Uint8Array.from(b)), same);
    });
  }
});
