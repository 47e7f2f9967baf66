/**
 * Which requests of a connection are not answered yet. Clients may send the next request, or
 * garbage, or nothing more at all, while an earlier one still waits; its answer comes first.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { UNANSWERED_MAX } from './limits.ts';

interface Open {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

export class ConnectionTracker {
  readonly #bySocket = new WeakMap<Socket, Set<Open>>();
  #unanswered = 0;
  readonly #onIdle: (() => void)[] = [];
  /** Connections that sent what is no request, and end when what came before is answered. */
  readonly #ending = new WeakSet<Socket>();

  /**
   * Follows a request until its answer is out or the connection is gone. False, and nothing
   * followed, for a request behind an unanswered one while too many are without an answer: a single
   * packet can hold thousands of them. Who sends one at a time is never refused.
   */
  track(req: IncomingMessage, res: ServerResponse): boolean {
    const { socket } = req;
    let open = this.#bySocket.get(socket);
    if (this.#unanswered >= UNANSWERED_MAX && open !== undefined && open.size > 0) return false;
    if (open === undefined) {
      open = new Set();
      this.#bySocket.set(socket, open);
      socket.once('close', () => closeAll(this.#bySocket.get(socket)));
    }
    const entry = { req, res };
    open.add(entry);
    this.#unanswered += 1;
    const done = () => {
      if (!this.#bySocket.get(socket)?.delete(entry)) return;
      this.#unanswered -= 1;
      if (this.#unanswered === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
    };
    res.once('finish', done).once('close', done);
    return true;
  }

  /** Whether a request of this connection is without its answer. */
  isAwaited(socket: Socket): boolean {
    return (this.#bySocket.get(socket)?.size ?? 0) > 0;
  }

  /** Resolves when no request is without its answer. */
  idle(): Promise<void> {
    if (this.#unanswered === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle.push(resolve);
    });
  }

  /**
   * What came last on this connection is no request. If whole requests before it are unanswered,
   * lets their answers go out, and ends the connection then; if an answer is in the middle, ends it
   * now. Returns whether it did: if not, the connection is free for an answer to what is broken.
   */
  endAfterAnswers(socket: Socket): boolean {
    // The parser complains anew about every piece that follows.
    if (this.#ending.has(socket)) return true;
    const open = [...(this.#bySocket.get(socket) ?? [])];
    const whole = open.filter(({ req }) => req.complete);
    let left = whole.length;
    for (const { res } of whole) {
      res.once('finish', () => {
        left -= 1;
        if (left === 0) socket.destroySoon();
      });
    }
    if (left > 0) {
      this.#ending.add(socket);
      return true;
    }
    const isInTheMiddle = open.some(({ res }) => res.headersSent);
    if (isInTheMiddle) socket.destroy();
    return isInTheMiddle;
  }
}

/** A response behind another one has no connection yet, and would never hear of its end. */
function closeAll(open: Set<Open> | undefined): void {
  for (const { res } of open ?? []) res.emit('close');
}
