import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type EpochStart, WHOLE } from '../../../src/lib/core/log/epochs.ts';
import { KeyIndex } from '../../../src/lib/core/log/idempotency.ts';
import { Log } from '../../../src/lib/core/log/log.ts';
import { packMessages } from '../../../src/lib/core/log/messages.ts';
import type { OutgoingFrame } from '../../../src/lib/core/protocol.ts';
import { FRAME_JOINED_BYTES_MAX } from '../../../src/lib/http/limits.ts';
import { parseJson } from '../../../src/lib/wire/fields.ts';
import { encodeFrame as encodePieces, parseFrame } from '../../../src/lib/wire/frame.ts';
import { Dice, seeds, textOf } from '../support.ts';

type Origin = Pick<
  OutgoingFrame,
  'logId' | 'epoch' | 'writer' | 'bootId' | 'completeFrom' | 'committed'
>;

/** The line in one piece. */
function encodeFrame(
  origin: Origin,
  epochs: readonly EpochStart[] | null,
  log: Log,
  keys: KeyIndex,
  from: number,
  to: number,
  traces: [seq: number, parent: string][] = [],
  part = WHOLE,
): Buffer {
  return Buffer.concat(encodePieces({ ...origin, epochs, part, log, keys, from, to }, traces));
}

const ORIGIN = { logId: 'L', epoch: 1, writer: '' };

describe('encodeFrame', () => {
  it('writes the line of the contract, keys only where there are any', () => {
    const [log, keys] = [new Log(), new KeyIndex()];
    log.append(packMessages(['a', 'b"', 'c']), ORIGIN);
    keys.record('client-key', 3);
    assert.equal(
      textOf(encodeFrame(ORIGIN, null, log, keys, 1, 2)),
      '{"logId":"L","epoch":1,"from":1,"messages":["a","b\\""]}\n',
    );
    assert.equal(
      textOf(encodeFrame(ORIGIN, null, log, keys, 2, 3)),
      '{"logId":"L","epoch":1,"from":2,"messages":["b\\"","c"],"keys":{"3":"client-key"}}\n',
    );
  });

  it('writes the epochs of the contract, and who wrote them where that is known', () => {
    const [log, keys] = [new Log(), new KeyIndex()];
    log.append(packMessages(['a']), { epoch: 1, writer: '' });
    const line = (origin: Origin, starts: readonly EpochStart[]) =>
      textOf(encodeFrame(origin, starts, log, keys, 1, 1));
    const unnamed = [
      { epoch: 1, writer: '', firstSeq: 1 },
      { epoch: 2, writer: '', firstSeq: 51 },
    ];
    assert.equal(
      line({ ...ORIGIN, epoch: 2 }, unnamed),
      '{"logId":"L","epoch":2,"from":1,"epochs":[[1,1],[2,51]],"messages":["a"]}\n',
    );
    const named = [...unnamed, { epoch: 3, writer: 'W', firstSeq: 60 }];
    assert.equal(
      line({ ...ORIGIN, epoch: 3, writer: 'W' }, named),
      '{"logId":"L","epoch":3,"writer":"W","from":1,"epochs":[[1,1],[2,51],[3,60]],' +
        '"writers":[null,null,"W"],"messages":["a"]}\n',
    );
  });

  it('writes for whom it is, from where that is complete, and what is committed', () => {
    const [log, keys] = [new Log(), new KeyIndex()];
    log.append(packMessages(['a']), ORIGIN);
    const line = (more: Partial<Origin>) =>
      textOf(encodeFrame({ ...ORIGIN, writer: 'W', ...more }, null, log, keys, 1, 1));
    assert.equal(
      line({ bootId: 'B', completeFrom: 0, committed: 0 }),
      '{"logId":"L","epoch":1,"writer":"W","bootId":"B","completeFrom":0,"committed":0,"from":1,"messages":["a"]}\n',
    );
    assert.equal(
      line({ committed: 7 }),
      '{"logId":"L","epoch":1,"writer":"W","committed":7,"from":1,"messages":["a"]}\n',
    );
  });

  it('writes a part of a long list of epochs under another name', () => {
    const [log, keys] = [new Log(), new KeyIndex()];
    log.append(packMessages(['a']), { epoch: 1, writer: 'W' });
    const starts = [{ epoch: 7, writer: 'W', firstSeq: 9 }];
    const part = { offset: 6, hasMore: true };
    assert.equal(
      textOf(encodeFrame({ ...ORIGIN, writer: 'W' }, starts, log, keys, 2, 1, [], part)),
      '{"logId":"L","epoch":1,"writer":"W","from":2,"epochsPart":[[7,9]],"writers":["W"],' +
        '"epochsOffset":6,"epochsMore":true,"messages":[]}\n',
    );
  });

  it('copies a small frame, and not the messages of a large one', () => {
    const [log, keys] = [new Log(), new KeyIndex()];
    const text = 'x'.repeat(FRAME_JOINED_BYTES_MAX / 2);
    log.append(packMessages(['a', text, text]), ORIGIN);
    assert.equal(
      encodePieces({ ...ORIGIN, epochs: null, part: WHOLE, log, keys, from: 1, to: 2 }).length,
      1,
    );
    const [, slice] = encodePieces({
      ...ORIGIN,
      epochs: null,
      part: WHOLE,
      log,
      keys,
      from: 2,
      to: 3,
    });
    assert.equal(slice?.buffer, log.slices(2, 3)[0]?.buffer);
  });

  it('writes a frame without messages, which only compares', () => {
    const [log, keys] = [new Log(), new KeyIndex()];
    assert.equal(
      textOf(encodeFrame(ORIGIN, [{ epoch: 1, writer: '', firstSeq: 1 }], log, keys, 1, 0)),
      '{"logId":"L","epoch":1,"from":1,"epochs":[[1,1]],"messages":[]}\n',
    );
  });

  it('is read back as it was meant, for 200 random logs', () => {
    for (const seed of seeds(200)) {
      const dice = new Dice(seed);
      const [log, keys] = [new Log(), new KeyIndex()];
      const messages = dice.list(dice.integer(1, 20), () => dice.text(8));
      log.append(packMessages(messages), ORIGIN);
      for (const index of messages.keys()) {
        if (dice.chance(0.3)) keys.record(`key "${index}"`, index + 1);
      }
      const from = dice.integer(1, messages.length);
      const to = dice.integer(from, messages.length);
      const origin = {
        logId: 'L',
        epoch: 9,
        writer: dice.pick(['', 'W']),
        ...dice.pick([{}, { bootId: 'B "1"' }, { bootId: 'B', completeFrom: dice.integer(0, 9) }]),
        ...dice.pick([{}, { committed: dice.integer(0, 9) }]),
      };
      const epochs = dice.pick([null, randomStarts(dice)]);
      const line = encodeFrame(origin, epochs, log, keys, from, to);
      assert.equal(line.indexOf(0x0a), line.length - 1, 'one line');
      assert.deepEqual(parseFrame(parseJson(line)), {
        ...origin,
        from,
        messages: packMessages(messages.slice(from - 1, to)),
        keys: keys.within(from, to),
        epochs,
      });
    }
  });
});

function randomStarts(dice: Dice): EpochStart[] {
  let start: EpochStart = { epoch: 1, writer: 'A', firstSeq: 1 };
  return dice.list(dice.integer(1, 5), () => {
    const { epoch, firstSeq } = start;
    const next = { firstSeq: firstSeq + dice.integer(1, 9) };
    const before = start;
    // Sometimes two writers of one epoch, as two masters that took the same epoch leave them.
    start =
      before.writer === 'A' && dice.chance(0.3)
        ? { ...next, epoch, writer: 'B' }
        : { ...next, epoch: epoch + 1, writer: dice.pick(['', 'A', 'B']) };
    return before;
  });
}
