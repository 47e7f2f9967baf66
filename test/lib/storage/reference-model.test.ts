/** The log on disk against a model that is too simple to be wrong: an array. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { describe, it } from 'node:test';
import type { EpochStart } from '../../../src/lib/core/log/epochs.ts';
import type { EntryKeys } from '../../../src/lib/core/log/journal.ts';
import { packMessages } from '../../../src/lib/core/log/messages.ts';
import {
  type Ballot,
  compareBallots,
  NO_BALLOT,
  newerBallot,
} from '../../../src/lib/core/recovery/ballot.ts';
import {
  diskWith,
  failure,
  logPath,
  type Opened,
  open,
  type Plain,
  plain,
  temporary,
} from './support.ts';

const STEPS = 3000;
const TEXTS = ['', 'a', 'Msg "quoted"\n', 'ключ і замок', '🦔', 'x'.repeat(400), '{"seq":1}', '\\'];

/** Repeatable numbers 0..below - 1. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

class Pair {
  readonly #path: string;
  readonly #roll: (below: number) => number;
  readonly #model: Plain = { logId: null, ballot: NO_BALLOT, isComplete: false, entries: [] };
  #writer: Ballot = { epoch: 1, writer: 'w1' };
  /** A node has promised the ballot of its entries, also if it was never asked to. */
  #newest = NO_BALLOT;
  #names = 0;
  #roomBytes = Number.POSITIVE_INFINITY;
  #opened: Opened | null = null;
  readonly done: Record<string, number> = {};

  constructor(path: string, seed: number) {
    this.#path = path;
    this.#roll = dice(seed);
  }

  async step(): Promise<void> {
    this.#opened ??= await this.#open();
    const { replica } = this.#opened;
    this.#roomBytes = this.#roll(5) === 0 ? this.#roll(400) : Number.POSITIVE_INFINITY;
    const kind = this.#roll(100);
    if (replica.logId === null || kind === 0) this.#begin(replica.log.length);
    else if (kind < 70) this.#append();
    else if (kind < 80) this.#cut();
    else if (kind < 88) this.#promise();
    else if (kind < 90) this.#beginEpoch();
    else if (kind < 92) this.#complete();
    else await this.#reopen(kind % 3);
    assert.deepEqual(plain(this.#opened?.replica ?? (await this.#again()).replica), this.#model);
  }

  async close(): Promise<void> {
    await this.#opened?.storage.close();
  }

  #begin(length: number): void {
    const { replica } = this.#opened as Opened;
    if (length > 0 && !replica.cut(0)) return;
    this.#model.entries.length = 0;
    this.#names += 1;
    if (!replica.begin(`log-${this.#names}`)) {
      this.#count('no room to begin');
      return;
    }
    // Only the promise outlives the log.
    this.#model.isComplete = false;
    this.#newest = this.#model.ballot;
    this.#model.logId = `log-${this.#names}`;
    this.#count('begin');
  }

  #append(): void {
    const { entries } = this.#model;
    if (this.#roll(10) === 0) this.#nextWriter();
    const texts = Array.from(
      { length: 1 + this.#roll(4) },
      () => TEXTS[this.#roll(TEXTS.length)] as string,
    );
    const keys: [number, string][] = [];
    let key = '';
    texts.forEach((_, i) => {
      if (i === 0 || this.#roll(3) === 0) key = this.#roll(2) === 0 ? '' : `key ${this.#roll(1e9)}`;
      if (key !== '') keys.push([entries.length + 1 + i, key]);
    });
    const first = entries.length + 1;
    const starts = this.#startsFrom(first, texts.length);
    const [{ epoch, writer }, ...later] = starts as [EpochStart, ...EpochStart[]];
    const packed = packMessages(texts);
    const { replica } = this.#opened as Opened;
    if (!replica.append(packed, { epoch, writer }, keys as EntryKeys, later)) {
      this.#count('no room to append');
      return;
    }
    this.#newest = newerBallot(this.#newest, this.#writer);
    const keyOf = new Map(keys);
    for (const [index, text] of texts.entries()) {
      const seq = first + index;
      const covering = starts.findLast(({ firstSeq }) => firstSeq <= seq) as EpochStart;
      entries.push({ text, key: keyOf.get(seq) ?? null, epoch: covering.epoch });
    }
    this.#count(later.length === 0 ? 'append' : 'append under several');
  }

  /** The writer of the next entries, and sometimes others that go on in their middle, or right behind them. */
  #startsFrom(firstSeq: number, count: number): EpochStart[] {
    const starts = [{ ...this.#writer, firstSeq }];
    for (let index = 1; index <= count; index += 1) {
      if (this.#roll(12) > 0) continue;
      const before = this.#writer;
      this.#nextWriter();
      if (compareBallots(before, this.#writer) === 0) this.#writer = before;
      else starts.push({ ...this.#writer, firstSeq: firstSeq + index });
    }
    return starts;
  }

  #nextWriter(): void {
    const writers = ['', 'a', 'b'];
    const next = {
      epoch: this.#writer.epoch + this.#roll(2),
      writer: writers[this.#roll(3)] as string,
    };
    if (compareBallots(next, this.#writer) >= 0) this.#writer = next;
  }

  #cut(): void {
    const { length } = this.#model.entries;
    const at = Math.max(0, length - this.#roll(8));
    if (!(this.#opened as Opened).replica.cut(at)) {
      this.#count('no room to cut');
      return;
    }
    this.#model.entries.length = at;
    this.#count('cut');
  }

  /** A promise that has no room holds for this incarnation only; the model waits for room. */
  #promise(): void {
    this.#roomBytes = Number.POSITIVE_INFINITY;
    const ballot = { epoch: this.#writer.epoch + this.#roll(3), writer: 'p' };
    (this.#opened as Opened).replica.promise(ballot);
    this.#model.ballot = newerBallot(this.#model.ballot, ballot);
    this.#newest = newerBallot(this.#newest, ballot);
    this.#count('promise');
  }

  /** The epoch of the next writer begins here, also if nothing is ever written under it. */
  #beginEpoch(): void {
    this.#nextWriter();
    const { replica } = this.#opened as Opened;
    if (compareBallots(replica.newest, this.#writer) === 0) return;
    if (!replica.beginEpoch(this.#writer)) {
      this.#count('no room to begin an epoch');
      return;
    }
    this.#newest = newerBallot(this.#newest, this.#writer);
    this.#count('beginEpoch');
  }

  #complete(): void {
    const { replica } = this.#opened as Opened;
    if (!replica.becomeComplete()) this.#count('no room to be complete');
    else {
      this.#model.isComplete = true;
      this.#count('complete');
    }
  }

  /** Ends this incarnation, sometimes with a tail that a crash tore. */
  async #reopen(how: number): Promise<void> {
    await this.#opened?.storage.close();
    this.#opened = null;
    if (how === 0) {
      const torn = '{"seq":7,"epoch":1,"message":"torn","crc":"';
      fs.appendFileSync(logPath(this.#path), torn.slice(0, 1 + this.#roll(torn.length)));
      this.#count('torn');
    }
    this.#count('reopen');
  }

  async #again(): Promise<Opened> {
    this.#opened = await this.#open();
    this.#model.ballot = this.#newest;
    return this.#opened;
  }

  #open(): Promise<Opened> {
    const disk = diskWith({
      writeSync: ((fd: number, bytes: Uint8Array, offset: number, length: number, at: number) => {
        if (this.#roomBytes === 0) throw failure('ENOSPC');
        const count = fs.writeSync(fd, bytes, offset, Math.min(length, this.#roomBytes), at);
        this.#roomBytes -= count;
        return count;
      }) as typeof fs.writeSync,
    });
    return open(this.#path, { disk });
  }

  #count(what: string): void {
    this.done[what] = (this.done[what] ?? 0) + 1;
  }
}

describe('the log on disk and its reference model', () => {
  for (const seed of [1, 2, 3]) {
    it(`agree after every one of ${STEPS} random steps, seed ${seed}`, async (t) => {
      const pair = new Pair(temporary(t), seed);
      for (let i = 0; i < STEPS; i += 1) await pair.step();
      await pair.close();
      const kinds = [
        'begin',
        'append',
        'append under several',
        'cut',
        'promise',
        'beginEpoch',
        'complete',
        'reopen',
        'torn',
      ];
      for (const kind of [...kinds, 'no room to append', 'no room to cut']) {
        assert.ok((pair.done[kind] ?? 0) > 10, `${kind}: ${pair.done[kind]}`);
      }
    });
  }
});
