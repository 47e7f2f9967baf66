/**
 * The master's end of a stream: one long-lived `fetch` to a secondary, its body a stream that
 * frames are written to, its answer a stream of acks. It reports acks and one end; whatever ends it
 * (refused, reset, 5xx, nonsense) is "no answer" to the core, and the reason is for people to read.
 */
import type { StreamFailure } from '../core/master.ts';
import type { Ack } from '../core/protocol.ts';
import { PEER_ANSWER_BYTES_MAX, STREAM_END_MS } from '../http/limits.ts';
import { LineSplitter } from '../wire/lines.ts';
import { parseAck } from '../wire/schema.ts';
import { bearerHeader, chunksOf, readProblem, reasonOf } from './peer-answers.ts';
import { fetchPeer } from './peer-fetch.ts';
import { FrameBody } from './stream-body.ts';

export interface StreamHandlers {
  readonly onAck: (ack: Ack) => void;
  /** The connection has taken bytes that waited for it. */
  readonly onTaken: () => void;
  /** Called at most once, and never after `close` or `abort`. */
  readonly onFailed: (failure: StreamFailure) => void;
}

export class ReplicationStream {
  readonly #abort = new AbortController();
  readonly #handlers: StreamHandlers;
  readonly #body: FrameBody;
  /** Nobody wants to hear of this stream any more. */
  #isOver = false;

  /** Opens a stream with the secondary at `url`. */
  constructor(url: string, token: string | null, handlers: StreamHandlers) {
    this.#handlers = handlers;
    this.#body = new FrameBody(() => {
      if (!this.#isOver) handlers.onTaken();
    });
    this.#run(`${url}/replicate`, token, this.#body.stream).catch((error: unknown) =>
      this.#end(reasonOf(error)),
    );
  }

  /** Sends the bytes of one frame, its newline included, in pieces. */
  send(frame: readonly Uint8Array[]): void {
    if (this.#isOver) return;
    for (const piece of frame) this.#body.push(piece);
  }

  /** Ends the stream in peace: the secondary sees the end of the body, and ends its answer. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#body.close();
    // A secondary that does not end its answer must not keep the connection for ever.
    setTimeout(() => this.abort(), STREAM_END_MS).unref();
  }

  /** Cuts the stream off. */
  abort(): void {
    this.#isOver = true;
    this.#abort.abort();
  }

  async #run(url: string, token: string | null, body: ReadableStream<Uint8Array>): Promise<void> {
    const response = await fetchPeer(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson', ...bearerHeader(token) },
      body,
      duplex: 'half',
      redirect: 'error',
      signal: this.#abort.signal,
    } as RequestInit);
    if (response.status !== 200) {
      const problem = await readProblem(response, this.#abort.signal, token);
      const { text, staleBy, isRestarted } = problem;
      this.#end(`HTTP ${response.status}${text}`, staleBy, isRestarted);
      return;
    }
    const lines = new LineSplitter(PEER_ANSWER_BYTES_MAX);
    let bytesSinceAck = 0;
    for await (const chunk of chunksOf(response, this.#abort.signal)) {
      // Blank lines are none, however many.
      bytesSinceAck += chunk.length;
      for (const line of lines.push(chunk)) {
        if (this.#isOver) return;
        const ack = parseAck(line);
        if (ack === null) throw new Error('the answer is not an ack');
        bytesSinceAck = 0;
        this.#handlers.onAck(ack);
      }
      if (bytesSinceAck > PEER_ANSWER_BYTES_MAX) throw new Error('the answer is not an ack');
    }
    this.#end('the secondary ended the stream');
  }

  #end(reason: string, staleBy: number | null = null, isRestarted = false): void {
    if (this.#isOver) return;
    this.abort();
    this.#handlers.onFailed({ reason, staleBy, isRestarted });
  }
}
