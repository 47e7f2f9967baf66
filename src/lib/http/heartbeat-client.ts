/** Asks a secondary for a heartbeat: one short `fetch`, bounded in time and bytes. */
import type { Claim, Heartbeat } from '../core/protocol.ts';
import { claimHeaders } from './claim.ts';
import { fetchPeer, unresolved } from './fetch-peer.ts';
import { bearerHeader, readAnswer, readProblem, reasonOf } from './peer.ts';
import { parseHeartbeat } from './schema.ts';

/** What the secondary says, or a few words on why there is no answer. Never rejects. */
export function askHeartbeat(
  url: string,
  token: string | null,
  claim: Claim | null,
  timeoutMs: number,
): Promise<Heartbeat | string> {
  const signal = AbortSignal.timeout(timeoutMs);
  // Node 20 can lose the link from a signal to a `fetch` whose body is being read; our own listener
  // keeps the signal alive, and the answer never depends on what `fetch` makes of it.
  const timeUp = new Promise<string>((resolve) => {
    const onAbort = () => resolve(unresolved(url)?.message ?? 'no answer in time');
    signal.addEventListener('abort', onAbort, { once: true });
  });
  const headers = { ...bearerHeader(token), ...claimHeaders(claim) };
  return Promise.race([ask(`${url}/heartbeat`, headers, token, signal), timeUp]);
}

async function ask(
  url: string,
  headers: Record<string, string>,
  token: string | null,
  signal: AbortSignal,
): Promise<Heartbeat | string> {
  try {
    const response = await fetchPeer(url, { headers, redirect: 'error', signal });
    if (response.status !== 200) {
      return `HTTP ${response.status}${(await readProblem(response, signal, token)).text}`;
    }
    return parseHeartbeat(await readAnswer(response, signal)) ?? 'the answer is not a heartbeat';
  } catch (error) {
    return reasonOf(error);
  }
}
