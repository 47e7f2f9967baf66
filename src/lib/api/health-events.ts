/**
 * `GET /health` as events: the whole body at once, and again whenever it changes, at most ten times a second. The
 * passing of time is no change, nor is a heartbeat that is answered in time, because a follower can compute both.
 * A comment shows from time to time that the node is alive.
 *
 * Following needs no token, so its cost is bounded: the node computes the body once for all followers, and spends at
 * most a quarter of its time on sending it.
 */
import type { ServerResponse } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { HEALTH_COMMENT_MS, HEALTH_PAUSE_FACTOR, HEALTH_POLL_MS } from '../http/limits.ts';
import type { RequestContext } from '../http/request-context.ts';
import { beginEvents } from './message-events.ts';
import type { ReadPort } from './ports.ts';

/** How many followers get an event in one turn of the event loop. */
const TOLD_AT_ONCE = 128;
const COMMENT = Buffer.from(':\n\n');

/** The members of a secondary's health that change with time: only a change against their direction is news. */
interface Moving {
  readonly lastSeenMsAgo: number | null;
  readonly nextAttemptInMs: number | null;
}

interface Body {
  readonly secondaries?: readonly Moving[];
}

interface Follower {
  readonly res: ServerResponse;
  /** The version of the body that it was sent last. */
  version: number;
}

export class HealthFeed {
  readonly #port: Pick<ReadPort, 'now' | 'awaitShown'>;
  readonly #health: () => Body;
  readonly #onTimeMs: number;
  readonly #followers = new Set<Follower>();
  /** The followers that were not sent the newest body yet. */
  readonly #behind = new Set<Follower>();
  #isRunning = false;
  /** The last body, and when it was sent; null before the first. */
  #told: { readonly body: Body; readonly at: number } | null = null;
  #event: Buffer = COMMENT;
  #version = 0;
  #commentAt = 0;

  /**
   * @param health computes the body of `GET /health`
   * @param onTimeMs the largest `lastSeenMsAgo` of a secondary that answers its heartbeats in time
   */
  constructor(
    port: Pick<ReadPort, 'now' | 'awaitShown'>,
    health: () => Body,
    onTimeMs = Number.POSITIVE_INFINITY,
  ) {
    this.#port = port;
    this.#health = health;
    this.#onTimeMs = onTimeMs;
  }

  /** Answers with events until the reader disconnects or the node stops. */
  follow(context: RequestContext): void {
    if (!beginEvents(context)) return;
    const { res } = context;
    const follower = { res, version: this.#version };
    res.write(eventOf(this.#health()));
    this.#followers.add(follower);
    res.once('close', () => this.#forget(follower));
    if (!this.#isRunning) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    this.#told = null;
    try {
      this.#look();
      let pauseMs = HEALTH_POLL_MS;
      while ((await this.#pause(pauseMs)) && this.#followers.size > 0) {
        const workMs = await this.#tell(this.#look());
        pauseMs = Math.max(HEALTH_POLL_MS, HEALTH_PAUSE_FACTOR * workMs);
      }
    } finally {
      this.#isRunning = false;
      for (const { res } of this.#followers) if (!res.destroyed) res.end();
    }
  }

  /** Resolves after `ms`, or with false when the node stops. It waits for a seq that the log never reaches. */
  #pause(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const waiter = this.#port.awaitShown(Number.MAX_SAFE_INTEGER, this.#port.now() + ms, (end) =>
        resolve(end !== 'stopping'),
      );
      if (waiter === null) resolve(false);
    });
  }

  /** Computes the body; returns whether to send it, a comment, or nothing. */
  #look(): 'news' | 'comment' | null {
    const now = this.#port.now();
    const body = this.#health();
    const last = this.#told;
    if (last !== null && !isNews(last.body, body, now - last.at, this.#onTimeMs)) {
      if (now < this.#commentAt) return null;
      this.#commentAt = now + HEALTH_COMMENT_MS;
      return 'comment';
    }
    if (last !== null) {
      this.#version += 1;
      this.#event = eventOf(body);
    }
    this.#told = { body, at: now };
    this.#commentAt = now + HEALTH_COMMENT_MS;
    return 'news';
  }

  /** Sends to all followers, or without news only to those that are behind. Returns how long that took, in ms. */
  async #tell(what: 'news' | 'comment' | null): Promise<number> {
    const whom = [...(what === null ? this.#behind : this.#followers)];
    let workMs = 0;
    for (let from = 0; from < whom.length; from += TOLD_AT_ONCE) {
      if (from > 0) await turn();
      const begun = this.#port.now();
      for (const follower of whom.slice(from, from + TOLD_AT_ONCE)) {
        this.#write(follower, what === 'comment');
      }
      workMs += this.#port.now() - begun;
    }
    return workMs;
  }

  #forget(follower: Follower): void {
    this.#followers.delete(follower);
    this.#behind.delete(follower);
  }

  #write(follower: Follower, withComment: boolean): void {
    const { res, version } = follower;
    if (res.destroyed) {
      this.#forget(follower);
      return;
    }
    const isBehind = version !== this.#version;
    // A slow reader gets the current state, not the backlog.
    if (res.writableNeedDrain) {
      if (isBehind) this.#behind.add(follower);
      return;
    }
    if (isBehind) res.write(this.#event);
    else if (withComment) res.write(COMMENT);
    follower.version = this.#version;
    this.#behind.delete(follower);
  }
}

function eventOf(body: Body): Buffer {
  return Buffer.from(`data: ${JSON.stringify(body)}\n\n`);
}

/** Whether `after` differs from `before` by more than `elapsedMs` of time and answers that came in time. */
export function isNews(before: Body, after: Body, elapsedMs: number, onTimeMs: number): boolean {
  if (fixed(before) !== fixed(after)) return true;
  // The members are rounded to ms, and a timer may be a little early.
  const ms = elapsedMs - 5;
  return (after.secondaries ?? []).some((now, index) => {
    const then = before.secondaries?.[index] as Moving;
    const isPutOff = (now.nextAttemptInMs ?? 0) > Math.max(0, (then.nextAttemptInMs ?? 0) - ms);
    if (now.lastSeenMsAgo === null || then.lastSeenMsAgo === null) return isPutOff;
    const [isLate, wasLate] = [now.lastSeenMsAgo > onTimeMs, then.lastSeenMsAgo > onTimeMs];
    const wasSeen = wasLate && now.lastSeenMsAgo < then.lastSeenMsAgo + ms;
    return isPutOff || wasSeen || (isLate && !wasLate);
  });
}

/** The body as text, without what changes with time. */
function fixed(body: Body): string {
  return JSON.stringify(body, (name, value) =>
    (name === 'lastSeenMsAgo' || name === 'nextAttemptInMs') && value !== null ? 0 : value,
  );
}
