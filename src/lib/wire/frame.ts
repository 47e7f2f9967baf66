/** A frame as the line it travels in, made of the log's own bytes. */
import type { EpochStart, EpochsPart } from '../core/log/epochs.ts';
import type { KeyIndex } from '../core/log/idempotency.ts';
import type { Log } from '../core/log/log.ts';
import { FRAME_JOINED_BYTES_MAX } from '../http/limits.ts';

/** Whose frame it is, and what it says beside its entries. */
export interface FrameOrigin {
  readonly logId: string;
  readonly epoch: number;
  readonly writer: string | null;
  readonly bootId?: string;
  readonly completeFrom?: number;
  readonly committed?: number;
}

/**
 * The line for the entries `from..to`, its newline included, in pieces: a large one as views of the log.
 * A small one is one piece, for each costs its own write.
 */
export function encodeFrame(
  origin: FrameOrigin,
  epochs: readonly EpochStart[] | null,
  log: Log,
  keyIndex: KeyIndex,
  from: number,
  to: number,
  traces: readonly (readonly [seq: number, parent: string])[] = [],
  part: EpochsPart = { offset: 0, hasMore: false },
): Uint8Array[] {
  const { logId, epoch, writer, bootId, completeFrom, committed } = origin;
  const head = JSON.stringify({
    logId,
    epoch,
    ...(writer === null ? {} : { writer }),
    ...(bootId === undefined ? {} : { bootId }),
    ...(completeFrom === undefined ? {} : { completeFrom }),
    ...(committed === undefined ? {} : { committed }),
    from,
    ...(epochs === null ? {} : epochsJson(epochs, part)),
  }).slice(0, -1);
  const keys = keyIndex.runsWithin(from, to).map(([first, last, key]) => {
    return [first === last ? first : `${first}-${last}`, key] as const;
  });
  const tail = bySeq('keys', keys) + bySeq('traces', traces);
  const messages = log.slices(from, to);
  const bytes = messages.reduce((sum, slice) => sum + slice.length, 0);
  const pieces = [Buffer.from(`${head},"messages":[`), ...messages, Buffer.from(`]${tail}}\n`)];
  return bytes > FRAME_JOINED_BYTES_MAX ? pieces : [Buffer.concat(pieces)];
}

/** What some of the entries have, as a member of the frame; entries of one keyed append are one run. */
function bySeq(
  name: string,
  values: readonly (readonly [seqs: number | string, value: string])[],
): string {
  return values.length === 0 ? '' : `,"${name}":${JSON.stringify(Object.fromEntries(values))}`;
}

/**
 * The pairs of the contract; who wrote each epoch is told beside them, where it is known. A part of a
 * list has a name of its own: who does not know it must not take it for the whole.
 */
function epochsJson(starts: readonly EpochStart[], { offset, hasMore }: EpochsPart): object {
  const isNamed = starts.some(({ writer }) => writer !== null);
  const isWhole = offset === 0 && !hasMore;
  return {
    [isWhole ? 'epochs' : 'epochsPart']: starts.map(({ epoch, firstSeq }) => [epoch, firstSeq]),
    ...(isNamed ? { writers: starts.map(({ writer }) => writer) } : {}),
    ...(isWhole ? {} : { epochsOffset: offset, epochsMore: hasMore }),
  };
}
