import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeyIndex } from '../../../../src/lib/core/log/idempotency.ts';
import { Log } from '../../../../src/lib/core/log/log.ts';
import { packMessages } from '../../../../src/lib/core/log/messages.ts';
import { FRAME_MESSAGES_MAX, frameEnd } from '../../../../src/lib/core/replication/frame-end.ts';

/** A log of entries of four bytes each, `"a",`; capital letters are keyed, equal neighbours one append. */
function logOf(text: string): { log: Log; keys: KeyIndex } {
  const [log, keys] = [new Log(), new KeyIndex()];
  log.append(packMessages([...text]), { epoch: 1, writer: 'A' });
  for (const [index, letter] of [...text].entries()) {
    if (letter !== letter.toLowerCase()) keys.record(letter, index + 1);
  }
  return { log, keys };
}

describe('frameEnd', () => {
  const table: [text: string, from: number, length: number, bytesMax: number, end: number][] = [
    ['abcd', 1, 4, 100, 4],
    ['abcd', 1, 4, 8, 2],
    ['abcd', 3, 4, 8, 4],
    ['abcd', 1, 3, 100, 3],
    ['abcd', 1, 4, 1, 1],
    // A keyed append that does not fit behind what precedes it begins the next frame.
    ['abKKK', 1, 5, 16, 2],
    ['abKKK', 3, 5, 8, 5],
    ['abKKKc', 3, 6, 8, 5],
    ['aKKLL', 1, 5, 16, 3],
    ['KKLL', 1, 4, 12, 2],
    // It ends where the log ends that is shown.
    ['abKKK', 3, 4, 4, 4],
  ];
  for (const [text, from, length, bytesMax, end] of table) {
    it(`of ${text} from ${from}, of ${length} entries with ${bytesMax} bytes, is ${end}`, () => {
      const { log, keys } = logOf(text);
      assert.equal(frameEnd(log, keys, from, length, bytesMax), end);
    });
  }

  it('comes after so many messages at the latest, unless they are one append', () => {
    const { log, keys } = logOf('a'.repeat(FRAME_MESSAGES_MAX + 1));
    assert.equal(frameEnd(log, keys, 1, log.length), FRAME_MESSAGES_MAX);
    const batch = logOf('K'.repeat(FRAME_MESSAGES_MAX + 1));
    assert.equal(frameEnd(batch.log, batch.keys, 1, batch.log.length), batch.log.length);
  });
});
