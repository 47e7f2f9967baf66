/**
 * The log: messages at seq 1..length without a gap, in one total order, under the epochs they were
 * written in. THE ORDER RULE: a message's seq is its place in this log, given once by `append`, and
 * a node shows exactly the contiguous prefix it has appended.
 *
 * Each message is kept once, as its JSON text and a comma, in large segments off the JavaScript
 * heap. What a reader or a peer gets is a list of slices of those bytes; a message never spans two
 * segments, so a slice always begins and ends at a message.
 */
import { type Ballot, compareBallots } from './ballot.ts';
import { type EpochStart, startAt } from './epochs.ts';
import { messageText, type PackedMessages, sameBytes } from './messages.ts';

/** Bytes of one segment; a larger message gets a segment of its own size. */
export const SEGMENT_BYTES = 1024 * 1024;

interface Segment {
  readonly firstSeq: number;
  readonly bytes: Uint8Array;
  /** For each message the offset just behind its comma. Grows by doubling; `count` are in use. */
  ends: Uint32Array;
  count: number;
}

export class Log {
  #segments: Segment[] = [];
  #epochs: EpochStart[] = [];
  #length = 0;
  #textBytes = 0;
  #cuts = 0;

  /** How many messages the log holds; the seq of the last one. */
  get length(): number {
    return this.#length;
  }

  /** Bytes of all messages as JSON writes them, without quotes and separators. */
  get messageBytes(): number {
    return this.#textBytes - 3 * this.#length;
  }

  /** Under which epochs the log was written, each with its first seq; both ascending. */
  get epochs(): readonly EpochStart[] {
    return this.#epochs;
  }

  /** How often the log was truncated: whoever reads on after a pause must begin anew if it changed. */
  get cuts(): number {
    return this.#cuts;
  }

  /** What is appended from now on is written under this ballot; one that wrote nothing is forgotten. */
  beginEpoch({ epoch, writer }: Ballot): void {
    const newest = this.#epochs.at(-1);
    if (newest !== undefined && compareBallots(newest, { epoch, writer }) === 0) return;
    const firstSeq = this.#length + 1;
    if (newest?.firstSeq === firstSeq) this.#epochs.pop();
    this.#epochs.push({ epoch, firstSeq, writer });
  }

  /** Appends messages at the next positions, in order. Returns the seq of the first. */
  append(messages: PackedMessages, ballot: Ballot): number {
    const first = this.#length + 1;
    const count = messages.ends.length;
    if (count > 0) this.beginEpoch(ballot);
    let index = 0;
    while (index < count) index += this.#fill(messages, index);
    this.#length += count;
    this.#textBytes += messages.bytes.length;
    return first;
  }

  /** Forgets all messages behind `length`. Slices that were handed out stay as they are. */
  truncate(length: number): void {
    if (length >= this.#length) return;
    this.#cuts += 1;
    while ((this.#segments.at(-1)?.firstSeq ?? 0) > length) this.#segments.pop();
    const last = this.#segments.pop();
    if (last !== undefined) this.#segments.push(shortened(last, length - last.firstSeq + 1));
    this.#epochs = this.#epochs.filter(({ firstSeq }) => firstSeq <= length);
    this.#length = length;
    this.#textBytes = this.#segments.reduce(
      (sum, { ends, count }) => sum + (ends[count - 1] as number),
      0,
    );
  }

  /** The JSON text of the message at `seq` (1..length), without a comma; a view. */
  textAt(seq: number): Uint8Array {
    const segment = this.#segmentOf(seq);
    const start = this.#startIn(segment, seq);
    return segment.bytes.subarray(start, (segment.ends[seq - segment.firstSeq] as number) - 1);
  }

  /** The epoch under which the message at `seq` (1..length) was written. */
  epochAt(seq: number): number {
    const start = startAt(this.#epochs, seq);
    if (start === undefined) throw new RangeError(`seq ${seq} is before the log's first message`);
    return start.epoch;
  }

  /**
   * The first seq, up to `to`, at which the log holds another message than `messages` from `from` on;
   * null if there is none.
   */
  differsAt(from: number, messages: PackedMessages, to = this.#length): number | null {
    const overlap = Math.min(messages.ends.length, to - from + 1);
    for (let i = 0; i < overlap; i += 1) {
      if (!sameBytes(messageText(messages, i), this.textAt(from + i))) return from + i;
    }
    return null;
  }

  /**
   * The last seq of the page that starts at `from` and has at most `bytesMax` bytes; at least
   * `from` itself, however long, and at most `to`.
   */
  pageEnd(from: number, to: number, bytesMax: number): number {
    let seq = from;
    let room = bytesMax;
    while (seq <= to) {
      const segment = this.#segmentOf(seq);
      const start = this.#startIn(segment, seq);
      const last = Math.min(to, segment.firstSeq + segment.count - 1);
      const fits = lastWithin(
        segment.ends,
        seq - segment.firstSeq,
        last - segment.firstSeq,
        start + room,
      );
      if (segment.firstSeq + fits < last) return Math.max(segment.firstSeq + fits, from);
      room -= (segment.ends[fits] as number) - start;
      seq = last + 1;
    }
    return to;
  }

  /** How many bytes `slices(from, to)` has. */
  sliceBytes(from: number, to: number): number {
    return this.slices(from, to).reduce((sum, slice) => sum + slice.length, 0);
  }

  /** The JSON texts at `from..to`, separated by commas, as views; none if `from > to`. */
  slices(from: number, to: number): Uint8Array[] {
    const slices: Uint8Array[] = [];
    for (let seq = from; seq <= to; ) {
      const segment = this.#segmentOf(seq);
      const last = Math.min(to, segment.firstSeq + segment.count - 1);
      const end = segment.ends[last - segment.firstSeq] as number;
      const comma = last === to ? 1 : 0;
      slices.push(segment.bytes.subarray(this.#startIn(segment, seq), end - comma));
      seq = last + 1;
    }
    return slices;
  }

  /** Copies as many messages from `index` on as fit one segment; returns how many. */
  #fill(messages: PackedMessages, index: number): number {
    const start = index === 0 ? 0 : (messages.ends[index - 1] as number);
    const segment = this.#segmentWithRoom((messages.ends[index] as number) - start, index);
    const used = segment.count === 0 ? 0 : (segment.ends[segment.count - 1] as number);
    const room = segment.bytes.length - used;
    const last = lastWithin(messages.ends, index, messages.ends.length - 1, start + room);
    const taken = last - index + 1;
    const ends = endsFor(segment, taken);
    for (let i = 0; i < taken; i += 1) {
      ends[segment.count + i] = used + (messages.ends[index + i] as number) - start;
    }
    segment.count += taken;
    const end = messages.ends[last] as number;
    const isAll = end - start === messages.bytes.length;
    segment.bytes.set(isAll ? messages.bytes : messages.bytes.subarray(start, end), used);
    return taken;
  }

  /** The last segment if it has `bytes` left, else a new one that starts `ahead` past the length. */
  #segmentWithRoom(bytes: number, ahead: number): Segment {
    const last = this.#segments.at(-1);
    if (last !== undefined) {
      const used = last.ends[last.count - 1] as number;
      if (last.bytes.length - used >= bytes) return last;
    }
    const segment: Segment = {
      firstSeq: this.#length + ahead + 1,
      bytes: new Uint8Array(Math.max(SEGMENT_BYTES, bytes)),
      ends: new Uint32Array(64),
      count: 0,
    };
    this.#segments.push(segment);
    return segment;
  }

  #segmentOf(seq: number): Segment {
    let low = 0;
    let high = this.#segments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#segments[middle] as Segment).firstSeq <= seq) low = middle;
      else high = middle - 1;
    }
    return this.#segments[low] as Segment;
  }

  #startIn(segment: Segment, seq: number): number {
    return seq === segment.firstSeq ? 0 : (segment.ends[seq - segment.firstSeq - 1] as number);
  }
}

/**
 * The segment with its first `count` messages only, in bytes of its own: readers may still be
 * sending slices of the old ones, which must not change under them.
 */
function shortened(segment: Segment, count: number): Segment {
  const used = segment.ends[count - 1] as number;
  const bytes = new Uint8Array(Math.max(SEGMENT_BYTES, used));
  bytes.set(segment.bytes.subarray(0, used));
  return { firstSeq: segment.firstSeq, bytes, ends: segment.ends.slice(), count };
}

/** The segment's ends, with room for so many more. */
function endsFor(segment: Segment, more: number): Uint32Array {
  const needed = segment.count + more;
  if (needed > segment.ends.length) {
    const grown = new Uint32Array(Math.max(needed, 2 * segment.ends.length));
    grown.set(segment.ends);
    segment.ends = grown;
  }
  return segment.ends;
}

/** The last index in `first..last` whose end is within `limit`; `first - 1` if none is. */
function lastWithin(ends: ArrayLike<number>, first: number, last: number, limit: number): number {
  let low = first - 1;
  let high = last;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((ends[middle] as number) <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}
