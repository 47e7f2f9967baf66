/** Entries as they arrive: lines of `application/x-ndjson`, or events of `text/event-stream`. */
import { FRAME_LINE_BYTES_MAX } from '../http/limits.ts';
import { chunksOf } from '../replication/peer-answers.ts';
import { LineSplitter } from '../wire/lines.ts';
import type { OpenAnswer } from './caller.ts';
import { NoAnswerError } from './errors.ts';
import { type Entry, type LogReset, readEntry, readReset } from './receipt.ts';

/**
 * The entries of an answer in lines, until it ends. Whoever takes them may be slow: only the time that a node
 * takes counts.
 * @param quietMsMax how long nothing may come before it counts as broken
 * @throws NoAnswerError if it breaks, or is something else
 */
export function entriesIn(answer: OpenAnswer, quietMsMax: number): AsyncGenerator<Entry> {
  return itemsIn(answer, quietMsMax, (line) => readEntry(JSON.parse(line)));
}

/** What a tail is told: an entry, or that entries it was told before are not in the log any more. */
export type LogEvent = { readonly id: string } & (
  | { readonly entry: Entry; readonly reset?: undefined }
  | { readonly reset: LogReset; readonly entry?: undefined }
);

/** The same for an answer in events. Of each the `data` is the last line, as nodes write them. */
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

/** What the lines of an answer are, those that are something. */
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
