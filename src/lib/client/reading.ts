/** Reads from any node: the next one is asked when one does not answer, or does not show enough yet. */
import { shownTo } from '../core/concerns/read-barrier.ts';
import type { Caller, OpenAnswer, Question } from './caller.ts';
import { entriesIn } from './entries.ts';
import { mayPass, moreTelling, NoAnswerError, ProblemError } from './errors.ts';
import type { Nodes } from './nodes.ts';
import type { ReadConcern } from './options.ts';
import { positionIn } from './position.ts';
import { type Entry, readEntry } from './receipt.ts';
import type { Scope } from './scope.ts';
import { preferWait } from './writing.ts';

/** Which entries to read, with all defaults filled in. */
export interface Range {
  readonly from: number;
  readonly limit?: number | undefined;
  /** Only from a node that shows this seq; 0 for any. */
  readonly minSeq: number;
  /** How long all nodes together may wait for `minSeq`, or to confirm a linearizable read, in ms. */
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

/**
 * How long nodes may wait for a read. For `minSeq` the first node may wait all the time, the next ones for what is
 * left. For a linearizable read each node may wait for its part: one that asks in vain for the master must not use up
 * the time.
 */
class ReadWait {
  readonly #partMs: number | null;
  readonly #deadline: number;

  constructor(nodes: Nodes, waitMs: number, concern: ReadConcern) {
    this.#partMs = concern === 'linearizable' ? Math.ceil(waitMs / nodes.urls.length) : null;
    this.#deadline = performance.now() + waitMs;
  }

  /** How long a node may wait now, in ms. */
  get ms(): number {
    return this.#partMs ?? this.leftMs;
  }

  get leftMs(): number {
    return Math.max(0, this.#deadline - performance.now());
  }
}

/** The request for a range. */
class RangeQuestion {
  readonly #range: Range;
  readonly #mayWait: boolean;
  readonly wait: ReadWait;

  constructor(nodes: Nodes, range: Range) {
    this.#range = range;
    const { minSeq, waitMs, readConcern } = range;
    this.#mayWait = minSeq > 0 || readConcern === 'linearizable';
    this.wait = new ReadWait(nodes, this.#mayWait ? waitMs : 0, readConcern);
  }

  question(accept: string): Question {
    const { from, limit, minSeq, readConcern } = this.#range;
    const query = new URLSearchParams({ from: String(from) });
    if (limit !== undefined) query.set('limit', String(limit));
    if (minSeq > 0) query.set('minSeq', String(minSeq));
    if (readConcern !== 'local') query.set('readConcern', readConcern);
    const wait = this.#mayWait ? preferWait(this.wait.ms) : {};
    return { path: `/messages?${query}`, headers: { accept, ...wait } };
  }
}

/**
 * Asks the nodes in turn for a read of this concern. A linearizable one is tried again while there is time, for an
 * election may be under way; and a node that can never confirm it, as a secondary for good, is passed over.
 */
async function askFor<Answer>(
  caller: Caller,
  nodes: Nodes,
  scope: Scope,
  { wait, concern }: { readonly wait: ReadWait; readonly concern: ReadConcern },
  ask: (url: string) => Promise<Answer>,
): Promise<Answer> {
  if (concern !== 'linearizable') return askAny(nodes, scope, ask);
  const isPassed = (error: unknown) => mayPass(error) || isUnableToConfirm(error);
  for (let rounds = 1; ; rounds += 1) {
    try {
      return await askAny(nodes, scope, ask, isPassed);
    } catch (error) {
      if (!mayPass(error) || wait.leftMs === 0) throw error;
      await caller.pause(scope, rounds, 0);
    }
  }
}

/** Whether a secondary that never becomes the master refuses a linearizable read, or a node that knows of none. */
function isUnableToConfirm(error: unknown): boolean {
  return error instanceof ProblemError && error.problem === 'bad-request';
}

/** One entry, from any node that shows it. */
export function readOne(
  caller: Caller,
  nodes: Nodes,
  scope: Scope,
  seq: number,
  waitMs: number,
  concern: ReadConcern,
): Promise<Entry> {
  const path = `/messages/${seq}`;
  if (concern !== 'linearizable') {
    const asked = concern === 'local' ? path : `${path}?readConcern=${concern}`;
    const ask = (url: string) => caller.ask(scope, url, { path: asked }, readEntry);
    // Another node may show it already.
    return askAny(nodes, scope, ask, (error) => mayPass(error) || isNotFound(error));
  }
  const wait = new ReadWait(nodes, waitMs, concern);
  return askFor(caller, nodes, scope, { wait, concern }, (url) => {
    const headers = preferWait(wait.ms);
    const question = { path: `${path}?readConcern=${concern}`, headers };
    return caller.ask(scope, url, question, readEntry, wait.ms + 1000);
  });
}

function isNotFound(error: unknown): boolean {
  return error instanceof ProblemError && error.problem === 'not-found';
}

/** One page, from any node. */
export function readPage(caller: Caller, nodes: Nodes, scope: Scope, range: Range): Promise<Page> {
  const asking = new RangeQuestion(nodes, range);
  const { wait } = asking;
  return askFor(caller, nodes, scope, { wait, concern: range.readConcern }, (url) =>
    caller.ask(
      scope,
      url,
      asking.question('application/json'),
      (body, { headers }) => {
        if (!Array.isArray(body)) throw new TypeError('the answer is not a list');
        const { length, committed, epoch } = positionIn(headers);
        return { messages: body as string[], length, committed, epoch };
      },
      wait.ms + 1000,
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
  const { waitMs } = range;
  let { from: next, minSeq, readConcern } = range;
  let end: number | null = null;
  let fruitless = 0;
  while (end === null || next <= end) {
    const limit: number | undefined = end === null ? range.limit : end - next + 1;
    const asking = new RangeQuestion(nodes, { from: next, limit, minSeq, waitMs, readConcern });
    const { wait } = asking;
    const concern = readConcern;
    const { url, answer, length } = await askFor(
      caller,
      nodes,
      scope,
      { wait, concern },
      async (url) => {
        const question = asking.question('application/x-ndjson');
        const answer = await caller.open(scope, url, question, wait.ms + 1000);
        return { url, answer, length: lengthIn(answer, concern) };
      },
    );
    // Up to this end the first answer has confirmed it.
    if (concern === 'linearizable') readConcern = 'majority';
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

function lengthIn({ response, scope }: OpenAnswer, concern: ReadConcern): number {
  try {
    // A linearizable read is shown what is committed.
    return shownTo(positionIn(response.headers), concern === 'local' ? 'local' : 'majority');
  } catch (error) {
    scope.close();
    throw error;
  }
}
