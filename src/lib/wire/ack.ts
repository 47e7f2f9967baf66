/** An ack: one line of the answer to a stream of frames. */
import type { Ack } from '../core/protocol.ts';
import { fieldsOf, isCount, isEpochOrNone, isPeerName } from './fields.ts';

/** The line of an ack, its newline included. */
export function encodeAck({ isLogMatched: agreed, ...ack }: Ack): string {
  return `${JSON.stringify(agreed === false ? { ...ack, agreed } : ack)}\n`;
}

/** Reads one ack; null if it is not one. */
export function parseAck(line: Uint8Array): Ack | null {
  const fields = fieldsOf(line);
  if (fields === null) return null;
  const { bootId, logId, epoch, length, agreed } = fields;
  if (!isPeerName(bootId) || !isPeerName(logId)) return null;
  if (!isEpochOrNone(epoch) || !isCount(length)) return null;
  if (agreed !== undefined && agreed !== false) return null;
  const ack = { bootId, logId, epoch, length };
  return agreed === false ? { ...ack, isLogMatched: false } : ack;
}
