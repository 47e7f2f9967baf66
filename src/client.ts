/**
 * A client of the replicated log: `append`, `read`, `readAll`, `get`, `tail`, `health`, on any number of nodes. It
 * finds the master, and sends every append with an idempotency key: however often it retries, the log has the
 * message once. Reads and tails go on at another node when one fails.
 */
import { randomUUID } from 'node:crypto';
import { Caller } from './lib/client/caller.ts';
import type { Health } from './lib/client/health.ts';
import { Nodes } from './lib/client/nodes.ts';
import {
  type AppendOptions,
  appendQuestion,
  type CallOptions,
  type ClientOptions,
  type ConcernOptions,
  type EntryOptions,
  type ReadOptions,
  rangeOf,
  requireWaitMs,
  type TailOptions,
  type WaitOptions,
} from './lib/client/options.ts';
import { askAny, type Page, readEntries, readOne, readPage } from './lib/client/reading.ts';
import {
  type Entry,
  type HeldEntry,
  type LogReset,
  type Receipt,
  readHeldEntry,
  readReceipt,
  type TailEntry,
  type WriteConcern,
} from './lib/client/receipt.ts';
import { Scope } from './lib/client/scope.ts';
import { followEntries } from './lib/client/tail.ts';
import { askMaster } from './lib/client/writing.ts';
import { READ_WAIT_MS, TAIL_COMMENT_MS } from './lib/http/limits.ts';

export { LogResetError, NoAnswerError, ProblemError } from './lib/client/errors.ts';
export type {
  CandidateHealth,
  Health,
  KnownMaster,
  MasterHealth,
  Member,
  SecondaryHealth,
} from './lib/client/health.ts';
export type {
  AppendOptions,
  CallOptions,
  ClientOptions,
  ConcernOptions,
  EntryOptions,
  ReadConcern,
  ReadOptions,
  TailOptions,
  WaitOptions,
} from './lib/client/options.ts';
export type { Entry, HeldEntry, LogReset, Page, Receipt, TailEntry, WriteConcern };

export class ReplicatedLogClient {
  readonly #caller: Caller;
  readonly #nodes: Nodes;
  readonly #signal: AbortSignal | undefined;
  #lastWritten = 0;

  /**
   * Opens no connection yet.
   * @throws TypeError if `nodes` is empty, a URL cannot be that of a node, or the token cannot be sent
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

  /** The highest seq of this client's appends; 0 before the first. */
  get lastWritten(): number {
    return this.#lastWritten;
  }

  /**
   * Appends a message once, or several at consecutive positions, and resolves when `w` nodes hold it (or after
   * `waitMs`: then the receipt says `pending`). Retries without limit while there is no answer or no node can take
   * it, as during an election. `signal` ends that, but the message may have been appended already.
   * @throws ProblemError if it is refused for good (4xx, or the log is full): nothing was appended. 421 `not-master`
   *   comes when its nodes have named a master for `2 * timeoutMs` that is none of them; an earlier attempt may have
   *   appended it
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
   * A page of the log as one node shows it. That may be less than other nodes show, or old if the master cannot
   * reach the node. With `minSeq` or `afterMyWrites` only a node that shows that much answers.
   * @throws ProblemError if it is refused, such as `not-caught-up` when no node shows `minSeq` in time
   * @throws NoAnswerError if no node answers
   */
  async read(options: ReadOptions = {}): Promise<Page> {
    return this.#during(options.signal, (scope) =>
      readPage(this.#caller, this.#nodes, scope, rangeOf(options, this.#lastWritten)),
    );
  }

  /**
   * The log up to its present end, entry by entry as they arrive. Goes on at the next node if one fails. Throws as
   * `read` does.
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
   * One entry. With `w` the master is asked, with retries as in `append`, and answers when that many nodes hold the
   * entry (or after `waitMs`). Without `w` any node that shows it answers.
   * @throws ProblemError `not-found` beyond the end of the log, or of its committed part with `majority`
   * @throws NoAnswerError if no node answers, without `w`
   */
  get(seq: number, options: WaitOptions & { readonly w: WriteConcern }): Promise<HeldEntry>;
  get(seq: number, options?: EntryOptions): Promise<Entry>;
  async get(seq: number, options: WaitOptions & ConcernOptions = {}): Promise<Entry | HeldEntry> {
    const { w, readConcern = 'local', signal } = options;
    const { waitMs = w === undefined ? READ_WAIT_MS : Number.POSITIVE_INFINITY } = options;
    requireWaitMs(waitMs);
    return this.#during<Entry | HeldEntry>(signal, (scope) => {
      if (w === undefined) {
        return readOne(this.#caller, this.#nodes, scope, seq, waitMs, readConcern);
      }
      const question = { path: `/messages/${seq}?w=${w}` };
      const read = (body: unknown, { status }: Response) => readHeldEntry(body, status);
      return askMaster(this.#caller, this.#nodes, scope, question, read, waitMs);
    });
  }

  /**
   * Follows the log from seq `from` (default 1), or after the entry with the id `after`, without end: every entry
   * once and in order, while nodes come and go. If entries that it gave are cut off, or another log begins, it calls
   * `onReset` and goes on at the first seq that may differ. If its node stays behind another one, because the master
   * cannot reach it or it hangs, the tail changes to the other one within `(nodes + 1) * tailCheckMs`; one that hangs
   * costs `2 * timeoutMs` more.
   * @throws LogResetError in place of a call of `onReset`, if there is none; the signal's reason when it aborts;
   *   ProblemError if a node refuses (4xx)
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
   * The health of `node`, or of the first node that answers.
   * @throws NoAnswerError if it does not answer
   */
  async health(node?: string, options: CallOptions = {}): Promise<Health> {
    return this.#during(options.signal, (scope) => {
      if (node !== undefined) return this.#nodes.health(scope, node.replace(/\/+$/, ''));
      return askAny(this.#nodes, scope, (url) => this.#nodes.health(scope, url));
    });
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
