/**
 * Tracks the unanswered requests of each connection. While a request waits for its answer, its client may send
 * another request, garbage, or nothing; the earlier answer always goes out first.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { DISCARD_MS, UNANSWERED_MAX } from './limits.ts';
import type { RequestContext } from './request-context.ts';

export class ConnectionTracker {
  /** The unanswered requests of each connection, in order. */
  readonly #bySocket = new Map<Socket, RequestContext[]>();
  #unanswered = 0;
  readonly #onIdle: (() => void)[] = [];
  /** Connections that sent something invalid, and end after the answers to the requests before it. */
  readonly #ending = new WeakSet<Socket>();

  /**
   * Tracks a request until it is answered or its connection closes. Returns false for a request behind an
   * unanswered one while too many requests wait: a single packet can hold thousands of them. A client that sends
   * one request at a time is never refused.
   */
  track(context: RequestContext): boolean {
    const { socket } = context.req;
    const open = this.#bySocket.get(socket) ?? this.#begin(socket);
    if (this.#unanswered >= UNANSWERED_MAX && open.length > 0) return false;
    const before = open.at(-1);
    if (before !== undefined) before.isFollowed = true;
    open.push(context);
    this.#unanswered += 1;
    // 'close' follows every answer, and comes instead of one that cannot be sent.
    context.res.on('close', () => this.#over(open, context));
    return true;
  }

  #begin(socket: Socket): RequestContext[] {
    const open: RequestContext[] = [];
    this.#bySocket.set(socket, open);
    socket.once('close', () => {
      this.#bySocket.delete(socket);
      // Node emits 'close' on the first response alone. One behind it has no socket yet, and would never hear.
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

  /** Whether the connection ends after the answer to its last request. */
  isEnding(socket: Socket): boolean {
    return this.#bySocket.get(socket)?.at(-1)?.isLast ?? false;
  }

  /** Whether this connection has an unanswered request. */
  isAwaited(socket: Socket): boolean {
    return (this.#bySocket.get(socket)?.length ?? 0) > 0;
  }

  /** Resolves when every request is answered. */
  idle(): Promise<void> {
    if (this.#unanswered === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle.push(resolve);
    });
  }

  /**
   * Called when a connection has sent something invalid. Lets the answers to whole requests before it go out, and
   * then ends the connection; ends it at once if only a half-sent answer is under way. Returns false if neither
   * was needed: then the connection is free for an answer to the invalid part.
   */
  endAfterAnswers(socket: Socket): boolean {
    // The parser reports an error again for every piece that follows.
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
    const isHalfSent = open.some(({ res }) => res.headersSent);
    if (isHalfSent) socket.destroy();
    return isHalfSent;
  }
}

/** Bounds how long the rest of a body is discarded after its answer went out. */
function limitDiscarding(req: IncomingMessage): void {
  const timer = setTimeout(() => {
    if (!req.complete) req.socket.destroy();
  }, DISCARD_MS).unref();
  req.once('close', () => clearTimeout(timer));
}
