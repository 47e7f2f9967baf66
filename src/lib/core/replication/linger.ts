/**
 * How long a frame waits for more messages to travel with it. A frame costs both its ends as much as
 * some ten appends, whatever it carries; so while messages keep coming they share frames, as small
 * packets do by Nagle's algorithm (RFC 896). What comes after a quiet time goes at once.
 */

export interface Linger {
  /** While a frame has no ack, the next one with something a client waits for may wait so long, in ms. */
  readonly awaitedMs: number;
  /** The same from frame to frame while no client waits for what they carry, in ms. */
  readonly unawaitedMs: number;
}

export const LINGER: Linger = { awaitedMs: 2, unawaitedMs: 10 };

/**
 * When a frame that is not full may go, on the clock of `sentAt`, which is when the last one went.
 *
 * @param inFlight how many frames have no ack
 */
export function lingersUntil(
  linger: Linger,
  sentAt: number,
  inFlight: number,
  isAwaited: boolean,
): number {
  if (!isAwaited) return sentAt + linger.unawaitedMs;
  return inFlight === 0 ? sentAt : sentAt + linger.awaitedMs;
}
