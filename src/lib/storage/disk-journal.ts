/**
 * The journal of a log on disk: turns each change of the core's log into records, and writes them with one write. A
 * change without room does not happen; a failed sync ends the process.
 */
import type { EpochStart } from '../core/log/epochs.ts';
import type { KeyIndex } from '../core/log/idempotency.ts';
import type { EntryKeys, Journal } from '../core/log/journal.ts';
import type { Log } from '../core/log/log.ts';
import { type PackedMessages, sliceMessages } from '../core/log/messages.ts';
import { type Ballot, compareBallots, newerBallot } from '../core/recovery/ballot.ts';
import type { Directory } from './directory.ts';
import { setAside } from './discarded.ts';
import { GroupCommit, type SyncOutcome } from './group-commit.ts';
import type { LogFile } from './log-file.ts';
import { FORMAT } from './record.ts';
import { RecordBuffer } from './record-buffer.ts';

/** The state of the directory when the journal begins. */
interface JournalStart {
  /** Null if there is no log yet. */
  readonly file: LogFile | null;
  readonly logId: string | null;
  readonly ballot: Ballot;
  readonly writer: Ballot | null;
  readonly length: number;
  /** The run of the machine, without which unsynced writes may be lost; null if all writes are synced. */
  readonly machineRun: string | null;
}

export class DiskJournal implements Journal {
  readonly #directory: Directory;
  readonly #commit: GroupCommit;
  readonly #records = new RecordBuffer();
  #file: LogFile | null;
  #logId: string | null;
  /** The newest ballot in the file. */
  #ballot: Ballot;
  /** The last writer in the file; null if the next entry needs a writer record before it. */
  #writer: Ballot | null;
  #length: number;
  readonly #machineRun: string | null;

  constructor(directory: Directory, outcome: SyncOutcome, start: JournalStart) {
    this.#directory = directory;
    this.#file = start.file;
    this.#logId = start.logId;
    this.#ballot = start.ballot;
    this.#writer = start.writer;
    this.#length = start.length;
    this.#machineRun = start.machineRun;
    this.#commit = new GroupCommit(directory, outcome, start.file, start.length);
  }

  get isDurableAtOnce(): boolean {
    return !this.#directory.isSynced;
  }

  get durableLength(): number {
    return this.#commit.durableLength;
  }

  /** Begins an empty log in a new file. A log with entries stays under another name. */
  begin(logId: string, ballot: Ballot): boolean {
    if (!this.#commit.check()) return false;
    const file = this.#moveIn(logId, ballot);
    if (file === null) return false;
    this.#file?.close();
    this.#file = file;
    this.#logId = logId;
    this.#ballot = ballot;
    this.#writer = null;
    this.#length = 0;
    this.#commit.settle(file, 0);
    return this.#try(() => this.#directory.sync());
  }

  beginEpoch({ epoch, writer }: Ballot): boolean {
    const file = this.#begun();
    this.#records.clear();
    this.#records.add({ epoch, writer, from: this.#length + 1 });
    if (!this.#write(file)) return false;
    this.#writer = { epoch, writer };
    this.#ballot = newerBallot(this.#ballot, this.#writer);
    return this.#synced(file);
  }

  promise(ballot: Ballot): boolean {
    const file = this.#begun();
    this.#records.clear();
    this.#records.add({ ballot });
    if (!this.#write(file)) return false;
    this.#ballot = newerBallot(this.#ballot, ballot);
    return this.#synced(file);
  }

  /** Synced also with `FSYNC=never`, so that no earlier record of this kind counts. */
  complete(): boolean {
    const file = this.#begun();
    this.#records.clear();
    this.#records.add({ complete: true, machineRun: this.#machineRun });
    return this.#write(file) && this.#try(() => file.sync()) && this.#commit.check();
  }

  append(
    firstSeq: number,
    messages: PackedMessages,
    ballot: Ballot,
    keys: EntryKeys,
    later: readonly EpochStart[],
  ): boolean {
    const count = messages.ends.length;
    if (count === 0) return true;
    const file = this.#begun();
    if (firstSeq !== this.#length + 1) {
      throw new RangeError(`seq ${firstSeq} does not follow ${this.#length} of ${this.#logId}`);
    }
    // Without syncs entries count once they are written, so the log must be at its place before the write.
    if (this.isDurableAtOnce && !this.#commit.checkOnce()) return false;
    this.#records.clear();
    const isNewWriter = this.#writer === null || compareBallots(this.#writer, ballot) !== 0;
    if (isNewWriter) {
      this.#records.add({ epoch: ballot.epoch, writer: ballot.writer, from: firstSeq });
    }
    if (later.length === 0) this.#records.addEntries(firstSeq, messages, ballot.epoch, keys);
    else this.#addRuns(firstSeq, messages, keys, [{ ...ballot, firstSeq }, ...later]);
    if (!this.#write(file)) return false;
    const writer = later.at(-1) ?? ballot;
    if (isNewWriter || later.length > 0) {
      this.#writer = { epoch: writer.epoch, writer: writer.writer };
      this.#ballot = newerBallot(this.#ballot, this.#writer);
    }
    this.#length += count;
    this.#commit.wrote(this.#length);
    const isMarked = later.at(-1)?.firstSeq === this.#length + 1;
    return !isMarked || this.#synced(file);
  }

  /** Adds entries of several epochs; the writer record of the first epoch is already there. */
  #addRuns(
    firstSeq: number,
    messages: PackedMessages,
    keys: EntryKeys,
    starts: readonly EpochStart[],
  ): void {
    const count = messages.ends.length;
    for (const [index, { epoch, writer, firstSeq: from }] of starts.entries()) {
      const next = starts[index + 1]?.firstSeq ?? firstSeq + count;
      if (index > 0) this.#records.add({ epoch, writer, from });
      const run = sliceMessages(messages, from - firstSeq, next - firstSeq);
      const keysOfRun = keys.filter(([seq]) => seq >= from && seq < next);
      this.#records.addEntries(from, run, epoch, keysOfRun);
    }
  }

  cut(length: number, log: Log, keys: KeyIndex): boolean {
    if (length >= this.#length) return true;
    const file = this.#begun();
    if (!this.#commit.check()) return false;
    const logId = this.#logId as string;
    const aside = setAside(this.#directory, this.#records, logId, log, keys, length + 1);
    if (aside === null) return false;
    this.#records.clear();
    this.#records.add({ cut: length });
    if (!this.#write(file)) {
      this.#directory.remove(aside);
      return false;
    }
    this.#length = length;
    this.#writer = null;
    if (!this.#synced(file)) return false;
    this.#commit.settle(file, length);
    return true;
  }

  /** Waits until everything that was written is on the disk, and closes the file. */
  async close(): Promise<void> {
    await this.#commit.idle();
    this.#file?.close();
  }

  /** The file of the log. The core begins a log before it writes or promises anything. */
  #begun(): LogFile {
    if (this.#file === null) throw new RangeError('the log was not begun');
    return this.#file;
  }

  /** Replaces the log by a file without entries. Null if there is no room: then nothing has changed. */
  #moveIn(logId: string, { epoch, writer }: Ballot): LogFile | null {
    const directory = this.#directory;
    this.#records.clear();
    this.#records.add({ format: FORMAT, logId });
    if (epoch > 0) this.#records.add({ ballot: { epoch, writer } });
    let file: LogFile | null = null;
    let aside: string | null = null;
    try {
      file = directory.createNext(this.#records.bytes);
      if (this.#length > 0) aside = directory.linkAside(this.#logId as string);
      directory.moveIn();
      return file;
    } catch {
      file?.close();
      if (aside !== null) directory.remove(aside);
      directory.dropNext();
      return null;
    }
  }

  #write(file: LogFile): boolean {
    return !this.#commit.hasFailed && file.write(this.#records.bytes);
  }

  /** Syncs the last write; returns whether the next start will find it. */
  #synced(file: LogFile): boolean {
    if (this.#directory.isSynced && !this.#try(() => file.sync())) return false;
    return this.#commit.check();
  }

  /** Calls `sync`; if it fails the journal has failed for good. */
  #try(sync: () => void): boolean {
    try {
      sync();
      return true;
    } catch (error) {
      this.#commit.fail(error as Error);
      return false;
    }
  }
}
