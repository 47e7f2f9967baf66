/** Asks a secondary for a heartbeat: one short `fetch`, bounded in time and bytes. */
import type { Heartbeat, HeartbeatRequest } from '../core/protocol.ts';
import { heartbeatHeaders, parseHeartbeat } from '../wire/heartbeat.ts';
import { callPeer, isDown, readAnswer, reasonOf } from './peer-answers.ts';
import { unresolved } from './peer-fetch.ts';

/** Why there is no answer to a heartbeat. */
interface NoAnswer {
  readonly reason: string;
  /** See `isDown` in peer-answers.ts. */
  readonly isDown: boolean;
}

/** Asks the secondary at `url`. Resolves with its answer, or why there is none. Never rejects. */
export function askHeartbeat(
  url: string,
  token: string | null,
  request: HeartbeatRequest,
  timeoutMs: number,
): Promise<Heartbeat | NoAnswer> {
  const signal = AbortSignal.timeout(timeoutMs);
  // Node 20 can lose the link from a signal to a `fetch` whose body is being read. Our own listener keeps the signal
  // alive, and does not depend on `fetch`.
  const timeUp = new Promise<NoAnswer>((resolve) => {
    const onAbort = () => {
      // Without a known address the request was never sent: the secondary counts as down, not as silent.
      const problem = unresolved(url);
      resolve({ reason: problem?.message ?? 'no answer in time', isDown: problem !== null });
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
  return Promise.race([ask(`${url}/heartbeat`, token, request, signal), timeUp]);
}

async function ask(
  url: string,
  token: string | null,
  request: HeartbeatRequest,
  signal: AbortSignal,
): Promise<Heartbeat | NoAnswer> {
  try {
    const response = await callPeer(url, token, signal, { headers: heartbeatHeaders(request) });
    const answer = parseHeartbeat(await readAnswer(response, signal));
    return answer ?? { reason: 'the answer is not a heartbeat', isDown: false };
  } catch (error) {
    return { reason: reasonOf(error), isDown: isDown(error) };
  }
}
