/** Asks a secondary for a heartbeat: one short `fetch`, bounded in time and bytes. */
import type { Heartbeat, HeartbeatRequest } from '../core/protocol.ts';
import { heartbeatHeaders, parseHeartbeat } from '../wire/heartbeat.ts';
import { callPeer, isDown, readAnswer, reasonOf } from './peer-answers.ts';
import { unresolved } from './peer-fetch.ts';

/** Why there is no answer to a heartbeat. */
export interface NoAnswer {
  /** A few words, for people. */
  readonly reason: string;
  /** Whether nobody is there: the address refuses the connection or cannot be reached, or the name has none. */
  readonly isDown: boolean;
}

/** Asks the secondary at `url`. Resolves with what it says, or why it does not. Never rejects. */
export function askHeartbeat(
  url: string,
  token: string | null,
  request: HeartbeatRequest,
  timeoutMs: number,
): Promise<Heartbeat | NoAnswer> {
  const signal = AbortSignal.timeout(timeoutMs);
  // Node 20 can lose the link from a signal to a `fetch` whose body is being read; our own listener
  // keeps the signal alive, and the answer never depends on what `fetch` makes of it.
  const timeUp = new Promise<NoAnswer>((resolve) => {
    const onAbort = () => {
      // While no address is known there is nobody who could be silent.
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
