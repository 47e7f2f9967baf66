import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { EpochStart } from '../../../../src/lib/core/log/epochs.ts';
import { Log, SEGMENT_BYTES } from '../../../../src/lib/core/log/log.ts';
import { packMessages } from '../../../../src/lib/core/log/messages.ts';
import { Dice, messagesOf, seeds, textOf } from '../../support.ts';

const RealBytes = globalThis.Uint8Array;
const ONE = { epoch: 1, writer: '' };

/** The same log, as an array of strings: slow, and plainly right. */
class ReferenceLog {
  /** The JSON texts. */
  readonly texts: string[] = [];
  readonly epochs: number[] = [];

  append(messages: readonly string[], epoch: number): void {
    for (const message of messages) {
      this.texts.push(JSON.stringify(message));
      this.epochs.push(epoch);
    }
  }

  truncate(length: number): void {
    this.texts.length = Math.min(this.texts.length, length);
    this.epochs.length = this.texts.length;
  }

  /** Each with a comma, and four bytes that say where it ends. */
  get bytes(): number {
    return this.texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 5, 0);
  }

  get epochStarts(): EpochStart[] {
    const all = this.epochs.map((epoch, index) => ({ epoch, writer: '', firstSeq: index + 1 }));
    return all.filter(({ epoch }, index) => epoch !== this.epochs[index - 1]);
  }

  slice(from: number, to: number): string {
    return this.texts.slice(from - 1, to).join(',');
  }

  /** A page counts every message with one comma. */
  pageEnd(from: number, to: number, bytesMax: number): number {
    const bytesAt = (seq: number) => Buffer.byteLength(this.texts[seq - 1] as string) + 1;
    let end = from;
    let bytes = bytesAt(from);
    while (end < to && bytes + bytesAt(end + 1) <= bytesMax) {
      end += 1;
      bytes += bytesAt(end);
    }
    return end;
  }

  differsAt(from: number, messages: readonly string[]): number | null {
    const mine = this.texts.slice(from - 1, from - 1 + messages.length);
    const index = mine.findIndex((text, i) => text !== JSON.stringify(messages[i]));
    return index < 0 ? null : from + index;
  }
}

/** From now on memory is there for so many segments of a log. */
function allowSegments(t: TestContext, segments: number): void {
  let left = segments;
  globalThis.Uint8Array = new Proxy(RealBytes, {
    construct: (target, [size, ...rest]) => {
      if (size >= SEGMENT_BYTES) left -= 1;
      if (left < 0) throw new RangeError('Array buffer allocation failed');
      return new target(size, ...rest);
    },
  });
  t.after(() => {
    globalThis.Uint8Array = RealBytes;
  });
}

/** Appends random batches to both logs: mostly short messages, some that fill a segment or more. */
function grow(dice: Dice, log: Log, model: ReferenceLog, longMessages: boolean): void {
  let epoch = (model.epochs.at(-1) ?? 0) + 1;
  for (let step = dice.integer(1, 12); step > 0; step -= 1) {
    if (dice.chance(0.3)) epoch += dice.integer(1, 3);
    const batch = dice.list(dice.integer(0, 30), () => dice.text(12));
    if (longMessages && dice.chance(0.5)) {
      const length = dice.pick([SEGMENT_BYTES / 3, SEGMENT_BYTES - 3, SEGMENT_BYTES, 1_300_000]);
      batch.splice(dice.integer(0, batch.length), 0, 'x'.repeat(length));
    }
    assert.equal(log.append(packMessages(batch), { epoch, writer: '' }), model.texts.length + 1);
    model.append(batch, epoch);
  }
}

function assertSame(dice: Dice, log: Log, model: ReferenceLog): void {
  const length = model.texts.length;
  assert.equal(log.length, length);
  assert.equal(log.bytes, model.bytes);
  assert.deepEqual(log.epochs, model.epochStarts);
  for (let seq = 1; seq <= length; seq += 1) {
    assert.equal(textOf(log.textAt(seq)), model.texts[seq - 1]);
    assert.equal(log.epochAt(seq), model.epochs[seq - 1]);
  }
  for (let round = 0; length > 0 && round < 20; round += 1) {
    const from = dice.integer(1, length);
    const to = dice.integer(from, length);
    const expected = model.slice(from, to);
    assert.equal(log.slices(from, to).map(textOf).join(''), expected);
    assert.equal(log.sliceBytes(from, to), Buffer.byteLength(expected));
    const bytesMax = dice.pick([0, 1, 20, 300, SEGMENT_BYTES, 2 * SEGMENT_BYTES, 1e9]);
    assert.equal(log.pageEnd(from, to, bytesMax), model.pageEnd(from, to, bytesMax));
    const other = model.texts
      .slice(from - 1, to + dice.integer(0, 2))
      .map((text) => JSON.parse(text) as string);
    if (dice.chance(0.5)) other[dice.integer(0, other.length - 1)] = dice.text(12);
    if (dice.chance(0.5)) other.push('beyond');
    assert.equal(log.differsAt(from, packMessages(other)), model.differsAt(from, other));
  }
}

describe('Log', () => {
  it('begins empty, without epochs', () => {
    const log = new Log();
    assert.deepEqual([log.length, log.bytes, log.epochs], [0, 0, []]);
    assert.deepEqual(log.slices(1, 0), []);
    assert.equal(log.sliceBytes(1, 0), 0);
  });

  it('gives seqs 1, 2, 3 in the order of the appends, a batch consecutive ones', () => {
    const log = new Log();
    assert.equal(log.append(packMessages(['a']), ONE), 1);
    assert.equal(log.append(packMessages(['b', 'c']), ONE), 2);
    assert.equal(log.append(packMessages(['d']), ONE), 4);
    assert.deepEqual(messagesOf(log), ['a', 'b', 'c', 'd']);
  });

  it('is not changed by an empty batch, not even its epochs', () => {
    const log = new Log();
    log.append(packMessages(['a']), ONE);
    log.append(packMessages([]), { epoch: 2, writer: '' });
    assert.deepEqual([log.length, log.epochs], [1, [{ ...ONE, firstSeq: 1 }]]);
  });

  it('keeps each epoch with the first seq written under it', () => {
    const log = new Log();
    for (const [message, epoch] of [
      ['a', 1],
      ['b', 1],
      ['c', 4],
      ['d', 4],
      ['e', 9],
    ] as const) {
      log.append(packMessages([message]), { epoch, writer: '' });
    }
    assert.deepEqual(log.epochs, [
      { epoch: 1, writer: '', firstSeq: 1 },
      { epoch: 4, writer: '', firstSeq: 3 },
      { epoch: 9, writer: '', firstSeq: 5 },
    ]);
    assert.deepEqual(
      [1, 2, 3, 4, 5].map((seq) => log.epochAt(seq)),
      [1, 1, 4, 4, 9],
    );
  });

  it('knows no epoch before the first message', () => {
    assert.throws(() => new Log().epochAt(0), RangeError);
  });

  it('ends a page at the last message that fits, but has at least one', () => {
    const log = new Log();
    log.append(packMessages(['aa', 'bb', 'cc']), ONE); // each 5 bytes with its comma
    const table: [from: number, to: number, bytesMax: number, end: number][] = [
      [1, 3, 0, 1],
      [1, 3, 9, 1],
      [1, 3, 10, 2],
      [1, 3, 14, 2],
      [1, 3, 15, 3],
      [2, 3, 5, 2],
      [1, 2, 100, 2],
      [4, 3, 100, 3],
    ];
    for (const [from, to, bytesMax, end] of table) {
      assert.equal(log.pageEnd(from, to, bytesMax), end, `page of ${from}..${to} in ${bytesMax}`);
    }
  });

  it('takes a message larger than a segment, between small ones', () => {
    const log = new Log();
    const large = '€'.repeat(SEGMENT_BYTES);
    log.append(packMessages(['before', large, 'after']), ONE);
    assert.deepEqual(messagesOf(log), ['before', large, 'after']);
    assert.equal(log.pageEnd(1, 3, SEGMENT_BYTES), 1);
    assert.equal(log.pageEnd(1, 2, SEGMENT_BYTES), 1);
    assert.equal(log.pageEnd(2, 3, SEGMENT_BYTES), 2);
  });

  it('counts a page across segments by the bytes of its messages alone', () => {
    const log = new Log();
    const text = (part: number) => 'x'.repeat(SEGMENT_BYTES * part - 3);
    log.append(packMessages([text(0.5), text(0.25), text(0.5), text(0.25)]), ONE);
    assert.equal(log.pageEnd(2, 4, SEGMENT_BYTES * 0.75), 3);
    assert.equal(log.pageEnd(2, 4, SEGMENT_BYTES * 0.75 - 1), 2);
  });

  it('agrees with messages as far as it reaches, and with any that begin behind its end', () => {
    const log = new Log();
    log.append(packMessages(['a', 'b']), ONE);
    const table: [from: number, messages: string[], differsAt: number | null][] = [
      [1, ['a', 'b'], null],
      [1, ['a', 'x'], 2],
      [1, ['a', 'bb'], 2],
      [2, ['b', 'anything'], null],
      [2, ['a'], 2],
      [3, ['anything'], null],
      [9, ['anything'], null],
      [1, [], null],
    ];
    for (const [from, messages, seq] of table) {
      assert.equal(log.differsAt(from, packMessages(messages)), seq, `${messages} at ${from}`);
    }
  });

  it('is as it was where memory ends in the middle of a batch, and reads the next seq right', (t) => {
    const log = new Log();
    log.append(packMessages(['a', 'b']), ONE);
    const large = [
      'in the room that is left',
      'x'.repeat(SEGMENT_BYTES),
      'y'.repeat(SEGMENT_BYTES),
    ];
    const batch = packMessages(large);
    for (let segments = 0; segments < 2; segments += 1) {
      allowSegments(t, segments);
      assert.throws(() => log.append(batch, { epoch: 2, writer: '' }), RangeError);
      allowSegments(t, Number.POSITIVE_INFINITY);
      assert.deepEqual([messagesOf(log), log.epochs.length], [['a', 'b'], 1]);
    }
    log.append(packMessages(['c']), ONE);
    assert.deepEqual(messagesOf(log), ['a', 'b', 'c']);
    allowSegments(t, 0);
    assert.throws(() => log.truncate(2), RangeError);
    allowSegments(t, Number.POSITIVE_INFINITY);
    assert.deepEqual([messagesOf(log), log.cuts], [['a', 'b', 'c'], 0]);
    log.append(batch, { epoch: 2, writer: '' });
    assert.deepEqual(messagesOf(log), ['a', 'b', 'c', ...large]);
  });

  it('does what an array of strings does, on 200 random logs of short messages', () => {
    for (const seed of seeds(200)) {
      const dice = new Dice(seed);
      const log = new Log();
      const model = new ReferenceLog();
      grow(dice, log, model, false);
      assertSame(dice, log, model);
    }
  });

  it('does so with messages around and above the size of a segment', () => {
    for (const seed of seeds(6)) {
      const dice = new Dice(seed);
      const log = new Log();
      const model = new ReferenceLog();
      grow(dice, log, model, true);
      assertSame(dice, log, model);
    }
  });
});

describe('Log: truncated', () => {
  it('forgets what is behind the cut, its epochs and its bytes included', () => {
    const log = new Log();
    log.append(packMessages(['a', 'bb']), ONE);
    log.append(packMessages(['c', 'd']), { epoch: 2, writer: 'W' });
    log.truncate(3);
    assert.deepEqual(messagesOf(log), ['a', 'bb', 'c']);
    assert.deepEqual([log.bytes, log.epochs.length, log.cuts], [4 + 3 * 7, 2, 1]);
    log.truncate(2);
    assert.deepEqual(log.epochs, [{ ...ONE, firstSeq: 1 }]);
    assert.equal(log.append(packMessages(['x']), { epoch: 3, writer: 'W' }), 3);
    assert.deepEqual(messagesOf(log), ['a', 'bb', 'x']);
    assert.equal(log.epochAt(3), 3);
    log.truncate(0);
    assert.deepEqual([log.length, log.bytes, log.epochs], [0, 0, []]);
    assert.equal(log.append(packMessages(['y']), ONE), 1);
  });

  it('is not cut where there is nothing behind', () => {
    const log = new Log();
    log.truncate(0);
    log.append(packMessages(['a']), ONE);
    log.truncate(1);
    log.truncate(9);
    assert.deepEqual([log.length, log.cuts], [1, 0]);
  });

  it('leaves slices that were handed out as they are, whatever is written there then', () => {
    const log = new Log();
    log.append(packMessages(['a', 'old']), ONE);
    const before = log.slices(1, 2);
    const text = log.textAt(2);
    log.truncate(1);
    log.append(packMessages(['new']), { epoch: 2, writer: '' });
    assert.equal(before.map(textOf).join(''), '"a","old"');
    assert.equal(textOf(text), '"old"');
    assert.deepEqual(messagesOf(log), ['a', 'new']);
  });

  /** Grows and cuts both logs by turns; slices handed out on the way must never change. */
  function cutAndGrow(dice: Dice, rounds: number, longMessages: boolean): void {
    const log = new Log();
    const model = new ReferenceLog();
    const handedOut: { slices: Uint8Array[]; text: string }[] = [];
    for (let round = 0; round < rounds; round += 1) {
      grow(dice, log, model, longMessages);
      const length = model.texts.length;
      if (length > 0) {
        const from = dice.integer(1, length);
        handedOut.push({ slices: log.slices(from, length), text: model.slice(from, length) });
      }
      const cutAt = dice.integer(0, length + 1);
      log.truncate(cutAt);
      model.truncate(cutAt);
      assertSame(dice, log, model);
    }
    for (const { slices, text } of handedOut) {
      assert.equal(slices.map(textOf).join(''), text);
    }
  }

  it('does what cutting an array of strings does, on 200 random logs', () => {
    for (const seed of seeds(200)) cutAndGrow(new Dice(seed), 4, false);
  });

  it('does so with messages around and above the size of a segment', () => {
    for (const seed of seeds(4)) cutAndGrow(new Dice(seed), 3, true);
  });
});

describe('Log: its revision', () => {
  it('is another one after a cut or another ballot, and not after more entries', () => {
    const log = new Log();
    const changes = (act: () => void) => {
      const before = log.revision;
      act();
      return log.revision !== before;
    };
    const append = (epoch: number) => log.append(packMessages(['a']), { epoch, writer: 'A' });
    const steps: [act: () => void, isAnother: boolean][] = [
      [() => append(1), true],
      [() => append(1), false],
      [() => append(2), true],
      [() => log.beginEpoch({ epoch: 3, writer: 'A' }), true],
      [() => log.beginEpoch({ epoch: 3, writer: 'A' }), false],
      [() => log.truncate(1), true],
    ];
    for (const [act, isAnother] of steps) assert.equal(changes(act), isAnother, `${act}`);
  });
});

describe('Log: an epoch that wrote nothing', () => {
  it('leaves no trace when entries of the epoch before it follow', () => {
    const log = new Log();
    const before = { epoch: 4, writer: 'b' };
    log.append(packMessages(['x']), before);
    log.beginEpoch({ epoch: 5, writer: 'a' });
    log.append(packMessages(['y']), before);
    assert.deepEqual(log.epochs, [{ ...before, firstSeq: 1 }]);
  });
});
