/**
 * The secondary's end of a stream: frames come in as lines, and the ack of each goes out as soon as it is applied.
 * A refusal before the first ack is an HTTP status; a later one ends the answer. Both are failures to the master.
 */
import type { Frame, Heartbeat, HeartbeatRequest } from '../core/protocol.ts';
import type { Refusal } from '../core/refusal.ts';
import type { FrameAnswer, Secondary } from '../core/secondary.ts';
import { ByteBudget } from '../http/byte-buffer.ts';
import { requireContentType } from '../http/headers.ts';
import {
  FRAME_LINE_BYTES_MAX,
  FRAME_LINE_STALL_MS,
  FRAME_LINES_BYTES_MAX,
  FRAMES_PENDING_MAX,
} from '../http/limits.ts';
import { HttpProblem, problemOf } from '../http/problems.ts';
import type { RequestContext } from '../http/request-context.ts';
import { encodeAck } from '../wire/ack.ts';
import { readFrame } from '../wire/frame.ts';
import { LineSplitter, LineTooLong } from '../wire/lines.ts';

/** What the replication routes need of a secondary; the driver provides it. */
export interface ReplicationPort {
  readonly core: { readonly secondary: Secondary };
  /** Aborts when the node stops. */
  readonly stopping: AbortSignal;
  heartbeat(request: HeartbeatRequest | null): Heartbeat | Refusal;
  receive(frame: Frame, onAnswer: (answer: FrameAnswer) => void): void;
  /** A stream of frames has ended. */
  streamEnded(): void;
}

/** Bounds the bytes of the unfinished lines of all streams together. */
const allLines = new ByteBudget(FRAME_LINES_BYTES_MAX);

/** `POST /replicate`. */
export function replicate(port: ReplicationPort, context: RequestContext): void {
  requireContentType(context.req, 'application/x-ndjson');
  if (port.stopping.aborted) throw stopping();
  new IncomingStream(port, context).listen();
}

class IncomingStream {
  readonly #port: ReplicationPort;
  readonly #context: RequestContext;
  readonly #lines = new LineSplitter(FRAME_LINE_BYTES_MAX, allLines);
  /** The number of unanswered frames. */
  #pending = 0;
  /** Whether the master has ended the body. */
  #isComplete = false;
  /** Whether the stream was refused. */
  #isOver = false;
  /** The refusal of a line, which waits until the frames before it are answered. */
  #deferred: HttpProblem | null = null;
  #stall: NodeJS.Timeout | undefined;

  constructor(port: ReplicationPort, context: RequestContext) {
    this.#port = port;
    this.#context = context;
  }

  listen(): void {
    const { req, res } = this.#context;
    const { stopping: signal } = this.#port;
    const onStop = () => this.#refuse(stopping());
    signal.addEventListener('abort', onStop);
    res.once('close', () => {
      signal.removeEventListener('abort', onStop);
      clearTimeout(this.#stall);
      this.#lines.clear();
      this.#port.streamEnded();
    });
    req.on('data', (chunk: Buffer) => this.#onData(chunk));
    req.on('end', () => this.#onEnd());
    res.on('drain', () => this.#resumeIfRoom());
  }

  #onData(chunk: Buffer): void {
    this.#guarded(() => {
      for (const line of this.#lines.push(chunk)) if (!this.#isOver) this.#take(line);
      if (this.#lines.isInLine) this.#port.core.secondary.received(chunk.length);
    });
    if (!this.#isOver && !this.#hasRoom()) this.#context.req.pause();
    this.#watchLine();
  }

  #onEnd(): void {
    const { res } = this.#context;
    clearTimeout(this.#stall);
    this.#guarded(() => {
      const line = this.#lines.remainder();
      if (line !== null) this.#take(line);
    });
    this.#isComplete = true;
    if (this.#isOver || this.#pending > 0) return;
    if (res.headersSent) res.end();
    else this.#refuse(new HttpProblem('bad-request', 'the body has no frame'));
  }

  #take(line: Uint8Array): void {
    const frame = readFrame(line);
    this.#pending += 1;
    this.#port.receive(frame, (answer) => this.#onAnswer(answer));
  }

  #onAnswer(answer: FrameAnswer): void {
    const { res } = this.#context;
    this.#pending -= 1;
    if (this.#isOver || res.destroyed) return;
    if (answer.kind === 'refused') {
      this.#refuse(problemOf(answer));
      return;
    }
    if (!res.headersSent) res.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
    res.write(encodeAck(answer.ack));
    if (this.#pending === 0 && this.#deferred !== null) this.#refuse(this.#deferred);
    else if (this.#pending === 0 && this.#isComplete) res.end();
    this.#resumeIfRoom();
  }

  #hasRoom(): boolean {
    return this.#pending < FRAMES_PENDING_MAX && !this.#context.res.writableNeedDrain;
  }

  #resumeIfRoom(): void {
    const { req } = this.#context;
    if (!req.isPaused() || !this.#hasRoom()) return;
    req.resume();
    this.#watchLine();
  }

  /** An unfinished line takes up budget, so it is refused when it stops arriving. No timer while we paused the socket. */
  #watchLine(): void {
    clearTimeout(this.#stall);
    if (!this.#lines.isInLine || this.#isOver || this.#context.req.isPaused()) return;
    this.#stall = setTimeout(() => this.#refuseInTurn(stalled()), FRAME_LINE_STALL_MS);
  }

  /** Does the work unless the stream was refused; an invalid line refuses it. */
  #guarded(work: () => void): void {
    if (this.#isOver || this.#deferred !== null) return;
    try {
      work();
    } catch (error) {
      if (error instanceof HttpProblem) this.#refuseInTurn(error);
      else if (error instanceof LineTooLong) {
        const fields = { limit: FRAME_LINE_BYTES_MAX };
        this.#refuseInTurn(new HttpProblem('content-too-large', error.message, fields));
      } else throw error;
    }
  }

  #refuseInTurn(problem: HttpProblem): void {
    this.#lines.clear();
    if (this.#pending === 0) this.#refuse(problem);
    else this.#deferred = problem;
  }

  #refuse(problem: HttpProblem): void {
    const { req, res } = this.#context;
    if (this.#isOver) return;
    this.#isOver = true;
    this.#lines.clear();
    // The rest of the body is not read: the connection ends with the answer.
    if (res.headersSent) res.end(() => req.socket.destroySoon());
    else {
      res.setHeader('Connection', 'close');
      this.#context.sendProblem(problem);
    }
  }
}

function stopping(): HttpProblem {
  return new HttpProblem('shutting-down', 'this node is stopping');
}

function stalled(): HttpProblem {
  const detail = `a frame that has begun must go on within ${FRAME_LINE_STALL_MS} ms`;
  return new HttpProblem('request-timeout', detail);
}
