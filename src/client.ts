/**
 * A client of the replicated log: `append`, `read`, `readAll`, `get`, `tail`, `health`, on any number
 * of nodes. It finds out which one is the master, sends every append under an idempotency key, and so may
 * send it again for as long as it takes: it is in the log once. Reads and tails go from node to node.
 */
import { randomUUID } from 'node:crypto';
import { Caller } from './lib/client/caller.ts';
import { mayPass, ProblemError } from './lib/client/errors.ts';
import type { Health } from './lib/client/health.ts';
import { Nodes } from './lib/client/nodes.ts';
import {
  type AppendOptions,
  appendQuestion,
  type CallOptions,
  type ClientOptions,
  type ConcernOptions,
  type ReadOptions,
  rangeOf,
  requireWaitMs,
  type TailOptions,
  type WaitOptions,
} from './lib/client/options.ts';
import { askAny, type Page, readEntries, readPage } from './lib/client/reading.ts';
import {
  type Entry,
  type HeldEntry,
  type LogReset,
  type Receipt,
  readEntry,
  readHeldEntry,
  readReceipt,
  type TailEntry,
  type WriteConcern,
} from './lib/client/receipt.ts';
import { Scope } from './lib/client/scope.ts';
import { followEntries } from './lib/client/tail.ts';
import { askMaster } from './lib/client/writing.ts';
import { TAIL_COMMENT_MS } from './lib/http/limits.ts';

export { LogResetError, NoAnswerError, ProblemError } from './lib/client/errors.ts';
export type { Health, MasterHealth, SecondaryHealth } from './lib/client/health.ts';
export type {
  AppendOptions,
  CallOptions,
  ClientOptions,
  ConcernOptions,
  ReadOptions,
  TailOptions,
  WaitOptions,
} from './lib/client/options.ts';
export type { ReadConcern } from './lib/core/concerns/read-barrier.ts';
export type { Entry, HeldEntry, LogReset, Page, Receipt, TailEntry, WriteConcern };

export class ReplicatedLogClient {
  readonly #caller: Caller;
  readonly #nodes: Nodes;
  readonly #signal: AbortSignal | undefined;
  #lastWritten = 0;

  /**
   * Connects to nothing yet.
   * @throws TypeError if there are no nodes, one can never be reached, or the token cannot be sent
   */
  constructor(options: ClientOptions) {
    const { nodes, token, signal } = options;
    const { timeoutMs = 5000, backoffBaseMs = 50, backoffMaxMs = 2000 } = options;
    const { tailCheckMs = TAIL_COMMENT_MS } = options;
    this.#caller = new Caller({ token, timeoutMs, backoffBaseMs, backoffMaxMs, tailCheckMs });
    this.#nodes = new Nodes(nodes, this.#caller, signal);
    this.#signal = signal;
  }

  /** The URLs of its nodes. */
  get nodes(): readonly string[] {
    return this.#nodes.urls;
  }

  /** The last position this client's appends were given; 0 before the first. */
  get lastWritten(): number {
    return this.#lastWritten;
  }

  /**
   * Appends a message, or several at consecutive positions, once, and resolves when `w` nodes hold it
   * (or `waitMs` are over: then the receipt says `pending`). Retries without limit when there is no answer,
   * or a node cannot take it now; end that with `signal`. It may be appended all the same.
   * @throws ProblemError if it is refused for good (4xx, or the log is full): nothing was appended
   * @throws TypeError, RangeError for a key or `waitMs` that cannot be sent
   */
  async append(
    messages: string | readonly string[],
    options: AppendOptions = {},
  ): Promise<Receipt> {
    const { w, waitMs = Number.POSITIVE_INFINITY, key = randomUUID(), signal } = options;
    requireWaitMs(waitMs);
    const question = appendQuestion(messages, w, key);
    const read = (body: unknown, { status }: Response) => readReceipt(body, status, key);
    const receipt = await this.#during(signal, (scope) =>
      askMaster(this.#caller, this.#nodes, scope, question, read, waitMs),
    );
    this.#lastWritten = Math.max(this.#lastWritten, receipt.seq + receipt.count - 1);
    return receipt;
  }

  /**
   * A page of the log, from any node: as that node shows it now, which may be less than others show, and be
   * old if its master cannot reach it. With `minSeq` or `afterMyWrites` only from one that shows so much.
   * @throws ProblemError if it is refused, such as `not-caught-up` when no node shows `minSeq` in time
   * @throws NoAnswerError if no node answers
   */
  async read(options: ReadOptions = {}): Promise<Page> {
    return this.#during(options.signal, (scope) =>
      readPage(this.#caller, this.#nodes, scope, rangeOf(options, this.#lastWritten)),
    );
  }

  /**
   * The log as it is now, entry by entry as they come, from any node, and from the next one where one breaks
   * off. Throws as `read` does.
   */
  async *readAll(options: ReadOptions = {}): AsyncGenerator<Entry, void> {
    const scope = this.#scopeOf(options.signal);
    try {
      yield* readEntries(this.#caller, this.#nodes, scope, rangeOf(options, this.#lastWritten));
    } finally {
      scope.close();
    }
  }

  /**
   * One entry. With `w` the master is asked, without limit as in `append`, and waits until so many nodes
   * hold it (or `waitMs` are over); without, any node that shows it.
   * @throws ProblemError `not-found` beyond the end of the log, or of what is committed where that is asked for
   * @throws NoAnswerError if no node answers, without `w`
   */
  get(seq: number, options: WaitOptions & { readonly w: WriteConcern }): Promise<HeldEntry>;
  get(seq: number, options?: CallOptions & ConcernOptions): Promise<Entry>;
  async get(seq: number, options: WaitOptions & ConcernOptions = {}): Promise<Entry | HeldEntry> {
    const { w, waitMs = Number.POSITIVE_INFINITY, readConcern = 'local', signal } = options;
    requireWaitMs(waitMs);
    const path = `/messages/${seq}`;
    const asked = readConcern === 'local' ? path : `${path}?readConcern=${readConcern}`;
    return this.#during<Entry | HeldEntry>(signal, (scope) => {
      if (w !== undefined) return this.#getHeld(scope, `${path}?w=${w}`, waitMs);
      const ask = (url: string) => this.#caller.ask(scope, url, { path: asked }, readEntry);
      return askAny(this.#nodes, scope, ask, (error) => mayPass(error) || isNotFound(error));
    });
  }

  /**
   * Follows the log from seq `from` (default 1) on, or after the entry of the id `after`, for ever, whichever
   * nodes come and go: every entry once and in order. When entries that it gave are not in the log any more, since
   * they were cut off or another log began, it calls `onReset` and goes on at the first that may differ. A node that
   * stays behind another one, because its master cannot reach it, is left for that one within `nodes + 1` times
   * `tailCheckMs`.
   * @throws LogResetError instead, without `onReset`; the signal's reason when it aborts; ProblemError if a node
   *   refuses (4xx)
   */
  async *tail(options: TailOptions = {}): AsyncGenerator<TailEntry, void> {
    const scope = this.#scopeOf(options.signal);
    try {
      yield* followEntries(this.#caller, this.#nodes, scope, options);
    } finally {
      scope.close();
    }
  }

  /**
   * What a node says of itself; without `node` the first that answers.
   * @throws NoAnswerError if it does not answer
   */
  async health(node?: string, options: CallOptions = {}): Promise<Health> {
    return this.#during(options.signal, (scope) => {
      if (node !== undefined) return this.#nodes.health(scope, node.replace(/\/+$/, ''));
      return askAny(this.#nodes, scope, (url) => this.#nodes.health(scope, url));
    });
  }

  #getHeld(scope: Scope, path: string, waitMs: number): Promise<HeldEntry> {
    const read = (body: unknown, { status }: Response) => readHeldEntry(body, status);
    return askMaster(this.#caller, this.#nodes, scope, { path }, read, waitMs);
  }

  #scopeOf(signal: AbortSignal | undefined): Scope {
    return new Scope([this.#signal, signal]);
  }

  async #during<Value>(
    signal: AbortSignal | undefined,
    work: (scope: Scope) => Promise<Value>,
  ): Promise<Value> {
    const scope = this.#scopeOf(signal);
    try {
      scope.signal.throwIfAborted();
      return await work(scope);
    } catch (error) {
      scope.signal.throwIfAborted();
      throw error;
    } finally {
      scope.close();
    }
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof ProblemError && error.problem === 'not-found';
}
