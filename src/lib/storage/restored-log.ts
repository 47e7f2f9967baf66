/**
 * Restores the state of a log from its records: the log and its keys, its id, the newest ballot, and the last writer.
 * Entries are added to the log in batches. A record that is not valid behind those before it is refused.
 */
import { randomInt } from 'node:crypto';
import { KeyIndex } from '../core/log/idempotency.ts';
import { Log } from '../core/log/log.ts';
import { type Ballot, EPOCH_MAX, NO_BALLOT, newerBallot } from '../core/recovery/ballot.ts';
import { type CompleteRecord, type EntryRecord, FORMAT, type RareRecord } from './record.ts';

/** Entries are collected up to this many bytes; a larger one makes a batch of its own. */
const BATCH_BYTES = 1024 * 1024;
const BATCH_ENTRIES = 8192;
const COMMA = 0x2c;
const NO_HEADER = 'the file does not begin with its format';

export class RestoredLog {
  readonly log = new Log();
  readonly keys = new KeyIndex([randomInt(2 ** 32), randomInt(2 ** 32)]);
  #logId: string | null = null;
  #ballot: Ballot = NO_BALLOT;
  #complete: CompleteRecord | null = null;
  /** The writer of the next entry; null if a writer record must come before it. */
  #writer: Ballot | null = null;
  /** The key of an append whose entries are not all there yet. */
  #unfinishedKey: string | null = null;
  #batch = new Uint8Array(BATCH_BYTES);
  #ends: number[] = [];

  /** Null before the header. */
  get logId(): string | null {
    return this.#logId;
  }

  get ballot(): Ballot {
    return this.#ballot;
  }

  /** The last record that says that the node is complete; null if there is none. */
  get complete(): CompleteRecord | null {
    return this.#complete;
  }

  get writer(): Ballot | null {
    return this.#writer;
  }

  /** Whether the last entry needs the next one, which belongs to the same append. */
  get isUnfinished(): boolean {
    return this.#unfinishedKey !== null;
  }

  /** The seq that the next entry must have. */
  get nextSeq(): number {
    return this.log.length + this.#ends.length + 1;
  }

  /** Adds an entry whose text is in `bytes`; returns its problem, or null. */
  addEntry({ seq, epoch, key, more, textStart, textEnd }: EntryRecord, bytes: Uint8Array) {
    if (this.#logId === null) return NO_HEADER;
    if (seq !== this.nextSeq) return `it has seq ${seq}`;
    if (epoch !== this.#writer?.epoch) return `no record before it says who wrote epoch ${epoch}`;
    if (this.#unfinishedKey !== null && key !== this.#unfinishedKey) {
      return `the append with key ${JSON.stringify(this.#unfinishedKey)} is not complete before it`;
    }
    this.#unfinishedKey = more ? key : null;
    if (key !== null) this.keys.record(key, seq);
    this.#addText(bytes, textStart, textEnd);
    return null;
  }

  /** Adds any other record; returns its problem, or null. */
  add(record: RareRecord): string | null {
    if ('format' in record) return this.#begin(record.format, record.logId);
    if (this.#logId === null) return NO_HEADER;
    if (this.#unfinishedKey !== null) {
      return `the append with key ${JSON.stringify(this.#unfinishedKey)} is not complete before it`;
    }
    const epoch = 'ballot' in record ? record.ballot.epoch : 'epoch' in record ? record.epoch : 0;
    if (epoch > EPOCH_MAX) return `it has epoch ${epoch}, and epochs end at ${EPOCH_MAX}`;
    if ('ballot' in record) this.#ballot = newerBallot(this.#ballot, record.ballot);
    else if ('complete' in record) this.#complete = record;
    else if ('cut' in record) return this.#cut(record.cut);
    else return this.#write(record, record.from);
    return null;
  }

  /** Adds the collected entries to the log. */
  flush(): void {
    const { length } = this.#ends;
    if (length === 0) return;
    const bytes = this.#batch.subarray(0, this.#ends[length - 1]);
    this.log.append({ bytes, ends: this.#ends }, this.#writer as Ballot);
    this.#ends = [];
  }

  /** Removes the entries behind `length`. */
  truncate(length: number): void {
    this.flush();
    this.log.truncate(length);
    this.keys.truncate(length);
    this.#unfinishedKey = null;
  }

  #begin(format: string, logId: string): string | null {
    if (format !== FORMAT) return `its format is ${JSON.stringify(format)}, not "${FORMAT}"`;
    if (this.#logId !== null) return 'a file begins only once';
    this.#logId = logId;
    return null;
  }

  #cut(length: number): string | null {
    if (length >= this.nextSeq) return `it cuts the log at ${length}`;
    this.truncate(length);
    this.#writer = null;
    return null;
  }

  #write({ epoch, writer }: Ballot, from: number): string | null {
    if (from !== this.nextSeq) return `it says who writes from seq ${from} on`;
    this.flush();
    this.#writer = { epoch, writer };
    this.log.beginEpoch(this.#writer);
    this.#ballot = newerBallot(this.#ballot, this.#writer);
    return null;
  }

  #addText(bytes: Uint8Array, start: number, end: number): void {
    const count = end - start + 1;
    let used = this.#ends.at(-1) ?? 0;
    if (used + count > this.#batch.length || this.#ends.length === BATCH_ENTRIES) {
      this.flush();
      used = 0;
      if (count > this.#batch.length) this.#batch = new Uint8Array(count);
    }
    this.#batch.set(bytes.subarray(start, end), used);
    this.#batch[used + count - 1] = COMMA;
    this.#ends.push(used + count);
  }
}
