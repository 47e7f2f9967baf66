/**
 * Writing a part of the log to a reader: as one JSON list, as a line for each entry, as events. A piece
 * at a time, and the next one only when the reader has taken the last: a log of any size costs a reader
 * who does not read one piece, and blocks nobody.
 */
import type { ServerResponse } from 'node:http';
import type { Log } from '../core/log.ts';
import { endWith } from './call.ts';
import { ENTRIES_CHUNK_BYTES, ENTRIES_CHUNK_MAX, READ_CHUNK_BYTES } from './limits.ts';

/** The entries `from..to`; none if `from > to`. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Writes `["a","b"]` and ends the answer. */
export async function writeList(res: ServerResponse, log: Log, range: Range): Promise<void> {
  const { from, to } = range;
  const open = Buffer.from('[');
  const close = Buffer.from(']');
  const end = from > to ? to : log.pageEnd(from, to, READ_CHUNK_BYTES);
  if (end >= to) {
    endWith(res, [open, ...log.slices(from, to), close]);
    return;
  }
  const { cuts } = log;
  res.write(open);
  for (let seq = from; seq <= to && !res.destroyed; ) {
    const last = log.pageEnd(seq, to, READ_CHUNK_BYTES);
    for (const slice of log.slices(seq, last)) res.write(slice);
    if (last < to) res.write(',');
    seq = last + 1;
    await readyForMore(res);
    // What was promised is not there any more; half of it must not look like all of it.
    if (log.cuts !== cuts) res.destroy();
  }
  if (!res.destroyed) res.end(close);
}

/** What stands around the JSON text of an entry: `before` its text, in ASCII, and `after` it. */
export interface EntryForm {
  readonly before: (seq: number) => string;
  readonly after: string;
}

/** NDJSON: `{"seq":1,"message":"a"}`, a line for each entry. */
export const LINE: EntryForm = { before: (seq) => `{"seq":${seq},"message":`, after: '}\n' };

/** An event of `text/event-stream` whose id is the seq; JSON text has no line ends. */
export const EVENT: EntryForm = {
  before: (seq) => `id: ${seq}\ndata: ${LINE.before(seq)}`,
  after: '}\n\n',
};

/** Writes entries; ends the connection if the log is cut meanwhile: what was told may not be true any more. */
export async function writeEntries(
  res: ServerResponse,
  log: Log,
  { from, to }: Range,
  form: EntryForm,
): Promise<void> {
  const { cuts } = log;
  for (let seq = from; seq <= to && !res.destroyed; ) {
    const most = Math.min(to, seq + ENTRIES_CHUNK_MAX - 1);
    const last = log.pageEnd(seq, most, ENTRIES_CHUNK_BYTES);
    res.cork();
    for (const piece of encodeEntries(log, { from: seq, to: last }, form)) res.write(piece);
    res.uncork();
    seq = last + 1;
    await readyForMore(res);
    if (log.cuts !== cuts) res.destroy();
  }
}

/** The entries in this form; in one piece, unless it is a single large one, which stays a view of the log. */
export function encodeEntries(log: Log, { from, to }: Range, form: EntryForm): Uint8Array[] {
  const { before, after } = form;
  const textBytes = log.sliceBytes(from, to);
  if (from === to && textBytes > ENTRIES_CHUNK_BYTES) {
    return [Buffer.from(before(from)), log.textAt(from), Buffer.from(after)];
  }
  const aroundMax = before(to).length + after.length;
  const bytes = Buffer.allocUnsafe(textBytes + (to - from + 1) * aroundMax);
  let length = 0;
  for (let seq = from; seq <= to; seq += 1) {
    length += bytes.write(before(seq), length, 'latin1');
    const text = log.textAt(seq);
    bytes.set(text, length);
    length += text.length;
    length += bytes.write(after, length, 'latin1');
  }
  return [bytes.subarray(0, length)];
}

/**
 * Waits until the reader has room, or is gone; and lets others have their turn in any case: what the
 * system takes at once is drained at once, and a reader that keeps up would have the process for itself.
 */
export async function readyForMore(res: ServerResponse): Promise<void> {
  if (res.writableNeedDrain) await drained(res);
  if (!res.destroyed) await new Promise((resolve) => setImmediate(resolve));
}

function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      res.removeListener('drain', done).removeListener('close', done);
      resolve();
    };
    res.on('drain', done).on('close', done);
  });
}
