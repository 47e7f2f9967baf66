/** Splits a stream of bytes into lines, each bounded. */

const NEWLINE = 0x0a;

/** A line was longer than allowed. */
export class LineTooLong extends Error {}

export class LineSplitter {
  readonly #bytesMax: number;
  #parts: Uint8Array[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The lines that end in this chunk, without their newline; blank ones are passed over. */
  *push(chunk: Uint8Array): Generator<Uint8Array> {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#keep(chunk.subarray(start, end));
      start = end + 1;
      const line = this.#take();
      if (!isBlank(line)) yield line;
    }
    this.#keep(chunk.subarray(start));
  }

  /** What came behind the last newline, if that is not blank. */
  rest(): Uint8Array | null {
    const line = this.#take();
    return isBlank(line) ? null : line;
  }

  #keep(part: Uint8Array): void {
    this.#bytes += part.length;
    if (this.#bytes > this.#bytesMax)
      throw new LineTooLong(`a line may have ${this.#bytesMax} bytes`);
    if (part.length > 0) this.#parts.push(part);
  }

  #take(): Uint8Array {
    const parts = this.#parts;
    this.#parts = [];
    this.#bytes = 0;
    return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
  }
}

function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
