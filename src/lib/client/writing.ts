/**
 * Asks the master until it has answered. A wait without limit consists of short ones: each attempt asks the master
 * to wait a few seconds, so that a dead connection is noticed. The next attempt has the same key, so it waits for
 * the same message, also at the next master.
 */
import type { Caller, Question } from './caller.ts';
import { mayPass, ProblemError, retryAfterMs } from './errors.ts';
import { type KnownMaster, readKnownMaster } from './health.ts';
import type { Candidate } from './master-search.ts';
import type { Nodes } from './nodes.ts';
import type { Held } from './receipt.ts';
import { Scope } from './scope.ts';

/** What a node answers that is not the master, or soon will not be: another node is asked without its `Retry-After`. */
const ELSEWHERE = ['not-master', 'no-master', 'fenced', 'shutting-down'];

/** `Prefer: wait=N`, in seconds, rounded up. */
export function preferWait(waitMs: number): Record<string, string> {
  return { prefer: `wait=${Math.ceil(waitMs / 1000)}` };
}

/**
 * Asks the current master until its answer is no longer pending, or `waitMs` have passed since the first request.
 * @throws ProblemError for a refusal that a retry cannot change; the reason of an abort
 */
export async function askMaster<Answer extends { readonly status: Held }>(
  caller: Caller,
  nodes: Nodes,
  scope: Scope,
  question: Question,
  // biome-ignore lint/suspicious/noExplicitAny: what came is not known before it is checked
  read: (body: any, response: Response) => Answer,
  waitMs: number,
): Promise<Answer> {
  const course = new Course(caller, nodes);
  let deadline: number | null = null;
  for (;;) {
    let asked: Candidate = { url: '', isKnown: false, epoch: null };
    try {
      asked = await nodes.master(scope);
      deadline ??= performance.now() + waitMs;
      const leftMs = Math.max(0, deadline - performance.now());
      const partMs = Math.min(leftMs, caller.timeoutMs);
      const headers = { ...question.headers, ...preferWait(partMs) };
      const answer = await untilSucceeded(nodes, scope, asked, (attempt) =>
        // The node counts whole seconds, and may take that long.
        caller.ask(attempt, asked.url, { ...question, headers }, read, partMs + 1000),
      );
      course.answered();
      if (answer.status === 'acknowledged' || partMs === leftMs) return answer;
    } catch (error) {
      scope.signal.throwIfAborted();
      await course.failed(scope, asked, error);
    }
  }
}

/** Asks a master, and gives up when another one is known to have succeeded it. */
async function untilSucceeded<Answer>(
  nodes: Nodes,
  scope: Scope,
  asked: Candidate,
  ask: (attempt: Scope) => Promise<Answer>,
): Promise<Answer> {
  if (asked.epoch === null) return ask(scope);
  const attempt = new Scope([scope.signal]);
  nodes.succeeded(attempt, asked).then(
    () => attempt.close(),
    () => {}, // The attempt is over.
  );
  try {
    return await ask(attempt);
  } finally {
    attempt.close();
  }
}

/** Where one call looks for the master next. */
class Course {
  readonly #caller: Caller;
  readonly #nodes: Nodes;
  #failures = 0;
  /** The newest master that was followed without a search. */
  #followed = -1;
  /** The master that nodes name and that is none of them, and since when. */
  #strange: { readonly master: KnownMaster; readonly since: number } | null = null;

  constructor(caller: Caller, nodes: Nodes) {
    this.#caller = caller;
    this.#nodes = nodes;
  }

  answered(): void {
    this.#failures = 0;
    this.#strange = null;
  }

  /** Chooses the next node, and waits before it is asked unless it is news. Throws what cannot pass. */
  async failed(scope: Scope, { url, isKnown }: Candidate, error: unknown): Promise<void> {
    const named = masterNamedIn(error);
    if (named === null) {
      this.#nodes.forgetMaster(url);
      this.#strange = null;
      if (!mayPass(error) && !(isKnown && isOfSecondary(error))) throw error;
    } else {
      if (this.#isStrangeTooLong(named)) throw error;
      // A node that is behind may name the master before: following it again would go round in circles.
      const isNews = named.epoch > this.#followed;
      this.#followed = Math.max(this.#followed, named.epoch);
      if (isNews && this.#nodes.follow(named, url)) return;
      this.#nodes.forgetMaster(url);
    }
    this.#failures += 1;
    const isElsewhere = error instanceof ProblemError && ELSEWHERE.includes(error.problem);
    const leastMs = isElsewhere && this.#nodes.urls.length > 1 ? 0 : retryAfterMs(error);
    await this.#caller.pause(scope, this.#failures, leastMs);
  }

  /**
   * Whether refusals have named this master for so long that it is none of the nodes. During a handover they do so
   * for a moment, and for longer behind a load balancer.
   */
  #isStrangeTooLong(master: KnownMaster): boolean {
    const now = performance.now();
    const before = this.#strange?.master;
    if (this.#strange === null || before?.id !== master.id || before.epoch !== master.epoch) {
      this.#strange = { master, since: now };
    }
    return now - this.#strange.since > 2 * this.#caller.timeoutMs;
  }
}

/** The master that a member names when it refuses; null for any other failure. */
function masterNamedIn(error: unknown): KnownMaster | null {
  const isOne = error instanceof ProblemError && error.problem === 'not-master';
  return isOne ? readKnownMaster(error.fields.master) : null;
}

/** Whether a secondary now runs where the master was; another node may be the master. */
function isOfSecondary(error: unknown): boolean {
  return error instanceof ProblemError && error.problem === 'method-not-allowed';
}
