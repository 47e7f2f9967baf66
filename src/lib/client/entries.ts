/** Reads entries as they arrive: lines of `application/x-ndjson`, or events of `text/event-stream`. */
import { FRAME_LINE_BYTES_MAX } from '../http/limits.ts';
import { chunksOf } from '../replication/peer-answers.ts';
import { LineSplitter } from '../wire/lines.ts';
import type { OpenAnswer } from './caller.ts';
import { NoAnswerError } from './errors.ts';
import { type Entry, type LogReset, readEntry, readReset } from './receipt.ts';

/**
 * The entries of an NDJSON answer. Only the time in which the node is silent counts, not the time that the consumer
 * takes.
 * @param quietMsMax how long nothing may come before the answer counts as broken
 * @throws NoAnswerError if the answer breaks off, or has something else than entries
 */
export function entriesIn(answer: OpenAnswer, quietMsMax: number): AsyncGenerator<Entry> {
  return itemsIn(answer, quietMsMax, (line) => readEntry(JSON.parse(line)));
}

/** An event of a tail: an entry, or a reset, which says that earlier entries are no longer in the log. */
export type LogEvent = { readonly id: string } & (
  | { readonly entry: Entry; readonly reset?: undefined }
  | { readonly reset: LogReset; readonly entry?: undefined }
);

/** The same for an answer of events. Nodes write `data` as the last line of each event. */
export function eventsIn(answer: OpenAnswer, quietMsMax: number): AsyncGenerator<LogEvent> {
  let [id, type] = ['', 'message'];
  return itemsIn(answer, quietMsMax, (line) => {
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'id') id = value;
    else if (field === 'event') type = value;
    if (field !== 'data') return null;
    const data = JSON.parse(value);
    const event =
      type === 'reset' ? { id, reset: readReset(data) } : { id, entry: readEntry(data) };
    type = 'message';
    return event;
  });
}

/** The items that `read` finds in the lines of an answer; it returns null for a line without one. */
async function* itemsIn<Item>(
  { response, scope }: OpenAnswer,
  quietMsMax: number,
  read: (line: string) => Item | null,
): AsyncGenerator<Item> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const lines = new LineSplitter(FRAME_LINE_BYTES_MAX);
  const chunks = chunksOf(response, scope.signal);
  try {
    for (;;) {
      scope.expireIn(quietMsMax);
      const { done, value } = await unbroken(chunks.next());
      scope.rest();
      if (done) return;
      yield* understood(() =>
        Array.from(lines.push(value), (line) => read(decoder.decode(line))).filter(
          (item) => item !== null,
        ),
      );
    }
  } finally {
    scope.rest();
    await chunks.return(undefined);
  }
}

function understood<Value>(read: () => Value): Value {
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
