/**
 * Asking the master until it has answered. A wait without limit is made of short ones: each attempt
 * asks the master to wait a few seconds, so a connection that died unnoticed is noticed, and the next
 * attempt, with the same key, joins the one before.
 */
import type { Caller, Question } from './caller.ts';
import { mayPass, ProblemError } from './errors.ts';
import type { Nodes } from './nodes.ts';
import type { Held } from './receipt.ts';
import type { Scope } from './scope.ts';

/** `Prefer: wait=N`, which counts whole seconds; a part of one counts as one. */
export function preferWait(waitMs: number): Record<string, string> {
  return { prefer: `wait=${Math.ceil(waitMs / 1000)}` };
}

/**
 * Asks the master, whichever node that is, until it gives an answer that is not pending any more, or
 * `waitMs` are over since it was first asked.
 * @throws ProblemError if it refuses what will be refused next time, too; the reason of an abort
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

/** A secondary has taken the place of the master that was there; another node may be it now. */
function isNoMaster(error: unknown): boolean {
  return error instanceof ProblemError && error.problem === 'method-not-allowed';
}
