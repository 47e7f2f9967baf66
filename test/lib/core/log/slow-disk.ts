/**
 * A disk as a journal sees it, in the hands of a test: what is written becomes durable when the test
 * says `sync`, and there is room unless the test says `isFull`. It lists what it was told.
 */

import type { EpochStart } from '../../../../src/lib/core/log/epochs.ts';
import type { KeyIndex } from '../../../../src/lib/core/log/idempotency.ts';
import type { EntryKeys, Journal } from '../../../../src/lib/core/log/journal.ts';
import type { Log } from '../../../../src/lib/core/log/log.ts';
import type { PackedMessages } from '../../../../src/lib/core/log/messages.ts';
import type { Ballot } from '../../../../src/lib/core/recovery/ballot.ts';
import { messagesOf } from '../../support.ts';

export class SlowDisk implements Journal {
  readonly isDurableAtOnce = false;
  durableLength: number;
  isFull = false;
  /** How many more steps it has room for, if it is not full. */
  stepsLeft = Number.POSITIVE_INFINITY;
  /**
   * Such as `begin L`, `begin M, promised 1/W`, `append 1..2 under 1/W, from 2 under 2/X`, `cut to 1 of a,b`,
   * `promise 1/W`, `epoch 1/W` and `complete`.
   */
  readonly told: string[] = [];
  #length: number;

  /** @param length how many entries were kept there of an earlier run, all of them durable */
  constructor(length = 0) {
    this.#length = length;
    this.durableLength = length;
  }

  begin(logId: string, ballot: Ballot): boolean {
    const promised = ballot.epoch === 0 ? '' : `, promised ${nameOf(ballot)}`;
    return this.#tell(`begin ${logId}${promised}`, 0);
  }

  beginEpoch(ballot: Ballot): boolean {
    return this.#tell(`epoch ${nameOf(ballot)}`, this.#length);
  }

  append(
    firstSeq: number,
    { ends }: PackedMessages,
    ballot: Ballot,
    keys: EntryKeys,
    later: readonly EpochStart[],
  ): boolean {
    const last = firstSeq + ends.length - 1;
    const keyed = keys.length === 0 ? '' : `, keys ${keys.flat().join()}`;
    const then = later.map((start) => `, from ${start.firstSeq} under ${nameOf(start)}`).join('');
    return this.#tell(`append ${firstSeq}..${last} under ${nameOf(ballot)}${then}${keyed}`, last);
  }

  cut(length: number, log: Log, keys: KeyIndex): boolean {
    const keyed = keys.within(1, log.length).length;
    return this.#tell(`cut to ${length} of ${messagesOf(log)}, ${keyed} keys`, length);
  }

  promise(ballot: Ballot): boolean {
    return this.#tell(`promise ${nameOf(ballot)}`, this.#length);
  }

  complete(): boolean {
    return this.#tell('complete', this.#length);
  }

  /** What was written, up to `length`, is durable from now on. */
  sync(length = this.#length): void {
    this.durableLength = length;
  }

  #tell(what: string, length: number): boolean {
    if (this.isFull || this.stepsLeft === 0) return false;
    this.stepsLeft -= 1;
    this.told.push(what);
    this.#length = length;
    this.durableLength = Math.min(this.durableLength, length);
    return true;
  }
}

function nameOf({ epoch, writer }: Ballot): string {
  return `${epoch}/${writer}`;
}
