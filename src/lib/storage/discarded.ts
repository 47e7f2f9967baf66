/**
 * Keeps the entries that are cut off a log in a file of their own, in the format of the log, for people to look at.
 * It is written in pieces, because the entries may be most of a large log.
 */
import { type EpochStart, startAt } from '../core/log/epochs.ts';
import type { KeyIndex } from '../core/log/idempotency.ts';
import type { Log } from '../core/log/log.ts';
import type { Directory } from './directory.ts';
import type { LogFile } from './log-file.ts';
import { FORMAT } from './record.ts';
import type { RecordBuffer } from './record-buffer.ts';

const PIECE_BYTES = 1024 * 1024;
const PIECE_ENTRIES = 1000;

/** Writes the entries from `from` on to a new file; returns its name, or null if there is no room. */
export function setAside(
  directory: Directory,
  records: RecordBuffer,
  logId: string,
  log: Log,
  keys: KeyIndex,
  from: number,
): string | null {
  let made: { name: string; file: LogFile } | null = null;
  try {
    made = directory.createAside();
    records.clear();
    records.add({ format: FORMAT, logId });
    writeEntries(made.file, records, log, keys, from);
    if (directory.isSynced) made.file.sync();
    directory.sync();
    return made.name;
  } catch {
    if (made !== null) directory.remove(made.name);
    return null;
  } finally {
    made?.file.close();
  }
}

function writeEntries(
  file: LogFile,
  records: RecordBuffer,
  log: Log,
  keys: KeyIndex,
  from: number,
): void {
  let writer: EpochStart | undefined;
  for (let seq = from; seq <= log.length; ) {
    const last = Math.min(seq + PIECE_ENTRIES - 1, log.length);
    const keyOf = new Map(keys.within(seq, last));
    for (; seq <= last && records.length < PIECE_BYTES; seq += 1) {
      const start = startAt(log.epochs, seq) as EpochStart;
      if (start !== writer) records.add({ epoch: start.epoch, writer: start.writer, from: seq });
      writer = start;
      const text = log.textAt(seq);
      const entry = { seq, epoch: start.epoch, key: keyOf.get(seq) ?? null, more: false };
      records.addEntry(entry, text, 0, text.length);
    }
    if (!file.write(records.bytes)) throw new Error('there is no room');
    records.clear();
  }
}
