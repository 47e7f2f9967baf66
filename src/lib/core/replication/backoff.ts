/**
 * Capped exponential backoff with full jitter: attempts spread evenly over a window that doubles,
 * so that many retries never march in step. Source: M. Brooker, "Exponential Backoff And Jitter",
 * AWS Architecture Blog, 2015.
 */

/** Beyond this many doublings any base has passed any cap; the exponent stays finite. */
const DOUBLINGS_MAX = 30;

/**
 * Milliseconds to wait before the next attempt.
 * @param failures consecutive failures so far, at least 1
 * @param random a number in [0, 1)
 */
export function backoffMs(failures: number, baseMs: number, maxMs: number, random: number): number {
  const doublings = Math.min(failures - 1, DOUBLINGS_MAX);
  return random * Math.min(maxMs, baseMs * 2 ** doublings);
}
