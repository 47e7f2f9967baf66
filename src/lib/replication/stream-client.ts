/**
 * The master's end of a stream: one long-lived `fetch` to a secondary. Its body is a stream of frames, its answer a
 * stream of acks. It reports each ack, and at most one failure. Whatever ends it (a refusal, a reset, 5xx, an invalid
 * ack) is a failure to the core; the reason is for people.
 */

import type { Ack } from '../core/protocol.ts';
import type { StreamFailure } from '../core/replication/cluster.ts';
import { PEER_ANSWER_BYTES_MAX, STREAM_END_MS } from '../http/limits.ts';
import { parseAck } from '../wire/ack.ts';
import { LineSplitter } from '../wire/lines.ts';
import { callPeer, chunksOf, PeerRefusal, reasonOf } from './peer-answers.ts';
import { FrameBody } from './stream-body.ts';

interface StreamHandlers {
  readonly onAck: (ack: Ack) => void;
  /** The connection has taken queued bytes. */
  readonly onTaken: () => void;
  /** Called at most once, and never after `close` or `abort`. */
  readonly onFailed: (failure: StreamFailure) => void;
}

export class ReplicationStream {
  readonly #abort = new AbortController();
  readonly #handlers: StreamHandlers;
  readonly #body: FrameBody;
  /** Whether it was closed or aborted, or has failed; then it reports nothing more. */
  #isOver = false;

  /** Opens a stream with the secondary at `url`. */
  constructor(url: string, token: string | null, handlers: StreamHandlers) {
    this.#handlers = handlers;
    this.#body = new FrameBody(() => {
      if (!this.#isOver) handlers.onTaken();
    });
    this.#run(`${url}/replicate`, token).catch((error: unknown) => this.#fail(error));
  }

  /** Sends one frame, given in pieces with its newline. */
  send(frame: readonly Uint8Array[]): void {
    if (this.#isOver) return;
    for (const piece of frame) this.#body.push(piece);
  }

  /** Ends the body, upon which the secondary ends its answer. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#body.close();
    // A secondary that does not end its answer must not keep the connection open.
    setTimeout(() => this.abort(), STREAM_END_MS).unref();
  }

  abort(): void {
    this.#isOver = true;
    this.#abort.abort();
  }

  /** Reports acks; rejects when the stream ends for any reason. */
  async #run(url: string, token: string | null): Promise<never> {
    const { signal } = this.#abort;
    const response = await callPeer(url, token, signal, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: this.#body.stream,
      duplex: 'half',
    });
    const lines = new LineSplitter(PEER_ANSWER_BYTES_MAX);
    let bytesSinceAck = 0;
    for await (const chunk of chunksOf(response, signal)) {
      // The bytes of blank lines between acks are bounded as well.
      bytesSinceAck += chunk.length;
      for (const line of lines.push(chunk)) {
        if (this.#isOver) throw new Error('the stream is over');
        const ack = parseAck(line);
        if (ack === null) throw new Error('the answer is not an ack');
        bytesSinceAck = 0;
        this.#handlers.onAck(ack);
      }
      if (bytesSinceAck > PEER_ANSWER_BYTES_MAX) throw new Error('the answer is not an ack');
    }
    throw new Error('the secondary ended the stream');
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.abort();
    const problem = error instanceof PeerRefusal ? error.problem : null;
    const { staleBy = null, isRestarted = false } = problem ?? {};
    this.#handlers.onFailed({ reason: reasonOf(error), staleBy, isRestarted });
  }
}
