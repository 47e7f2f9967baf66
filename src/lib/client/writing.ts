/**
 * Asks the master until it has answered. A wait without limit consists of short ones: each attempt asks the master
 * to wait a few seconds, so that a dead connection is noticed. The next attempt has the same key, so it waits for
 * the same message.
 */
import type { Caller, Question } from './caller.ts';
import { mayPass, ProblemError } from './errors.ts';
import type { Nodes } from './nodes.ts';
import type { Held } from './receipt.ts';
import type { Scope } from './scope.ts';

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
  let deadline: number | null = null;
  let failures = 0;
  for (;;) {
    let asked = { url: '', isKnown: false };
    try {
      asked = await nodes.master(scope);
      deadline ??= performance.now() + waitMs;
      const leftMs = Math.max(0, deadline - performance.now());
      const partMs = Math.min(leftMs, caller.timeoutMs);
      const headers = { ...question.headers, ...preferWait(partMs) };
      // The node counts whole seconds, and may take that long.
      const waitedMs = partMs + 1000;
      const answer = await caller.ask(scope, asked.url, { ...question, headers }, read, waitedMs);
      failures = 0;
      if (answer.status === 'acknowledged' || partMs === leftMs) return answer;
    } catch (error) {
      scope.signal.throwIfAborted();
      nodes.forgetMaster(asked.url);
      if (!mayPass(error) && !(asked.isKnown && isNoMaster(error))) throw error;
      failures += 1;
      await caller.pause(scope, failures, error);
    }
  }
}

/** Whether a secondary now runs where the master was; another node may be the master. */
function isNoMaster(error: unknown): boolean {
  return error instanceof ProblemError && error.problem === 'method-not-allowed';
}
