/**
 * Reads a log file at the start of a node. A crash may leave an incomplete end, which is dropped: it was never
 * acknowledged. Damage anywhere else means that acknowledged entries are lost or wrong, so the node must not start.
 */
import type { Restored } from '../core/log/replica.ts';
import type { Ballot } from '../core/recovery/ballot.ts';
import { decodeRecord, endsWithRecord } from './decode.ts';
import { codeOf, type Disk, EXIT_DAMAGED, EXIT_IO, isSystemError, StorageError } from './disk.ts';
import { LineReader, LineTooLongError, type ReadingLimits } from './line-reader.ts';
import { type CompleteRecord, FORMAT } from './record.ts';
import { RestoredLog } from './restored-log.ts';

/** A torn tail that was dropped: its bytes, and the seq of the first entry that it may have had. */
export interface Dropped {
  readonly bytes: number;
  readonly fromSeq: number;
}

export interface Loaded {
  /** Null if the file has no log. */
  readonly restored: Omit<Restored, 'isComplete'> | null;
  /** The last record that says that the node is complete; null if there is none. */
  readonly complete: CompleteRecord | null;
  /** The writer of the last entries; null if a writer record must come before the next entry. */
  readonly writer: Ballot | null;
  /** Where the valid bytes end. */
  readonly end: number;
  readonly dropped: Dropped | null;
}

const WHAT_TO_DO =
  'Nothing of it is served. Move this file away and start the node again: a secondary gets everything ' +
  'from its master, a master recovers from its secondaries. Or restore a backup of the directory.';
/** How a header begins, also one that a crash left incomplete. */
const HEADER_START = Buffer.from(JSON.stringify({ format: FORMAT, logId: '' }).slice(0, -3));

/** Reads all of an open file; `path` is for messages. Throws a `StorageError` if it is damaged or cannot be read. */
export function readLog(disk: Disk, fd: number, path: string, limits?: ReadingLimits): Loaded {
  const lines = new LineReader(disk, fd, limits);
  try {
    return new LogReader(lines, path).read();
  } catch (error) {
    const where = `${path}: byte ${lines.nextOffset}`;
    if (error instanceof LineTooLongError) {
      const problem = 'a line begins that is longer than any record';
      throw new StorageError(EXIT_DAMAGED, `${where}: ${problem}. ${WHAT_TO_DO}`);
    }
    if (!isSystemError(error)) throw error;
    throw new StorageError(EXIT_IO, `${where}: cannot be read: ${codeOf(error)}`);
  }
}

class LogReader {
  readonly #lines: LineReader;
  readonly #path: string;
  readonly #restored = new RestoredLog();
  #end = 0;
  /** The beginning of an append of which not all entries have been read; null if there is none. */
  #unfinished: { offset: number; seq: number } | null = null;

  constructor(lines: LineReader, path: string) {
    this.#lines = lines;
    this.#path = path;
  }

  read(): Loaded {
    const lines = this.#lines;
    while (lines.next()) {
      const broken = this.#take();
      if (broken !== null) {
        this.#refuseUnlessTorn(broken);
        break;
      }
      this.#end = lines.nextOffset;
    }
    return this.#finish();
  }

  /** Takes the current line. Returns its problem if a crash may have caused it, else null; throws for other damage. */
  #take(): string | null {
    const { bytes, start, end, hasNewline, offset } = this.#lines;
    const decoded = decodeRecord(bytes, start, end);
    if (decoded.kind === 'broken') return decoded.problem;
    if (!hasNewline) return 'it does not end with a newline';
    if ('problem' in decoded) throw this.#damage(decoded.problem);
    const { nextSeq } = this.#restored;
    const problem =
      'entry' in decoded
        ? this.#restored.addEntry(decoded.entry, bytes)
        : this.#restored.add(decoded.record);
    if (problem !== null) throw this.#damage(problem);
    if (!this.#restored.isUnfinished) this.#unfinished = null;
    else this.#unfinished ??= { offset, seq: nextSeq };
    return null;
  }

  /** Reads on to the end behind a broken line; throws if a whole record follows, which no crash leaves behind. */
  #refuseUnlessTorn(problem: string): void {
    const lines = this.#lines;
    const damage = this.#damage(problem);
    let isDamaged = this.#restored.logId === null && !this.#isTornHeader();
    isDamaged ||= endsWithRecord(lines.bytes, lines.start + 1, lines.end);
    while (!isDamaged && lines.next()) {
      isDamaged = endsWithRecord(lines.bytes, lines.start, lines.end);
    }
    if (isDamaged) throw damage;
  }

  /** Whether the line is the beginning of our header. Any other file is not ours, and must not be emptied as torn. */
  #isTornHeader(): boolean {
    const { bytes, start, end, hasNewline } = this.#lines;
    const begun = bytes.subarray(start, Math.min(end, start + HEADER_START.length));
    return !hasNewline && begun.equals(HEADER_START.subarray(0, begun.length));
  }

  #finish(): Loaded {
    const restored = this.#restored;
    restored.flush();
    if (this.#unfinished !== null) {
      this.#end = this.#unfinished.offset;
      restored.truncate(this.#unfinished.seq - 1);
    }
    const bytes = this.#lines.nextOffset - this.#end;
    const { logId, ballot, log, keys, writer, complete } = restored;
    return {
      restored: logId === null ? null : { logId, ballot, log, keys },
      complete,
      writer,
      end: this.#end,
      dropped: bytes === 0 ? null : { bytes, fromSeq: restored.nextSeq },
    };
  }

  #damage(problem: string): StorageError {
    const { number, offset } = this.#lines;
    const where = `line ${number}, byte ${offset}, where seq ${this.#restored.nextSeq} should follow`;
    return new StorageError(
      EXIT_DAMAGED,
      `${this.#path}: damaged at ${where}: ${problem}. ${WHAT_TO_DO}`,
    );
  }
}
