/** Asks the master for the length that a linearizable read at this member must show. */
import type { MasterFacts } from '../core/node.ts';
import { TIMER_MS_MAX } from '../http/limits.ts';
import { HttpProblem } from '../http/problems.ts';
import { fieldsOf, isCount } from '../wire/fields.ts';
import { callPeer, readAnswer, reasonOf } from './peer-answers.ts';

/** What is needed to find the master. */
interface MasterFinder {
  readonly core: { masterAt(now: number): MasterFacts | null };
  now(): number;
}

/**
 * The length of the master's log, which it has confirmed. Rejects with 503 `not-linearizable` if it does not tell within
 * `timeoutMs`, or if no master is known.
 */
export async function askMasterLength(
  node: MasterFinder,
  token: string | null,
  timeoutMs: number,
): Promise<number> {
  const master = node.core.masterAt(node.now());
  if (master === null) throw notLinearizable('this node knows of no master');
  // A wait of 0 is a request that the master must answer at once; it still takes a moment on the way.
  const waitMs = Math.max(1, Math.min(TIMER_MS_MAX, Math.floor(timeoutMs)));
  const signal = AbortSignal.timeout(waitMs);
  try {
    const response = await callPeer(`${master.url}/read-index?waitMs=${waitMs}`, token, signal);
    const length = fieldsOf(await readAnswer(response, signal))?.length;
    if (isCount(length)) return length;
  } catch (error) {
    throw notLinearizable(`the master, ${master.id}, has not confirmed it: ${reasonOf(error)}`);
  }
  throw notLinearizable(`the master, ${master.id}, has answered with nonsense`);
}

function notLinearizable(detail: string): HttpProblem {
  return new HttpProblem('not-linearizable', detail);
}
