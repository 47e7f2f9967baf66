/**
 * Which requests of a connection are not answered yet. Clients may send the next request, or
 * garbage, or nothing more at all, while an earlier one still waits; its answer comes first.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { DISCARD_MS, UNANSWERED_MAX } from './limits.ts';
import type { RequestContext } from './request-context.ts';

export class ConnectionTracker {
  /** The requests of each connection whose answer is due, in order. */
  readonly #bySocket = new Map<Socket, RequestContext[]>();
  #unanswered = 0;
  readonly #onIdle: (() => void)[] = [];
  /** Connections that sent what is no request, and end when what came before is answered. */
  readonly #ending = new WeakSet<Socket>();

  /**
   * Follows a request until its answer is out or the connection is gone. False, and nothing
   * followed, for a request behind an unanswered one while too many are without an answer: a single
   * packet can hold thousands of them. Who sends one at a time is never refused.
   */
  track(context: RequestContext): boolean {
    const { socket } = context.req;
    const open = this.#bySocket.get(socket) ?? this.#begin(socket);
    if (this.#unanswered >= UNANSWERED_MAX && open.length > 0) return false;
    const before = open.at(-1);
    if (before !== undefined) before.isFollowed = true;
    open.push(context);
    this.#unanswered += 1;
    // It comes after every answer, and instead of one.
    context.res.on('close', () => this.#over(open, context));
    return true;
  }

  #begin(socket: Socket): RequestContext[] {
    const open: RequestContext[] = [];
    this.#bySocket.set(socket, open);
    socket.once('close', () => {
      this.#bySocket.delete(socket);
      // A response behind another one has no connection yet, and would never hear of its end. The
      // first one hears of it from node, once.
      for (const { res } of open.slice()) if (!res.socket) res.emit('close');
    });
    return open;
  }

  #over(open: RequestContext[], context: RequestContext): void {
    const index = open.indexOf(context);
    if (index < 0) return;
    if (open.length === 1) open.pop();
    else open.splice(index, 1);
    this.#unanswered -= 1;
    if (!context.req.complete) limitDiscarding(context.req);
    if (this.#unanswered === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  /** Whether the connection ends with an answer that is on its way. */
  isEnding(socket: Socket): boolean {
    return this.#bySocket.get(socket)?.at(-1)?.isLast ?? false;
  }

  /** Whether a request of this connection is without its answer. */
  isAwaited(socket: Socket): boolean {
    return (this.#bySocket.get(socket)?.length ?? 0) > 0;
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
    const open = this.#bySocket.get(socket) ?? [];
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

/** An answer may come before the body has; what is left of it is thrown away, but not for ever. */
function limitDiscarding(req: IncomingMessage): void {
  const timer = setTimeout(() => {
    if (!req.complete) req.socket.destroy();
  }, DISCARD_MS).unref();
  req.once('close', () => clearTimeout(timer));
}
