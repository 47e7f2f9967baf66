/** Every append that is accepted fits a frame, in any configuration: the inequality of `limits.ts`. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type EpochStart, WHOLE } from '../../../src/lib/core/log/epochs.ts';
import { KeyIndex } from '../../../src/lib/core/log/idempotency.ts';
import { Log } from '../../../src/lib/core/log/log.ts';
import { frameEnd } from '../../../src/lib/core/replication/frame-end.ts';
import { FRAME_EPOCHS_MAX } from '../../../src/lib/core/replication/outgoing-stream.ts';
import { ByteBudget } from '../../../src/lib/http/byte-buffer.ts';
import {
  appendBodyBytesMax,
  BATCH_MESSAGES_MAX,
  BODIES_BYTES_MAX,
  FRAME_LINE_BYTES_MAX,
  FRAME_LINES_BYTES_MAX,
  FRAME_MESSAGES_TAKEN_MAX,
  frameLineBytesMax,
  MESSAGE_BYTES_CEILING,
  PEER_NAME_LENGTH_MAX,
} from '../../../src/lib/http/limits.ts';
import { checkSizes } from '../../../src/lib/runtime/config.ts';
import { readAppend } from '../../../src/lib/wire/append-body.ts';
import { encodeFrame, readFrame } from '../../../src/lib/wire/frame.ts';
import { LineSplitter } from '../../../src/lib/wire/lines.ts';

const LAST_SEQ = 2 ** 53 - 1_000_000;
/** Each of its characters takes six bytes as JSON. */
const LONGEST_NAME = '\u0001'.repeat(PEER_NAME_LENGTH_MAX);
const LONGEST_KEY = '"'.repeat(255);

const configured = fc.oneof(
  fc.constantFrom(1, 1024 * 1024, MESSAGE_BYTES_CEILING),
  fc.integer({ min: 1, max: MESSAGE_BYTES_CEILING }),
);

/** A list of so many epochs, the last of which begins at `seq`. */
function epochsUpTo(seq: number, count: number, writer: string): EpochStart[] {
  return Array.from({ length: count }, (_, i) => {
    const epoch = 2 ** 48 - count + 1 + i;
    return { epoch, writer, firstSeq: i === 0 ? 1 : seq - count + 1 + i };
  });
}

/** The line of the one frame for this body, as a keyed append to an empty log, with this list of epochs. */
function frameOf(body: Uint8Array, messageBytesMax: number, name: string, epochs: EpochStart[]) {
  const { messages } = readAppend(body, messageBytesMax);
  const [log, keys] = [new Log(), new KeyIndex()];
  const texts = Buffer.from(messages.bytes).toString('latin1');
  log.append(messages, { epoch: 1, writer: name });
  const { length } = log;
  for (let seq = 1; seq <= length; seq += 1) keys.record(LONGEST_KEY, seq);
  assert.equal(frameEnd(log, keys, 1, length), length, 'a keyed append is one frame');
  const origin = { logId: name, epoch: 2 ** 48, writer: name };
  const frame = { ...origin, log, keys, from: 1, to: length, epochs, part: WHOLE };
  const line = Buffer.concat(encodeFrame(frame)).subarray(0, -1);
  return { texts, line, count: length };
}

describe('what an append may bring', () => {
  it('fits a frame, and all frames that arrive at once, whatever is configured', () => {
    fc.assert(
      fc.property(configured, (messageBytesMax) => {
        assert(frameLineBytesMax(messageBytesMax) <= FRAME_LINE_BYTES_MAX);
        assert(appendBodyBytesMax(messageBytesMax) <= BODIES_BYTES_MAX);
        assert(appendBodyBytesMax(messageBytesMax) > 6 * messageBytesMax);
      }),
    );
    assert(FRAME_LINE_BYTES_MAX <= FRAME_LINES_BYTES_MAX);
    assert(BATCH_MESSAGES_MAX <= FRAME_MESSAGES_TAKEN_MAX);
  });

  const name = fc
    .string({ unit: 'binary', minLength: 1, maxLength: PEER_NAME_LENGTH_MAX })
    .map((text) => text.slice(0, PEER_NAME_LENGTH_MAX).toWellFormed());
  const text = fc.oneof(
    fc.string({ unit: 'binary' }).map((one) => JSON.stringify(one.toWellFormed())),
    fc.constantFrom('"\\u0041"', '"\\/"', '"\\u000a"', '"\\ud83d\\ude00"', '"\u007f"', '"\u2028"'),
    fc.integer({ min: 0, max: 300 }).map((length) => `"${'\\u0001'.repeat(length)}"`),
  );

  it('becomes a line that is longer than its body by no more than there is room for', () => {
    const around = frameLineBytesMax(1) - appendBodyBytesMax(1);
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 1, maxLength: 40 }),
        fc.constantFrom(',', ', ', ' ,\n'),
        name,
        fc.integer({ min: 0, max: FRAME_EPOCHS_MAX }),
        (texts, comma, names, count) => {
          const body = Buffer.from(`{"messages":[${texts.join(comma)}]}`);
          const bodyBytes = body.length;
          const epochs = epochsUpTo(count, count, names);
          const { line, texts: kept, count: length } = frameOf(body, 10_000, names, epochs);
          assert(line.length <= bodyBytes + around);
          const read = readFrame(line);
          assert.equal(Buffer.from(read.messages.bytes).toString('latin1'), kept);
          assert.deepEqual(read.epochs, count === 0 ? null : epochs);
          assert.equal(read.keys.length, length);
          assert(read.keys.every(([seq, key], i) => seq === i + 1 && key === LONGEST_KEY));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('is taken whole at its largest: 10,000 messages, the longest key, names and list of epochs', () => {
    const bytesMax = appendBodyBytesMax(MESSAGE_BYTES_CEILING);
    const around = '{"messages":[]}'.length + 3 * BATCH_MESSAGES_MAX - 1;
    const each = Math.floor((bytesMax - around) / BATCH_MESSAGES_MAX);
    const message = `"${'x'.repeat(each)}"`;
    const body = Buffer.from(`{"messages":[${Array(BATCH_MESSAGES_MAX).fill(message).join(',')}]}`);
    assert(body.length <= bytesMax && body.length > bytesMax - BATCH_MESSAGES_MAX);
    const epochs = epochsUpTo(LAST_SEQ, FRAME_EPOCHS_MAX, LONGEST_NAME);
    const { line, texts } = frameOf(body, MESSAGE_BYTES_CEILING, LONGEST_NAME, epochs);
    assert(line.length <= frameLineBytesMax(MESSAGE_BYTES_CEILING));
    const budget = new ByteBudget(FRAME_LINES_BYTES_MAX);
    const lines = new LineSplitter(FRAME_LINE_BYTES_MAX, budget);
    const taken: Uint8Array[] = [];
    for (let at = 0; at < line.length; at += 65_536) {
      taken.push(...lines.push(line.subarray(at, at + 65_536)));
    }
    taken.push(...lines.push(Buffer.from('\n')));
    assert.equal(taken.length, 1);
    const frame = readFrame(taken[0] as Uint8Array);
    assert.equal(frame.messages.ends.length, BATCH_MESSAGES_MAX);
    assert(Buffer.from(frame.messages.bytes).toString('latin1') === texts);
    assert.equal(frame.keys.length, BATCH_MESSAGES_MAX);
    assert.equal(frame.epochs?.length, FRAME_EPOCHS_MAX);
  });

  it('is checked at the start: limits that do not go together are a problem of the configuration', () => {
    const problems: string[] = [];
    const reader = { problem: (...words: string[]) => problems.push(words.join(' ')) };
    checkSizes(reader, MESSAGE_BYTES_CEILING);
    assert.deepEqual(problems, []);
    checkSizes(reader, MESSAGE_BYTES_CEILING, 6 * MESSAGE_BYTES_CEILING);
    assert.match(
      problems.join(),
      /^MAX_MESSAGE_BYTES must be smaller: .* 62914560 bytes 10485760$/,
    );
  });
});
