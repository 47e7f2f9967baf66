/**
 * A file, line by line, through one buffer: a line is a view that holds until the next one is read.
 * Nothing is decoded here, so a million lines cost little more than reading the bytes.
 */
import type { Disk } from './disk.ts';

export interface ReadingLimits {
  /** How much is read at once. */
  readonly chunkBytes: number;
  /** No record is longer; a file with such a line is not worth the memory to look at it. */
  readonly lineBytesMax: number;
}

const LIMITS: ReadingLimits = { chunkBytes: 4 * 1024 * 1024, lineBytesMax: 1024 * 1024 * 1024 };
const NEWLINE = 0x0a;

export class LineTooLongError extends Error {}

export class LineReader {
  readonly #disk: Disk;
  readonly #fd: number;
  readonly #lineBytesMax: number;
  #buffer: Buffer;
  /** What was read and not yet given away: `#start..#filled - 1` of the buffer. */
  #start = 0;
  #filled = 0;
  /** Where in the file the buffer begins. */
  #origin = 0;
  #atEnd = false;
  #end = 0;
  #hasNewline = false;
  #number = 0;

  constructor(disk: Disk, fd: number, { chunkBytes, lineBytesMax } = LIMITS) {
    this.#disk = disk;
    this.#fd = fd;
    this.#lineBytesMax = lineBytesMax;
    this.#buffer = Buffer.allocUnsafeSlow(chunkBytes);
  }

  /** The bytes the line is in, from `start` to `end - 1`, without its newline. */
  get bytes(): Buffer {
    return this.#buffer;
  }

  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#end;
  }

  /** Whether a newline ends the line; only the last one of a file may lack it. */
  get hasNewline(): boolean {
    return this.#hasNewline;
  }

  /** The number of the line, from 1. */
  get number(): number {
    return this.#number;
  }

  /** Where in the file the line begins. */
  get offset(): number {
    return this.#origin + this.#start;
  }

  /** Where in the file the next line begins. */
  get nextOffset(): number {
    return this.#origin + this.#end + (this.#hasNewline ? 1 : 0);
  }

  /** Goes to the next line; false at the end of the file. */
  next(): boolean {
    this.#start = this.#end + (this.#hasNewline ? 1 : 0);
    let at = this.#newlineFrom(this.#start);
    while (at < 0 && !this.#atEnd) {
      const known = this.#filled - this.#start;
      this.#readMore();
      at = this.#newlineFrom(this.#start + known);
    }
    this.#hasNewline = at >= 0;
    this.#end = this.#hasNewline ? at : this.#filled;
    this.#number += 1;
    return this.#hasNewline || this.#end > this.#start;
  }

  #newlineFrom(start: number): number {
    const at = this.#buffer.indexOf(NEWLINE, start);
    return at < this.#filled ? at : -1;
  }

  /** Makes room, keeps what is not given away, and fills up. */
  #readMore(): void {
    const kept = this.#buffer.subarray(this.#start, this.#filled);
    if (kept.length > this.#lineBytesMax) throw new LineTooLongError();
    if (kept.length * 2 > this.#buffer.length) {
      this.#buffer = Buffer.allocUnsafeSlow(this.#buffer.length * 2);
    }
    this.#buffer.set(kept);
    this.#origin += this.#start;
    this.#filled = kept.length;
    this.#start = 0;
    const room = this.#buffer.length - this.#filled;
    const at = this.#origin + this.#filled;
    const count = this.#disk.readSync(this.#fd, this.#buffer, this.#filled, room, at);
    this.#filled += count;
    this.#atEnd = count === 0;
  }
}
