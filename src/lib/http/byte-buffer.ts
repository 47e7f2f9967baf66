/**
 * Buffers the bytes of a body or of a line. The sender decides how small the pieces are, and a piece kept by
 * itself costs some 300 bytes: 16 MiB sent byte by byte would take 5 GB. So pieces are copied into one run that
 * grows by doubling. The bytes of all runs of a kind together are bounded as well.
 */
import { BUFFER_FREE_BYTES } from './limits.ts';
import { HttpProblem } from './problems.ts';

const NOTHING = new Uint8Array(0);
const FIRST_RUN_BYTES = 4096;
/** Runs of these sizes are reused. */
const [SPARE_BYTES_MIN, SPARE_BYTES_MAX] = [64 * 1024, 4 * 1024 * 1024];

/**
 * How many bytes the buffers that share it may hold together. It also keeps one spare run for reuse: memory that
 * was touched before is several times as fast as new memory.
 */
export class ByteBudget {
  readonly bytesMax: number;
  #used = 0;
  #spare: Uint8Array = NOTHING;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get used(): number {
    return this.#used;
  }

  /** Takes `bytes` from the budget; false, and nothing taken, if fewer are left. */
  take(bytes: number): boolean {
    if (this.#used + bytes > this.bytesMax) return false;
    this.#used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }

  /** Takes the spare run if it has at least `bytes`. */
  takeSpare(bytes: number): Uint8Array | null {
    const spare = this.#spare;
    if (spare.length < bytes) return null;
    this.#spare = NOTHING;
    return spare;
  }

  /** Gives back a run that is no longer in use. */
  giveSpare(run: Uint8Array): void {
    const { length } = run;
    if (length > this.#spare.length && length >= SPARE_BYTES_MIN && length <= SPARE_BYTES_MAX) {
      this.#spare = run;
    }
  }
}

/** More bytes came than one buffer may hold. */
export class TooManyBytes extends Error {}

export class ByteBuffer {
  readonly #bytesMax: number;
  readonly #budget: ByteBudget | null;
  #run: Uint8Array = NOTHING;
  #length = 0;
  /** Whether the run is a piece as it came, not a run allocated here. */
  #isPiece = true;
  /** The run whose bytes `takeAll` returned last. */
  #given: Uint8Array = NOTHING;
  /** Bytes taken from the budget. The first `BUFFER_FREE_BYTES` are free, so that small bodies always pass. */
  #taken = 0;

  constructor(bytesMax: number, budget: ByteBudget | null = null) {
    this.#bytesMax = bytesMax;
    this.#budget = budget;
  }

  get length(): number {
    return this.#length;
  }

  /** Adds a piece. Throws `TooManyBytes`, or 503 `overloaded` when the shared budget is used up. */
  push(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#bytesMax) throw new TooManyBytes();
    if (this.#length === 0) {
      // Most bodies are one piece, which needs no copy.
      this.#take(piece.length);
      this.#run = piece;
      this.#isPiece = true;
    } else {
      if (length > this.#run.length) this.#grow(length);
      this.#run.set(piece, this.#length);
    }
    this.#length = length;
  }

  /** Returns all bytes, and empties the buffer. */
  takeAll(): Uint8Array {
    const bytes = this.#run.subarray(0, this.#length);
    const given = this.#isPiece ? NOTHING : this.#run;
    this.clear();
    this.#given = given;
    return bytes;
  }

  /** Gives back the run of the last `takeAll`, whose bytes are no longer in use. */
  reuse(): void {
    this.#budget?.giveSpare(this.#given);
    this.#given = NOTHING;
  }

  clear(): void {
    this.#run = NOTHING;
    this.#given = NOTHING;
    this.#length = 0;
    this.#budget?.give(this.#taken);
    this.#taken = 0;
  }

  #grow(length: number): void {
    const room = Math.max(FIRST_RUN_BYTES, 2 * this.#run.length, length);
    const bytes = Math.min(room, this.#bytesMax);
    this.#take(bytes);
    const run = this.#budget?.takeSpare(length) ?? new Uint8Array(bytes);
    run.set(this.#run.subarray(0, this.#length));
    this.#run = run;
    this.#isPiece = false;
  }

  #take(bytes: number): void {
    const missing = Math.max(0, bytes - BUFFER_FREE_BYTES) - this.#taken;
    if (missing <= 0 || this.#budget === null) return;
    if (!this.#budget.take(missing)) {
      const { bytesMax } = this.#budget;
      const detail = `bodies that arrive at once may have ${bytesMax} bytes; try again later`;
      throw new HttpProblem('overloaded', detail, { limit: bytesMax });
    }
    this.#taken += missing;
  }
}
