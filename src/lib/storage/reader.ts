/**
 * Reads a log file at the start of a node. A crash may tear the end of a file: what is not whole there
 * is dropped, it was never promised to anyone. Damage anywhere else is another matter: entries that
 * were acknowledged are gone or not to be trusted, so the node must not start on them.
 */

import type { Restored } from '../core/log/replica.ts';
import type { Ballot } from '../core/recovery/ballot.ts';
import { decodeRecord, endsWithRecord } from './decode.ts';
import { codeOf, type Disk, EXIT_DAMAGED, EXIT_IO, isSystemError, StorageError } from './disk.ts';
import { LineReader, LineTooLongError, type ReadingLimits } from './line-reader.ts';
import { type CompleteRecord, FORMAT } from './record.ts';
import { RestoredLog } from './restored-log.ts';

/** A torn tail that was dropped: so many bytes, with the entries from `fromSeq` on, if any. */
export interface Dropped {
  readonly bytes: number;
  readonly fromSeq: number;
}

export interface Loaded {
  /** Null if the file holds nothing. */
  readonly restored: Omit<Restored, 'isComplete'> | null;
  /** The last record that the node was complete; null if there is none. */
  readonly complete: CompleteRecord | null;
  /** Who wrote last, as far as the file says; a new writer must be noted before its entries. */
  readonly writer: Ballot | null;
  /** Where the good bytes end. */
  readonly end: number;
  readonly dropped: Dropped | null;
}

const WHAT_TO_DO =
  'Nothing of it is served. Move this file away and start the node again: a secondary gets everything ' +
  'from its master, a master recovers from its secondaries. Or restore a backup of the directory.';
/** How a header begins that a crash left incomplete. */
const HEADER_START = Buffer.from(JSON.stringify({ format: FORMAT, logId: '' }).slice(0, -3));

/** Reads all of an open file; `path` is for messages. Throws a `StorageError` if it is damaged. */
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
  /** Where an append begins of which not all entries have been seen. */
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

  /** Takes the current line; returns what is wrong with it if a crash may have done it, else null. */
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

  /** Reads on behind a broken line, to the end; throws if anything that was written follows. */
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

  /** A file that only begins as one of ours is; nobody else's file may be emptied as a torn one. */
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
