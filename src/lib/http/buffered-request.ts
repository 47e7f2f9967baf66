/**
 * A request whose body goes straight from the parser to who buffers it. A readable stream in between
 * (buffer it, schedule a read, announce the end, close) costs a small request as much as all the rest
 * of its handling. Bun takes the class as well, but hands over a body only when the stream is read:
 * there requests stay what they are, and `readBody` listens to them as to any stream.
 */
import { IncomingMessage } from 'node:http';

/** Where the pieces of a body go. */
export interface BodySink {
  onPiece(piece: Uint8Array): void;
  onEnd(): void;
}

export class BufferedRequest extends IncomingMessage {
  #sink: BodySink | null = null;

  /** From now on the body goes to `sink`, not through the stream. Must be called before any of it was read. */
  bufferInto(sink: BodySink): void {
    this.#sink = sink;
  }

  /** What the parser calls with each piece of the body, and with null at its end. */
  override push(piece: Uint8Array | null, encoding?: BufferEncoding): boolean {
    const sink = this.#sink;
    if (sink === null) return super.push(piece, encoding);
    if (piece === null) sink.onEnd();
    else sink.onPiece(piece);
    // Never slower than the client: what a sink takes is bounded, and the rest it throws away.
    return true;
  }
}

/** What a server makes its requests of. */
export const RequestClass = process.versions.bun === undefined ? BufferedRequest : IncomingMessage;
