/** A few frames in every order in which they can come to a secondary, some twice, some never. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EpochStart } from '../../src/lib/core/log/epochs.ts';
import { packMessages } from '../../src/lib/core/log/messages.ts';
import type { Frame } from '../../src/lib/core/protocol.ts';
import { type FrameAnswer, Secondary } from '../../src/lib/core/secondary.ts';
import { messagesOf } from './invariants.ts';

/** A frame: the texts from this seq on. */
interface Brought {
  readonly from: number;
  readonly texts: readonly string[];
  readonly writer: Writer;
}

interface Writer {
  readonly epoch: number;
  readonly log: readonly string[];
  readonly epochs: readonly EpochStart[];
}

const FIRST: Writer = {
  epoch: 1,
  log: ['one', 'two', 'three', 'four', 'five'],
  epochs: [{ epoch: 1, firstSeq: 1, writer: 'm/1' }],
};
/** The next master goes on behind the first entry. */
const SECOND: Writer = {
  epoch: 2,
  log: ['one', 'other two', 'other three'],
  epochs: [...FIRST.epochs, { epoch: 2, firstSeq: 2, writer: 'm/2' }],
};

describe('a secondary, whatever the order of frames', () => {
  it('shows the contiguous prefix of what came, and says so: any five of five frames', (t) => {
    const frames = FIRST.log.map((_, i) => brought(FIRST, i + 1, i + 1));
    t.diagnostic(`${visit(frames, 6)} orders visited`);
  });

  it('does so when frames overlap', (t) => {
    const ranges = [
      [1, 2],
      [2, 3],
      [3, 5],
      [1, 1],
      [4, 4],
    ] as const;
    const frames = ranges.map(([from, to]) => brought(FIRST, from, to));
    t.diagnostic(`${visit(frames, 5)} orders visited`);
  });

  it('shows one epoch or the next, never both mixed, when frames of two come', (t) => {
    const frames = [FIRST, SECOND].flatMap((writer) =>
      [1, 2, 3].map((seq) => brought(writer, seq, seq)),
    );
    t.diagnostic(`${visit(frames, 5)} orders visited`);
  });
});

function brought(writer: Writer, from: number, to: number): Brought {
  return { writer, from, texts: writer.log.slice(from - 1, to) };
}

/** Delivers every word of this length over these frames; returns how many words there are. */
function visit(frames: readonly Brought[], length: number): number {
  const words = frames.length ** length;
  for (let word = 0; word < words; word += 1) {
    const order: Brought[] = [];
    for (let rest = word, i = 0; i < length; i += 1, rest = Math.floor(rest / frames.length)) {
      order.push(frames[rest % frames.length] as Brought);
    }
    deliver(order);
  }
  return words;
}

function deliver(order: readonly Brought[]): void {
  const faults = { delayMs: 0, errorRate: 0, errorAfterApplyRate: 0 };
  const secondary = new Secondary({ nodeId: 's', bootId: 'b', faults }, () => {});
  const model = new ReferenceModel();
  for (const [index, one] of order.entries()) {
    const answers: FrameAnswer[] = [];
    secondary.receive(frameOf(one), [1, 1], 0, (answer) => answers.push(answer));
    const isTaken = model.receive(one);
    const name = () => story(order.slice(0, index + 1));
    assert.equal(answers.length, 1, name());
    assert.equal(answers[0]?.kind, isTaken ? 'ack' : 'refused', name());
    if (answers[0]?.kind === 'ack') assert.equal(answers[0].ack.length, model.shown.length, name());
    assert.equal(secondary.length, model.shown.length, name());
    assert.equal(secondary.held, model.held.size, name());
  }
  assert.deepEqual(messagesOf(secondary.log), model.shown, story(order));
  const keys = model.shown.map((text, i) => [i + 1, text]);
  assert.deepEqual(secondary.keys.within(1, 9), keys, story(order));
}

function story(order: readonly Brought[]): string {
  return order
    .map(({ writer, from, texts }) => `${writer.epoch}:${from}+${texts.length}`)
    .join(' ');
}

function frameOf({ writer: { epoch, epochs }, from, texts }: Brought): Frame {
  const keys = texts.map((text, i) => [from + i, text] as const);
  const messages = packMessages(texts);
  return { logId: 'L', epoch, writer: `m/${epoch}`, from, messages, keys, epochs };
}

/** A reference model of the same rules, as plain as possible. */
class ReferenceModel {
  shown: string[] = [];
  readonly held = new Map<number, string>();
  #writer: Writer | null = null;

  /** Returns whether the frame is accepted. */
  receive({ writer, from, texts }: Brought): boolean {
    if (this.#writer !== null && writer.epoch < this.#writer.epoch) return false;
    if (writer !== this.#writer) this.#turnTo(writer);
    for (const [i, text] of texts.entries()) {
      if (from + i > this.shown.length) this.held.set(from + i, text);
    }
    for (let seq = this.shown.length + 1; this.held.has(seq); seq += 1) {
      this.shown.push(this.held.get(seq) as string);
      this.held.delete(seq);
    }
    return true;
  }

  #turnTo(writer: Writer): void {
    this.#writer = writer;
    this.held.clear();
    const parts = this.shown.findIndex((text, i) => text !== writer.log[i]);
    if (parts >= 0) this.shown.length = parts;
  }
}
