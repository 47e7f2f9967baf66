/** Splits a stream of bytes into lines. Each line is bounded, and all lines with a common budget together. */
import { type ByteBudget, ByteBuffer, TooManyBytes } from '../http/byte-buffer.ts';

const NEWLINE = 0x0a;

/** A line was longer than allowed. */
export class LineTooLong extends Error {}

export class LineSplitter {
  readonly #bytesMax: number;
  readonly #line: ByteBuffer;

  constructor(bytesMax: number, budget: ByteBudget | null = null) {
    this.#bytesMax = bytesMax;
    this.#line = new ByteBuffer(bytesMax, budget);
  }

  /** Whether there is an unfinished line. */
  get isInLine(): boolean {
    return this.#line.length > 0;
  }

  /**
   * The lines that end in this chunk, without newlines and without blank lines. The bytes of a line are valid until
   * the next line is taken.
   */
  *push(chunk: Uint8Array): Generator<Uint8Array> {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const isEmpty = end === start && !this.isInLine;
      if (!isEmpty) this.#keep(chunk.subarray(start, end));
      start = end + 1;
      if (isEmpty) continue;
      const line = this.#line.takeAll();
      if (!isBlank(line)) yield line;
      this.#line.reuse();
    }
    // The beginning of an unfinished line is copied, or a few bytes would keep the whole chunk in memory.
    if (start < chunk.length) {
      this.#keep(start === 0 ? chunk : new Uint8Array(chunk.subarray(start)));
    }
  }

  /** The text behind the last newline; null if it is blank. */
  remainder(): Uint8Array | null {
    const line = this.#line.takeAll();
    return isBlank(line) ? null : line;
  }

  /** Discards an unfinished line, and returns its bytes to the budget. */
  clear(): void {
    this.#line.clear();
  }

  #keep(part: Uint8Array): void {
    try {
      this.#line.push(part);
    } catch (error) {
      if (!(error instanceof TooManyBytes)) throw error;
      throw new LineTooLong(`a line may have ${this.#bytesMax} bytes`);
    }
  }
}

function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
