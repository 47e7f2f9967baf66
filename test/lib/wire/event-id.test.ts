import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Log } from '../../../src/lib/core/log/log.ts';
import { comparePosition, type LogPosition } from '../../../src/lib/core/log/log-position.ts';
import { packMessages } from '../../../src/lib/core/log/messages.ts';
import { HttpProblem } from '../../../src/lib/http/problems.ts';
import { eventIdAt, ID_DIGESTS, parseEventId } from '../../../src/lib/wire/event-id.ts';

/** A log of two masters, and perhaps one without a name. */
function logOf(...writers: string[]): Log {
  const log = new Log();
  for (const [index, writer] of writers.entries()) {
    log.append(packMessages(['a', 'b']), { epoch: index + 1, writer });
  }
  return log;
}

const textAt = (log: Log, seq: number, logId = 'L') =>
  `${seq}${eventIdAt({ log, logId }, seq).rest}`;

describe('the id of an event', () => {
  it('begins with the seq, and says where the entry is from', () => {
    const log = logOf('one', '', 'two');
    for (const seq of [1, 2, 3, 4, 5, 6]) {
      const text = textAt(log, seq, 'Löwe\n');
      assert.match(text, /^[\x21-\x7e]+$/, 'it can be a header, and a line');
      const position = parseEventId(text) as LogPosition;
      const starts = log.epochs;
      const compared = { logId: 'Löwe\n', starts, length: 6, shown: 6 };
      assert.equal(comparePosition(compared, position, ID_DIGESTS), 'same');
      assert.deepEqual(position, {
        seq,
        log: ID_DIGESTS.log('Löwe\n'),
        epoch: seq < 3 ? 1 : seq < 5 ? 2 : 3,
        writer: seq < 3 ? ID_DIGESTS.writer('one') : seq < 5 ? '' : ID_DIGESTS.writer('two'),
        firstSeq: seq < 3 ? 1 : seq < 5 ? 3 : 5,
        previous: {
          epoch: seq < 3 ? 0 : seq < 5 ? 1 : 2,
          writer: seq < 3 || seq > 4 ? '' : ID_DIGESTS.writer('one'),
        },
      });
    }
  });

  it('is the same but for the seq up to the end of what one master wrote', () => {
    const log = logOf('one', 'two');
    const lasts = [1, 2, 3, 4].map((seq) => eventIdAt({ log, logId: 'L' }, seq).last);
    assert.deepEqual(lasts, [2, 2, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
    assert.equal(eventIdAt({ log, logId: 'L' }, 3).rest, eventIdAt({ log, logId: 'L' }, 4).rest);
  });

  it('differs for other logs and other writers, however many there are', () => {
    const ids = new Set<string>();
    for (let i = 0; i < 3000; i += 1) {
      ids.add(textAt(logOf('one'), 1, `log ${i}`)).add(textAt(logOf(`writer ${i}`), 1));
    }
    assert.equal(ids.size, 6000);
  });

  it('is a position in any log when it is a seq alone', () => {
    assert.deepEqual(['0', '7', '0012'].map(parseEventId), [1, 8, 13]);
  });

  const good = textAt(logOf('one', 'two'), 3);
  const bad = [
    '',
    'x',
    '-1',
    '1.5',
    '9007199254740991',
    '3-',
    `${good} `,
    `${good}-`,
    `x${good}`,
    good.slice(1),
    good.replace('3-', '2-'),
    good.replace('.3.', '.0.'),
    good.replace('.3.', '..'),
    good.replace(/\.[^.]*$/, ''),
    good.replace(/\.[\w-]{5}\./, '.four.'),
  ];
  for (const text of bad) {
    it(`is not ${JSON.stringify(text)}`, () => {
      const isBadRange = (error: unknown) =>
        error instanceof HttpProblem && error.problem === 'bad-range';
      assert.throws(() => parseEventId(text), isBadRange);
    });
  }
});
