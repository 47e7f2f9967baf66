/**
 * A disk under virtual time: what was written is lost in a crash unless it was synced, from some
 * point on, as a torn tail is; what is left is replayed into the memory of the next incarnation.
 */

import type { EpochStart } from '../../src/lib/core/log/epochs.ts';
import { KeyIndex } from '../../src/lib/core/log/idempotency.ts';
import type { EntryKeys, Journal } from '../../src/lib/core/log/journal.ts';
import { Log } from '../../src/lib/core/log/log.ts';
import { type PackedMessages, sliceMessages } from '../../src/lib/core/log/messages.ts';
import type { Restored } from '../../src/lib/core/log/replica.ts';
import { type Ballot, NO_BALLOT, newerBallot } from '../../src/lib/core/recovery/ballot.ts';

type Record =
  | { readonly kind: 'begin'; readonly logId: string; readonly ballot: Ballot }
  | { readonly kind: 'complete' }
  | { readonly kind: 'promise'; readonly ballot: Ballot }
  | { readonly kind: 'epoch'; readonly ballot: Ballot }
  | { readonly kind: 'cut'; readonly length: number }
  | {
      readonly kind: 'entries';
      readonly messages: PackedMessages;
      readonly ballot: Ballot;
      readonly keys: EntryKeys;
    };

export class SimDisk {
  isFull = false;
  records: Record[] = [];
  syncedRecords = 0;

  /** Whether the machine has crashed since it was said that the node is complete, and not all was synced. */
  #mayHaveLost = false;

  /** Nothing is left. */
  wipe(): void {
    this.records = [];
    this.syncedRecords = 0;
    this.#mayHaveLost = false;
  }

  /** A crash: of what was not synced only a beginning is left. */
  crash(random: () => number, isSynced: boolean): void {
    this.#mayHaveLost = !isSynced;
    const unsynced = this.records.length - this.syncedRecords;
    const kept = this.syncedRecords + Math.floor(random() * (unsynced + 1));
    const torn = this.records[kept];
    this.records.length = kept;
    // Entries without a common key may be torn apart; those of one keyed append are dropped whole.
    if (torn?.kind === 'entries' && torn.keys.length === 0) {
      const count = Math.floor(random() * torn.messages.ends.length);
      if (count > 0)
        this.records.push({ ...torn, messages: sliceMessages(torn.messages, 0, count) });
    }
    this.syncedRecords = this.records.length;
  }

  /** It was written anew that the node is complete. */
  completed(): void {
    this.#mayHaveLost = false;
  }

  /** What a new incarnation finds; null on an empty disk. */
  load(): Restored | null {
    if (this.records.length === 0) return null;
    let logId: string | null = null;
    let ballot = NO_BALLOT;
    let log = new Log();
    let keys = new KeyIndex();
    let isComplete = false;
    for (const record of this.records) {
      if (record.kind === 'begin') {
        logId = record.logId;
        ballot = record.ballot;
        log = new Log();
        keys = new KeyIndex();
        isComplete = false;
      } else if (record.kind === 'complete') isComplete = true;
      else if (record.kind === 'promise') ballot = newerBallot(ballot, record.ballot);
      else if (record.kind === 'epoch') log.beginEpoch(record.ballot);
      else if (record.kind === 'cut') {
        log.truncate(record.length);
        keys.truncate(record.length);
      } else {
        log.append(record.messages, record.ballot);
        for (const [seq, key] of record.keys) keys.record(key, seq);
      }
    }
    return { logId, ballot, log, keys, isComplete: isComplete && !this.#mayHaveLost };
  }
}

/** The journal of one incarnation on such a disk. */
export class SimJournal implements Journal {
  readonly isDurableAtOnce: boolean;
  durableLength: number;
  readonly #disk: SimDisk;
  readonly #syncSoon: (done: () => void) => void;
  readonly #onSynced: () => void;
  #length: number;
  #isSyncing = false;
  #cuts = 0;

  /** @param syncSoon calls back when a sync that is begun now is done, if the incarnation lasts so long */
  constructor(
    disk: SimDisk,
    length: number,
    isSynced: boolean,
    syncSoon: (done: () => void) => void,
    onSynced: () => void,
  ) {
    this.#disk = disk;
    this.#length = length;
    this.isDurableAtOnce = !isSynced;
    this.durableLength = isSynced ? length : Number.POSITIVE_INFINITY;
    this.#syncSoon = syncSoon;
    this.#onSynced = onSynced;
  }

  begin(logId: string, { epoch, writer }: Ballot): boolean {
    return this.#write({ kind: 'begin', logId, ballot: { epoch, writer } }, 0);
  }

  complete(): boolean {
    if (!this.#write({ kind: 'complete' }, this.#length)) return false;
    this.#disk.completed();
    return true;
  }

  promise(ballot: Ballot): boolean {
    return this.#write({ kind: 'promise', ballot }, this.#length);
  }

  beginEpoch({ epoch, writer }: Ballot): boolean {
    return this.#write({ kind: 'epoch', ballot: { epoch, writer } }, this.#length);
  }

  cut(length: number): boolean {
    return this.#write({ kind: 'cut', length }, length);
  }

  append(
    firstSeq: number,
    messages: PackedMessages,
    ballot: Ballot,
    keys: EntryKeys,
    later: readonly EpochStart[],
  ): boolean {
    if (this.#disk.isFull) return false;
    const copy = { bytes: messages.bytes.slice(), ends: messages.ends };
    const starts = [{ ...ballot, firstSeq }, ...later];
    for (const [index, start] of starts.entries()) {
      const next = starts[index + 1]?.firstSeq ?? firstSeq + messages.ends.length;
      const { epoch, writer, firstSeq: from } = start;
      this.#disk.records.push({
        kind: 'entries',
        messages: sliceMessages(copy, from - firstSeq, next - firstSeq),
        ballot: { epoch, writer },
        keys: keys.filter(([seq]) => seq >= from && seq < next),
      });
    }
    const last = later.at(-1);
    this.#length += messages.ends.length;
    if (last?.firstSeq === this.#length + 1) {
      return this.#write(
        { kind: 'epoch', ballot: { epoch: last.epoch, writer: last.writer } },
        this.#length,
      );
    }
    if (!this.isDurableAtOnce && !this.#isSyncing) this.#sync();
    return true;
  }

  /** Writes what is rare, and is on the disk when this returns. */
  #write(record: Record, length: number): boolean {
    if (this.#disk.isFull) return false;
    this.#disk.records.push(record);
    this.#length = length;
    this.#cuts += 1;
    if (!this.isDurableAtOnce) {
      this.durableLength = length;
      this.#disk.syncedRecords = this.#disk.records.length;
    }
    return true;
  }

  #sync(): void {
    const records = this.#disk.records.length;
    const length = this.#length;
    const cuts = this.#cuts;
    this.#isSyncing = true;
    this.#syncSoon(() => {
      this.#isSyncing = false;
      this.#disk.syncedRecords = Math.max(this.#disk.syncedRecords, records);
      if (cuts === this.#cuts) this.durableLength = length;
      if (this.durableLength < this.#length) this.#sync();
      this.#onSynced();
    });
  }
}
