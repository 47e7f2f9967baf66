/**
 * The body of a stream. Frames are queued, and leave as fast as the connection takes them, in pieces so small that
 * a slow connection shows progress. A large queued frame is a view of the log, and needs no memory of its own.
 */
import { FRAME_PIECE_BYTES } from '../http/limits.ts';

export class FrameBody {
  /** The body for `fetch`. */
  readonly stream: ReadableStream<Uint8Array>;
  readonly #onTaken: () => void;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  /** The queued pieces, from `#first` on; the connection has taken those before. */
  #waiting: Uint8Array[] = [];
  #first = 0;
  /** Whether the connection asked for more while nothing was queued. */
  #isWanted = false;

  /** @param onTaken called when the connection takes a queued piece */
  constructor(onTaken: () => void) {
    this.#onTaken = onTaken;
    const source = {
      start: (controller: ReadableStreamDefaultController<Uint8Array>) => {
        this.#controller = controller;
      },
      pull: () => this.#pull(),
      cancel: () => this.#clear(),
    };
    // With a high-water mark of 0 the stream pulls a piece only when the connection has room for it.
    this.stream = new ReadableStream<Uint8Array>(source, { highWaterMark: 0 });
  }

  /** Queues these bytes behind all others. */
  push(bytes: Uint8Array): void {
    let start = 0;
    if (this.#isWanted) {
      this.#isWanted = false;
      start = Math.min(FRAME_PIECE_BYTES, bytes.length);
      this.#controller.enqueue(bytes.subarray(0, start));
    }
    for (; start < bytes.length; start += FRAME_PIECE_BYTES) {
      this.#waiting.push(bytes.subarray(start, start + FRAME_PIECE_BYTES));
    }
  }

  /** Ends the body; must not be called while pieces are queued. */
  close(): void {
    this.#controller.close();
  }

  #pull(): void {
    const piece = this.#waiting[this.#first];
    if (piece === undefined) {
      this.#isWanted = true;
      return;
    }
    this.#first += 1;
    if (this.#first === this.#waiting.length) this.#clear();
    this.#controller.enqueue(piece);
    this.#onTaken();
  }

  #clear(): void {
    this.#isWanted = false;
    this.#waiting = [];
    this.#first = 0;
  }
}
