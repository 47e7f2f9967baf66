/**
 * A request whose body goes from the parser straight to a buffer. A readable stream in between (buffer,
 * schedule a read, emit the end, close) costs a small request as much as all the rest of its handling. Bun
 * accepts the class as well, but delivers a body only when the stream is read. So Bun keeps its own requests,
 * and `readBody` listens to them as to any stream.
 */
import { IncomingMessage } from 'node:http';

/** Takes the pieces of a body. */
export interface BodySink {
  onPiece(piece: Uint8Array): void;
  onEnd(): void;
}

export class BufferedRequest extends IncomingMessage {
  #sink: BodySink | null = null;

  /** Sends the body to `sink` instead of through the stream. Must be called before any of it was read. */
  bufferInto(sink: BodySink): void {
    this.#sink = sink;
  }

  /** Called by the parser with each piece of the body, and with null at its end. */
  override push(piece: Uint8Array | null, encoding?: BufferEncoding): boolean {
    const sink = this.#sink;
    if (sink === null) return super.push(piece, encoding);
    if (piece === null) sink.onEnd();
    else sink.onPiece(piece);
    // No backpressure is needed: a sink keeps a bounded number of bytes and discards the rest.
    return true;
  }
}

/** The class of a server's requests. */
export const RequestClass = process.versions.bun === undefined ? BufferedRequest : IncomingMessage;
