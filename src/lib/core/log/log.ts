/**
 * The log: messages at seq 1..length without a gap, in one total order, under the epochs they were
 * written in. THE ORDER RULE: a message's seq is its place in this log, given once by `append`, and
 * a node shows exactly the contiguous prefix it has appended.
 *
 * Each message is kept once, as its JSON text and a comma, in large segments off the JavaScript
 * heap. What a reader or a peer gets is a list of slices of those bytes; a message never spans two
 * segments, so a slice always begins and ends at a message.
 */
import { type Ballot, goesWith } from '../recovery/ballot.ts';
import { countStarts, type EpochStart, startAt } from './epochs.ts';
import { messageText, type PackedMessages, sameBytes } from './messages.ts';

/** Bytes of one segment; a larger message gets a segment of its own size. */
export const SEGMENT_BYTES = 1024 * 1024;

/** Bytes that a message takes beside its JSON text and the comma: where it ends. */
export const END_BYTES = 4;

/** Bytes of memory that messages take in a log. */
export function bytesOf({ bytes, ends }: PackedMessages): number {
  return bytes.length + END_BYTES * ends.length;
}

/** For so many messages a segment has room at first. */
const ENDS_MIN = 64;

interface Segment {
  readonly firstSeq: number;
  readonly bytes: Uint8Array;
  /** For each message the offset just behind its comma. Grows by doubling; `count` are in use. */
  ends: Uint32Array;
  count: number;
}

/** Messages that were copied into segments and are not in the log yet. */
export interface PreparedMessages {
  readonly count: number;
  readonly bytes: number;
  /** How many of them are in the room behind the last segment's messages. */
  readonly inLast: number;
  /** The segments of all others. */
  readonly segments: readonly Segment[];
}

const NO_STARTS: readonly EpochStart[] = [];

export class Log {
  #segments: Segment[] = [];
  #epochs: EpochStart[] = [];
  #length = 0;
  #textBytes = 0;
  /** To which lengths the log was truncated, in order. */
  #cuts: readonly number[] = [];
  #revision = 0;

  /** How many messages the log holds; the seq of the last one. */
  get length(): number {
    return this.#length;
  }

  /** Bytes of memory that the messages take: what `bytesOf` says of them together. */
  get bytes(): number {
    return this.#textBytes + END_BYTES * this.#length;
  }

  /** Under which epochs the log was written, each with its first seq; both ascending. */
  get epochs(): readonly EpochStart[] {
    return this.#epochs;
  }

  /** How often the log was truncated. A reader that continues after a pause must begin again if it has changed. */
  get cuts(): number {
    return this.#cuts.length;
  }

  /** The shortest length since truncation number `cuts`; Infinity if there was none since. */
  lowestCutSince(cuts: number): number {
    let lowest = Number.POSITIVE_INFINITY;
    for (let i = cuts; i < this.#cuts.length; i += 1) {
      lowest = Math.min(lowest, this.#cuts[i] as number);
    }
    return lowest;
  }

  /** Changes with every cut and every new ballot, but not with new entries. */
  get revision(): number {
    return this.#revision;
  }

  /** What is appended from now on is written under this ballot; one that wrote nothing is forgotten. */
  beginEpoch(ballot: Ballot): void {
    this.#begin(ballot, this.#length + 1);
  }

  #begin({ epoch, writer }: Ballot, firstSeq: number): void {
    const newest = this.#epochs.at(-1);
    if (newest !== undefined && goesWith({ epoch, writer }, newest)) return;
    if (newest?.firstSeq === firstSeq) this.#epochs.pop();
    // Without the one that wrote nothing, this may be the epoch before it that goes on.
    const before = this.#epochs.at(-1);
    const goesOn = before !== undefined && goesWith({ epoch, writer }, before);
    if (!goesOn) this.#epochs.push({ epoch, firstSeq, writer });
    this.#revision += 1;
  }

  /** Appends messages of one ballot at the next positions, in order. Returns the seq of the first. */
  append(messages: PackedMessages, ballot: Ballot): number {
    const first = this.#length + 1;
    this.commit(this.prepare(messages), ballot);
    return first;
  }

  /**
   * Copies messages to where `commit` will show them. Only this can fail, for want of memory, and it
   * changes nothing that anybody sees; what is not committed is written over by the next messages.
   */
  prepare(messages: PackedMessages): PreparedMessages {
    const count = messages.ends.length;
    const last = this.#segments.at(-1);
    const inLast = last === undefined || count === 0 ? 0 : fill(last, messages, 0);
    const segments: Segment[] = [];
    for (let index = inLast; index < count; ) {
      const bytes = (messages.ends[index] as number) - (messages.ends[index - 1] ?? 0);
      const before = segments.at(-1) ?? this.#segments.at(-1);
      const segment = newSegment(this.#length + index + 1, bytes, before?.count);
      const taken = fill(segment, messages, index);
      segment.count = taken;
      segments.push(segment);
      index += taken;
    }
    return { count, bytes: messages.bytes.length, inLast, segments };
  }

  /**
   * Appends what was prepared last; the first message is written under `ballot`, and `later` are the
   * epochs that begin behind it, one of them perhaps right behind the last message.
   */
  commit(prepared: PreparedMessages, ballot: Ballot, later = NO_STARTS): void {
    const { count, bytes, inLast, segments } = prepared;
    if (count > 0) this.#begin(ballot, this.#length + 1);
    if (inLast > 0) (this.#segments.at(-1) as Segment).count += inLast;
    for (const segment of segments) this.#segments.push(segment);
    this.#length += count;
    this.#textBytes += bytes;
    for (const start of later) this.#begin(start, start.firstSeq);
  }

  /** Forgets all messages behind `length`. Slices that were handed out stay as they are. */
  truncate(length: number): void {
    this.prepareTruncation(length)();
  }

  /** Allocates what a truncation needs and changes nothing. The function that it returns truncates, and cannot fail. */
  prepareTruncation(length: number): () => void {
    if (length >= this.#length) return () => {};
    const segments = this.#segments.slice(0, length === 0 ? 0 : this.#indexOf(length) + 1);
    const last = segments.pop();
    if (last !== undefined) segments.push(shortened(last, length - last.firstSeq + 1));
    const cuts = [...this.#cuts, length];
    const epochs = this.#epochs.slice(0, countStarts(this.#epochs, length));
    return () => {
      this.#cuts = cuts;
      this.#revision += 1;
      this.#segments = segments;
      this.#epochs = epochs;
      this.#length = length;
      this.#textBytes = segments.reduce(
        (sum, { ends, count }) => sum + (ends[count - 1] as number),
        0,
      );
    };
  }

  /** Forgets all messages and epochs: from now on this is another log. */
  clear(): void {
    this.truncate(0);
    this.#epochs = [];
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

  #segmentOf(seq: number): Segment {
    return this.#segments[this.#indexOf(seq)] as Segment;
  }

  #indexOf(seq: number): number {
    let low = 0;
    let high = this.#segments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#segments[middle] as Segment).firstSeq <= seq) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #startIn(segment: Segment, seq: number): number {
    return seq === segment.firstSeq ? 0 : (segment.ends[seq - segment.firstSeq - 1] as number);
  }
}

/** A segment for messages from `firstSeq` on, the first of which has so many bytes. */
/** @param countBefore messages in the segment before: most often as many come again, and nothing is copied */
function newSegment(firstSeq: number, bytes: number, countBefore = 0): Segment {
  return {
    firstSeq,
    bytes: new Uint8Array(Math.max(SEGMENT_BYTES, bytes)),
    ends: new Uint32Array(Math.max(ENDS_MIN, countBefore)),
    count: 0,
  };
}

/**
 * Copies as many messages from `index` on as there is room for behind the segment's own; returns how
 * many. They are not counted yet.
 */
function fill(segment: Segment, messages: PackedMessages, index: number): number {
  const start = index === 0 ? 0 : (messages.ends[index - 1] as number);
  const used = segment.count === 0 ? 0 : (segment.ends[segment.count - 1] as number);
  const room = segment.bytes.length - used;
  const last = lastWithin(messages.ends, index, messages.ends.length - 1, start + room);
  const taken = last - index + 1;
  if (taken === 0) return 0;
  const ends = endsFor(segment, taken);
  for (let i = 0; i < taken; i += 1) {
    ends[segment.count + i] = used + (messages.ends[index + i] as number) - start;
  }
  const end = messages.ends[last] as number;
  const isAll = end - start === messages.bytes.length;
  segment.bytes.set(isAll ? messages.bytes : messages.bytes.subarray(start, end), used);
  return taken;
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
