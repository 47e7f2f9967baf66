/**
 * The secondary's end of a stream: frames come in as lines, and the ack of each goes out as soon as it is applied.
 * A refusal before the first ack is an HTTP status; a later one ends the answer. To the master both are "no answer".
 */

import type { SecondaryPort } from '../api/ports.ts';
import type { FrameAnswer } from '../core/secondary.ts';
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

/** How many bytes the unfinished lines of all streams may have together. */
const allLines = new ByteBudget(FRAME_LINES_BYTES_MAX);

/** `POST /replicate`. */
export function replicate(port: SecondaryPort, context: RequestContext): void {
  const { req, res } = context;
  requireContentType(req, 'application/x-ndjson');
  if (port.stopping.aborted) throw stopping();
  const lines = new LineSplitter(FRAME_LINE_BYTES_MAX, allLines);
  let pending = 0;
  let isComplete = false;
  let isOver = false;
  /** The refusal of a line, until the frames before it are answered. */
  let deferred: HttpProblem | null = null;

  const refuse = (problem: HttpProblem) => {
    if (isOver) return;
    isOver = true;
    lines.clear();
    // Nothing that the master still sends here is read: the connection ends with the answer.
    if (res.headersSent) res.end(() => req.socket.destroySoon());
    else {
      res.setHeader('Connection', 'close');
      context.sendProblem(problem);
    }
  };

  const refuseInTurn = (problem: HttpProblem) => {
    lines.clear();
    if (pending === 0) refuse(problem);
    else deferred = problem;
  };

  // An unfinished line uses up the budget, so it is refused when it stops arriving. No timer while we paused the
  // socket ourselves.
  let stall: NodeJS.Timeout | undefined;
  const watchLine = () => {
    clearTimeout(stall);
    if (!lines.isInLine || isOver || req.isPaused()) return;
    stall = setTimeout(() => refuseInTurn(stalled()), FRAME_LINE_STALL_MS);
  };

  const onAnswer = (answer: FrameAnswer) => {
    pending -= 1;
    if (isOver || res.destroyed) return;
    if (answer.kind === 'refused') {
      refuse(problemOf(answer));
      return;
    }
    if (!res.headersSent) res.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
    res.write(encodeAck(answer.ack));
    if (pending === 0 && deferred !== null) refuse(deferred);
    else if (pending === 0 && isComplete) res.end();
    resumeIfRoom();
  };

  const hasRoom = () => pending < FRAMES_PENDING_MAX && !res.writableNeedDrain;
  const resumeIfRoom = () => {
    if (!req.isPaused() || !hasRoom()) return;
    req.resume();
    watchLine();
  };

  const take = (line: Uint8Array) => {
    const frame = readFrame(line);
    pending += 1;
    port.receive(frame, onAnswer);
  };

  const guarded = (work: () => void) => {
    if (isOver || deferred !== null) return;
    try {
      work();
    } catch (error) {
      if (error instanceof HttpProblem) refuseInTurn(error);
      else if (error instanceof LineTooLong) {
        const fields = { limit: FRAME_LINE_BYTES_MAX };
        refuseInTurn(new HttpProblem('content-too-large', error.message, fields));
      } else throw error;
    }
  };

  const onStop = () => refuse(stopping());
  port.stopping.addEventListener('abort', onStop);
  res.once('close', () => {
    port.stopping.removeEventListener('abort', onStop);
    clearTimeout(stall);
    lines.clear();
  });

  req.on('data', (chunk: Buffer) => {
    guarded(() => {
      for (const line of lines.push(chunk)) if (!isOver) take(line);
      if (lines.isInLine) port.core.received(chunk.length);
    });
    if (!isOver && !hasRoom()) req.pause();
    watchLine();
  });
  res.on('drain', resumeIfRoom);
  req.on('end', () => {
    clearTimeout(stall);
    guarded(() => {
      const rest = lines.remainder();
      if (rest !== null) take(rest);
    });
    isComplete = true;
    if (isOver || pending > 0) return;
    if (res.headersSent) res.end();
    else refuse(new HttpProblem('bad-request', 'the body has no frame'));
  });
}

function stopping(): HttpProblem {
  return new HttpProblem('shutting-down', 'this node is stopping');
}

function stalled(): HttpProblem {
  const detail = `a frame that has begun must go on within ${FRAME_LINE_STALL_MS} ms`;
  return new HttpProblem('request-timeout', detail);
}
