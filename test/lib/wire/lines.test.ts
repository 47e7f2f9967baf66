import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LineSplitter, LineTooLong } from '../../../src/lib/wire/lines.ts';
import { Dice, seeds, textOf } from '../support.ts';

/** The lines of these chunks; what follows the last newline is marked with '...'. */
function split(chunks: readonly string[], bytesMax = 1000): string[] {
  const splitter = new LineSplitter(bytesMax);
  const lines = chunks.flatMap((chunk) => [...splitter.push(Buffer.from(chunk))].map(textOf));
  const rest = splitter.remainder();
  return rest === null ? lines : [...lines, `${textOf(rest)}...`];
}

describe('LineSplitter', () => {
  const table: [chunks: string[], lines: string[]][] = [
    [[], []],
    [['a\nb\n'], ['a', 'b']],
    [['a\nb'], ['a', 'b...']],
    [
      ['a', 'b\nc', '', '\n'],
      ['ab', 'c'],
    ],
    [['a\r\nb\r\n'], ['a\r', 'b\r']],
    [['\n \t\r\n\na\n\n'], ['a']],
    [['a\n \t'], ['a']],
  ];
  for (const [chunks, lines] of table) {
    it(`splits ${JSON.stringify(chunks)} into ${JSON.stringify(lines)}`, () => {
      assert.deepEqual(split(chunks), lines);
    });
  }

  it('takes a line of just the bytes it may have, and no longer one', () => {
    assert.deepEqual(split(['abc\ndef\n'], 3), ['abc', 'def']);
    assert.throws(() => split(['ab', 'cd\n'], 3), LineTooLong);
    assert.throws(() => split(['a\nbcde'], 3), { message: 'a line may have 3 bytes' });
  });

  it('gives the lines of a chunk before it finds that the next is too long', () => {
    const splitter = new LineSplitter(3);
    const lines = splitter.push(Buffer.from('a\nbcde\n'));
    assert.equal(textOf(lines.next().value as Uint8Array), 'a');
    assert.throws(() => lines.next(), LineTooLong);
  });

  it('splits 300 random texts alike, wherever their chunks are cut', () => {
    for (const seed of seeds(300)) {
      const dice = new Dice(seed);
      const text = Buffer.from(
        dice.list(20, () => dice.text(4)).join(dice.pick(['\n', '\n\n', ''])),
      );
      const splitter = new LineSplitter(1000);
      const lines: string[] = [];
      for (let at = 0; at < text.length; ) {
        const end = at + dice.integer(1, 7);
        lines.push(...[...splitter.push(text.subarray(at, end))].map(textOf));
        at = end;
      }
      const rest = splitter.remainder();
      if (rest !== null) lines.push(textOf(rest));
      const expected = text
        .toString()
        .split('\n')
        .filter((line) => line.trim() !== '');
      assert.deepEqual(lines, expected);
    }
  });
});
