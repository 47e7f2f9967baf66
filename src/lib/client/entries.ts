/** Entries as they arrive: lines of `application/x-ndjson`, or events of `text/event-stream`. */
import { FRAME_LINE_BYTES_MAX } from '../http/limits.ts';
import { LineSplitter } from '../http/lines.ts';
import { chunksOf } from '../http/peer.ts';
import type { OpenAnswer } from './caller.ts';
import { NoAnswerError } from './errors.ts';
import { type Entry, readEntry } from './receipt.ts';

const DATA = 'data:';

/**
 * The entries of an answer, until it ends. Whoever takes them may be slow: only the time that a node takes
 * counts.
 * @param quietMsMax how long nothing may come before it counts as broken
 * @throws NoAnswerError if it breaks, or is something else
 */
export async function* entriesIn(
  { response, scope }: OpenAnswer,
  quietMsMax: number,
): AsyncGenerator<Entry> {
  const isEvents = response.headers.get('content-type') === 'text/event-stream';
  const lines = new LineSplitter(FRAME_LINE_BYTES_MAX);
  const chunks = chunksOf(response, scope.signal);
  try {
    for (;;) {
      scope.expireIn(quietMsMax);
      const { done, value } = await unbroken(chunks.next());
      scope.rest();
      if (done) return;
      yield* understood(() => [...entriesOf(lines.push(value), isEvents)]);
    }
  } finally {
    scope.rest();
    await chunks.return(undefined);
  }
}

/** An event is one `data` line that has all, the seq too; its other lines, and comments, are passed over. */
function* entriesOf(lines: Iterable<Uint8Array>, isEvents: boolean): Generator<Entry> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for (const bytes of lines) {
    const line = decoder.decode(bytes);
    if (!isEvents) yield readEntry(JSON.parse(line));
    else if (line.startsWith(DATA)) yield readEntry(JSON.parse(line.slice(DATA.length)));
  }
}

function understood(read: () => Entry[]): Entry[] {
  try {
    return read();
  } catch (error) {
    throw new NoAnswerError('what came is not an entry', { cause: error });
  }
}

async function unbroken<Value>(reading: Promise<Value>): Promise<Value> {
  try {
    return await reading;
  } catch (error) {
    throw new NoAnswerError('the answer broke off', { cause: error });
  }
}
