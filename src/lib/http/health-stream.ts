/**
 * `GET /health` as events: what the node says of itself, at once and then whenever it changes, at most
 * ten times a second. Times that only go by are no change; who watches can count them himself. Comments
 * between tell that the node lives.
 */
import type { Call } from './call.ts';
import { HEALTH_COMMENT_MS, HEALTH_POLL_MS } from './limits.ts';
import type { ReadPort } from './ports.ts';
import { awaitShown, beginEvents } from './tail.ts';

/** What moves by itself in the health of a secondary: it is news when it jumps against its direction. */
interface Moving {
  readonly lastSeenMsAgo: number | null;
  readonly nextAttemptInMs: number | null;
}

interface Body {
  readonly secondaries?: readonly Moving[];
}

/** Answers with events until the reader or the node is at an end. */
export async function streamHealth(port: ReadPort, call: Call, health: () => Body): Promise<void> {
  const { res } = call;
  if (!beginEvents(call)) return;
  let last: Body | null = null;
  let lastAt = 0;
  let commentAt = 0;
  while (!res.destroyed) {
    const body = health();
    const now = port.now();
    // Who does not read gets what is true when he does, not all that was.
    if (!res.writableNeedDrain) {
      const isTold = last === null || isNews(last, body, now - lastAt);
      if (isTold) [last, lastAt] = [body, now];
      if (isTold || now >= commentAt) {
        res.write(isTold ? `data: ${JSON.stringify(body)}\n\n` : ':\n\n');
        commentAt = now + HEALTH_COMMENT_MS;
      }
    }
    // Nobody has written so far: only the time, or the end of the node, ends this wait.
    const end = await awaitShown(port, res, Number.MAX_SAFE_INTEGER, now + HEALTH_POLL_MS);
    if (end === 'stopping') break;
  }
  if (!res.destroyed) res.end();
}

/** Whether `after` says more than that `elapsedMs` have gone by since `before`. */
export function isNews(before: Body, after: Body, elapsedMs: number): boolean {
  if (fixed(before) !== fixed(after)) return true;
  // Times are told in whole ms, and a timer may be a little early.
  const ms = elapsedMs - 5;
  return (after.secondaries ?? []).some((now, index) => {
    const then = before.secondaries?.[index] as Moving;
    const wasSeen =
      (now.lastSeenMsAgo ?? 0) < (then.lastSeenMsAgo ?? 0) + ms && now.lastSeenMsAgo !== null;
    const isPutOff = (now.nextAttemptInMs ?? 0) > Math.max(0, (then.nextAttemptInMs ?? 0) - ms);
    return wasSeen || isPutOff;
  });
}

/** All that does not move by itself, as text. */
function fixed(body: Body): string {
  return JSON.stringify(body, (name, value) =>
    (name === 'lastSeenMsAgo' || name === 'nextAttemptInMs') && value !== null ? 0 : value,
  );
}
