/** A frame as the line it travels in, made of the log's own bytes. */
import type { KeyIndex } from '../core/idempotency.ts';
import type { Log } from '../core/log.ts';

/** The line for the entries `from..to`, its newline included. */
export function encodeFrame(
  origin: { readonly logId: string; readonly epoch: number },
  log: Log,
  keyIndex: KeyIndex,
  from: number,
  to: number,
): Uint8Array {
  const { logId, epoch } = origin;
  const head = JSON.stringify({ logId, epoch, from }).slice(0, -1);
  const keys = keyIndex.within(from, to);
  const tail = keys.length === 0 ? '' : `,"keys":${JSON.stringify(Object.fromEntries(keys))}`;
  return Buffer.concat([
    Buffer.from(`${head},"messages":[`),
    ...log.slices(from, to),
    Buffer.from(`]${tail}}\n`),
  ]);
}
