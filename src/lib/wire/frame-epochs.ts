/** The list of epochs in a frame, or one part of a longer list. */
import type { EpochStart, EpochsPart } from '../core/log/epochs.ts';
import { compareBallots, NO_BALLOT } from '../core/recovery/ballot.ts';
import { bad, type Fields, isCount, isWriter } from './fields.ts';

/**
 * The list as members of a frame; `writers` has the writer of each epoch, if one is known. A part of a list has another
 * name, so that a node that does not know parts does not take it for the whole list.
 */
export function epochsJson(starts: readonly EpochStart[], { offset, hasMore }: EpochsPart): object {
  const isNamed = starts.some(({ writer }) => writer !== '');
  const isWhole = offset === 0 && !hasMore;
  return {
    [isWhole ? 'epochs' : 'epochsPart']: starts.map(({ epoch, firstSeq }) => [epoch, firstSeq]),
    ...(isNamed ? { writers: starts.map(({ writer }) => writer || null) } : {}),
    ...(isWhole ? {} : { epochsOffset: offset, epochsMore: hasMore }),
  };
}

/** Reads the list of epochs in a frame, or the part of a longer one. */
export function parseEpochs(fields: Fields, epochMax: number, messages: number) {
  const { epochs, epochsPart, epochsOffset: offset, epochsMore: hasMore, writers } = fields;
  if (epochsPart === undefined) {
    const starts = epochs === undefined ? null : parseStarts(epochs, writers, epochMax, true);
    return { epochs: starts };
  }
  if (epochs !== undefined) throw bad("a frame must not have 'epochs' and 'epochsPart'");
  if (!isCount(offset) || typeof hasMore !== 'boolean') {
    const rule = "an 'epochsOffset' (an integer from 0) and 'epochsMore' (true or false)";
    throw bad(`a frame with 'epochsPart' needs ${rule}`);
  }
  if (hasMore && messages > 0) throw bad("a frame with 'epochsMore' must not have messages");
  const starts = parseStarts(epochsPart, writers, epochMax, offset === 0);
  if (starts === null) throw bad("a frame's 'epochsPart' must not be empty");
  return { epochs: starts, part: { offset, hasMore } };
}

/** Reads the (epoch, first seq) pairs, and the writers of these epochs if they are there. */
function parseStarts(
  value: unknown,
  writers: unknown,
  epochMax: number,
  isFirst: boolean,
): EpochStart[] | null {
  const rule =
    "a frame's 'epochs' must be a list of [epoch, first seq], both ascending, the first seq 1";
  if (!Array.isArray(value)) throw bad(rule);
  if (writers !== undefined && !(Array.isArray(writers) && writers.length === value.length)) {
    throw bad("a frame's 'writers' must be a list as long as 'epochs'");
  }
  const starts: EpochStart[] = [];
  for (const [index, pair] of value.entries()) {
    const [epoch, firstSeq, ...rest]: unknown[] = Array.isArray(pair) ? pair : [];
    const writer: unknown = (writers as unknown[] | undefined)?.[index];
    const before = starts.at(-1) ?? { ...NO_BALLOT, firstSeq: 1 };
    if (!isCount(epoch) || !isCount(firstSeq) || rest.length > 0) throw bad(rule);
    if (!isWriter(writer)) throw bad("a frame's 'writers' must be strings, or null");
    const start = { epoch, writer: writer ?? '', firstSeq };
    // Two masters that took the same epoch may have written one after the other.
    if (compareBallots(start, before) <= 0 || firstSeq < before.firstSeq) throw bad(rule);
    if (epoch > epochMax) throw bad("a frame's 'epochs' must not go beyond its 'epoch'");
    if (index === 0 && isFirst && firstSeq !== 1) throw bad(rule);
    starts.push(start);
  }
  // An empty list has nothing to compare, so it counts as none.
  return starts.length === 0 ? null : starts;
}
