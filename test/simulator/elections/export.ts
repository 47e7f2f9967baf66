/** A node's log as the frames of `GET /replicate`: at least one, perhaps without messages. */
import type { Node } from '../../../src/lib/core/node.ts';
import type { Frame } from '../../../src/lib/core/protocol.ts';
import { FRAME_EPOCHS_MAX, frameOf } from '../frames.ts';

export function exportLog({ secondary }: Node, from: number): Frame[] {
  const { epoch, writer, bootId, length, keys } = secondary;
  const { epochs } = secondary.log;
  const origin = { logId: secondary.logId as string, epoch, writer, bootId };
  const frames: Frame[] = [];
  let offset = 0;
  for (; epochs.length - offset > FRAME_EPOCHS_MAX; offset += FRAME_EPOCHS_MAX) {
    const starts = epochs.slice(offset, offset + FRAME_EPOCHS_MAX);
    const part = { offset, hasMore: true };
    frames.push(frameOf(secondary, origin, starts, from, from - 1, part));
  }
  const part = { offset, hasMore: false };
  let seq = from;
  do {
    const end = Math.min(length, seq + 2);
    const to = seq > length ? seq - 1 : Math.min(length, keys.runEnd(end));
    const starts = seq === from ? epochs.slice(offset) : null;
    frames.push(frameOf(secondary, origin, starts, seq, to, part));
    seq = to + 1;
  } while (seq <= length);
  return frames;
}
