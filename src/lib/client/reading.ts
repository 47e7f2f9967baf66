/** Reads from any node: the next one is asked when one does not answer, or does not show enough yet. */
import { type ReadConcern, shownTo } from '../core/concerns/read-barrier.ts';
import type { Caller, OpenAnswer, Question } from './caller.ts';
import { entriesIn } from './entries.ts';
import { mayPass, moreTelling, NoAnswerError } from './errors.ts';
import type { Nodes } from './nodes.ts';
import { positionIn } from './position.ts';
import type { Entry } from './receipt.ts';
import type { Scope } from './scope.ts';
import { preferWait } from './writing.ts';

/** Which entries to read, with all defaults filled in. */
export interface Range {
  readonly from: number;
  readonly limit?: number | undefined;
  /** Only from a node that shows this seq; 0 for any. */
  readonly minSeq: number;
  /** How long all nodes together may wait for `minSeq`, in ms. */
  readonly waitMs: number;
  readonly readConcern: ReadConcern;
}

export interface Page {
  readonly messages: string[];
  /** How many messages the node showed. */
  readonly length: number;
  /** Up to where the node knew them to be committed. */
  readonly committed: number;
  /** The epoch of the newest master whose log this is. */
  readonly epoch: number;
}

/**
 * Asks the nodes in turn until one answers, from which later reads begin.
 * @param isPassedOver whether another node is asked after this failure
 * @throws the most informative failure if no node has answered; the reason of an abort
 */
export async function askAny<Answer>(
  nodes: Nodes,
  scope: Scope,
  ask: (url: string) => Promise<Answer>,
  isPassedOver: (error: unknown) => boolean = mayPass,
): Promise<Answer> {
  let failure: unknown;
  for (const url of nodes.readers()) {
    try {
      const answer = await ask(url);
      nodes.readFrom(url);
      return answer;
    } catch (error) {
      scope.signal.throwIfAborted();
      if (!isPassedOver(error)) throw error;
      failure = moreTelling(failure, error);
    }
  }
  throw failure;
}

/** The request for a range. The first node may wait for `minSeq` for all of `waitMs`, the next ones for what is left. */
class RangeQuestion {
  readonly #range: Range;
  readonly #deadline: number;

  constructor(range: Range) {
    this.#range = range;
    this.#deadline = performance.now() + range.waitMs;
  }

  /** How long a node may wait now, in ms. */
  waitMs(): number {
    return this.#range.minSeq === 0 ? 0 : Math.max(0, this.#deadline - performance.now());
  }

  question(accept: string): Question {
    const { from, limit, minSeq, readConcern } = this.#range;
    const query = new URLSearchParams({ from: String(from) });
    if (limit !== undefined) query.set('limit', String(limit));
    if (minSeq > 0) query.set('minSeq', String(minSeq));
    if (readConcern !== 'local') query.set('readConcern', readConcern);
    const wait = minSeq > 0 ? preferWait(this.waitMs()) : {};
    return { path: `/messages?${query}`, headers: { accept, ...wait } };
  }
}

/** One page, from any node. */
export function readPage(caller: Caller, nodes: Nodes, scope: Scope, range: Range): Promise<Page> {
  const asking = new RangeQuestion(range);
  return askAny(nodes, scope, (url) =>
    caller.ask(
      scope,
      url,
      asking.question('application/json'),
      (body, { headers }) => {
        if (!Array.isArray(body)) throw new TypeError('the answer is not a list');
        const { length, committed, epoch } = positionIn(headers);
        return { messages: body as string[], length, committed, epoch };
      },
      asking.waitMs() + 1000,
    ),
  );
}

/**
 * The entries from `range.from` to the end that the log had at the first request, as they arrive. An answer that
 * breaks off is continued at another node that shows up to that end.
 */
export async function* readEntries(
  caller: Caller,
  nodes: Nodes,
  scope: Scope,
  range: Range,
): AsyncGenerator<Entry> {
  const { waitMs, readConcern } = range;
  let { from: next, minSeq } = range;
  let end: number | null = null;
  let fruitless = 0;
  while (end === null || next <= end) {
    const limit: number | undefined = end === null ? range.limit : end - next + 1;
    const asking = new RangeQuestion({ from: next, limit, minSeq, waitMs, readConcern });
    const { url, answer, length } = await askAny(nodes, scope, async (url) => {
      const question = asking.question('application/x-ndjson');
      const answer = await caller.open(scope, url, question, asking.waitMs() + 1000);
      return { url, answer, length: lengthIn(answer, readConcern) };
    });
    end ??= Math.min(length, next + (limit ?? Number.MAX_SAFE_INTEGER) - 1);
    minSeq = Math.max(minSeq, end);
    fruitless += 1;
    try {
      for await (const entry of entriesIn(answer, caller.timeoutMs)) {
        if (entry.seq !== next)
          throw new NoAnswerError(`${url} gave seq ${entry.seq}, not ${next}`);
        next += 1;
        fruitless = 0;
        yield entry;
      }
      if (next <= end) throw new NoAnswerError(`${url} ended before seq ${end}`);
    } catch (error) {
      scope.signal.throwIfAborted();
      if (!mayPass(error) || fruitless > nodes.urls.length) throw error;
      nodes.leaveReader(url);
    } finally {
      answer.scope.close();
    }
  }
}

function lengthIn({ response, scope }: OpenAnswer, readConcern: ReadConcern): number {
  try {
    return shownTo(positionIn(response.headers), readConcern);
  } catch (error) {
    scope.close();
    throw error;
  }
}
