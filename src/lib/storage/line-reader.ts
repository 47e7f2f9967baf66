/**
 * Reads a file line by line through one buffer: a line is a view that is valid until the next one is read. It decodes
 * nothing, so a million lines cost little more than reading the bytes.
 */
import type { Disk } from './disk.ts';

export interface ReadingLimits {
  /** How many bytes are read at once. */
  readonly chunkBytes: number;
  /** Longer than any record: a longer line is not read into memory. */
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
  /** The current line and what was read behind it are at `#start..#filled - 1` of the buffer. */
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

  /** The buffer in which the line is at `start..end - 1`, without its newline. */
  get bytes(): Buffer {
    return this.#buffer;
  }

  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#end;
  }

  /** Whether the line ends with a newline; only the last line of a file may lack it. */
  get hasNewline(): boolean {
    return this.#hasNewline;
  }

  /** The number of the line, counted from 1. */
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

  /** Moves what is still needed to the front, grows the buffer if that is much, and reads more behind it. */
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
