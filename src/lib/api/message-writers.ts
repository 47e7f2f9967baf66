/**
 * Writes a part of the log to a reader: as one JSON list, as a line for each entry, or as events. Each piece waits
 * until the reader has taken the one before. So a log of any size takes the memory of one piece, and other requests
 * go on in between.
 */
import type { ServerResponse } from 'node:http';
import type { Log } from '../core/log/log.ts';
import { ENTRIES_CHUNK_BYTES, ENTRIES_CHUNK_MAX, READ_CHUNK_BYTES } from '../http/limits.ts';
import { endWith, readyForMore } from '../http/request-context.ts';
import type { EventId } from '../wire/event-id.ts';

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
    // The log was cut: an incomplete list must not look complete.
    if (log.cuts !== cuts) res.destroy();
  }
  if (!res.destroyed) res.end(close);
}

/** The ASCII text before and after the JSON text of each entry. */
export interface EntryForm {
  readonly before: (seq: number) => EntryHead;
  readonly after: string;
}

interface EntryHead {
  /** The seq stands between each two parts. */
  readonly parts: readonly string[];
  /** The last seq with the same parts. */
  readonly last: number;
}

/** NDJSON: a line `{"seq":1,"message":"a"}` for each entry. */
export const LINE: EntryForm = {
  before: () => ({ parts: ['{"seq":', ',"message":'], last: Number.POSITIVE_INFINITY }),
  after: '}\n',
};

/** An event of `text/event-stream` for each entry. The log's JSON has no line ends, so its text is one `data` line. */
export function eventForm(idOf: (seq: number) => EventId): EntryForm {
  const before = (seq: number) => {
    const { rest, last } = idOf(seq);
    return { parts: ['id: ', `${rest}\ndata: {"seq":`, ',"message":'], last };
  };
  return { before, after: '}\n\n' };
}

/**
 * Writes entries, and stops when the log is cut meanwhile: written entries may then no longer be in it.
 * @returns the last seq that was written; `range.from - 1` for none
 */
export async function writeEntries(
  res: ServerResponse,
  log: Log,
  { from, to }: Range,
  form: EntryForm,
): Promise<number> {
  const { cuts } = log;
  let seq = from;
  while (seq <= to && !res.destroyed && log.cuts === cuts) {
    const most = Math.min(to, seq + ENTRIES_CHUNK_MAX - 1);
    const last = log.pageEnd(seq, most, ENTRIES_CHUNK_BYTES);
    res.cork();
    for (const piece of encodeEntries(log, { from: seq, to: last }, form)) res.write(piece);
    res.uncork();
    seq = last + 1;
    await readyForMore(res);
  }
  return seq - 1;
}

/** Encodes the entries in this form as one copied piece; a single large entry stays a view of the log. */
export function encodeEntries(log: Log, { from, to }: Range, form: EntryForm): Uint8Array[] {
  const after = Buffer.from(form.after);
  const textBytes = log.sliceBytes(from, to);
  if (from === to && textBytes > ENTRIES_CHUNK_BYTES) {
    return [Buffer.from(form.before(from).parts.join(String(from))), log.textAt(from), after];
  }
  const heads: Head[] = [];
  let around = 0;
  for (let seq = from; seq <= to; ) {
    const head = new Head(form.before(seq), seq);
    heads.push(head);
    around += (Math.min(head.last, to) - seq + 1) * (head.bytes.length + after.length);
    seq = head.last + 1;
  }
  const bytes = Buffer.allocUnsafe(textBytes + around);
  let length = 0;
  let seq = from;
  const put = (part: Uint8Array) => {
    bytes.set(part, length);
    length += part.length;
  };
  for (const head of heads) {
    for (; seq <= to && seq <= head.last; seq += 1) {
      put(head.bytes);
      put(log.textAt(seq));
      put(after);
      head.countUp();
    }
  }
  return [bytes.subarray(0, length)];
}

const NINE = 0x39;
const ZERO = 0x30;

/** The bytes before an entry. The seq is incremented in them, which is much cheaper than a new text for each entry. */
class Head {
  readonly bytes: Buffer;
  /** The last seq for which they are valid: the next one has other parts, or one digit more. */
  readonly last: number;
  /** Where the digits of the seq end. */
  readonly #ends: number[] = [];

  constructor({ parts, last }: EntryHead, seq: number) {
    const digits = String(seq);
    this.bytes = Buffer.from(parts.join(digits), 'latin1');
    this.last = Math.min(last, 10 ** digits.length - 1);
    let end = 0;
    for (const part of parts.slice(0, -1)) {
      end += part.length + digits.length;
      this.#ends.push(end);
    }
  }

  /** Goes on to the next seq, which must not be beyond `last`. */
  countUp(): void {
    for (const end of this.#ends) {
      let at = end - 1;
      for (; this.bytes[at] === NINE; at -= 1) this.bytes[at] = ZERO;
      this.bytes[at] = (this.bytes[at] as number) + 1;
    }
  }
}
