/**
 * Where a frame ends: so that it has a bounded size, and that a keyed append is in one frame, whole. A
 * large one travels alone, so what else a frame may bring never comes on top of it.
 */
import type { KeyIndex } from '../log/idempotency.ts';
import type { Log } from '../log/log.ts';

/** Bytes of messages in one frame; a larger message, and a larger keyed append, travels alone. */
export const FRAME_MESSAGE_BYTES_MAX = 1024 * 1024;
/** Messages in one frame; bounds what their idempotency keys add to it. */
export const FRAME_MESSAGES_MAX = 16_384;

/** The last seq of the frame that begins at `from`, of a log of `length` entries. */
export function frameEnd(
  log: Log,
  keys: KeyIndex,
  from: number,
  length: number,
  bytesMax = FRAME_MESSAGE_BYTES_MAX,
): number {
  const last = Math.min(length, from + FRAME_MESSAGES_MAX - 1);
  const end = log.pageEnd(from, last, bytesMax);
  const runEnd = keys.runEnd(end);
  if (runEnd === end) return end;
  const runStart = keys.runStart(end);
  return runStart > from ? runStart - 1 : Math.min(runEnd, length);
}
