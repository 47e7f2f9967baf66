/** Asks a secondary for a heartbeat: one short `fetch`, bounded in time and bytes. */
import type { Heartbeat } from '../core/protocol.ts';
import { bearerHeader, problemText, readAnswer, reasonOf } from './peer.ts';
import { parseHeartbeat } from './schema.ts';

/** What the secondary says, or a few words on why there is no answer. Never rejects. */
export async function askHeartbeat(
  url: string,
  token: string | null,
  timeoutMs: number,
): Promise<Heartbeat | string> {
  try {
    const response = await fetch(`${url}/heartbeat`, {
      headers: bearerHeader(token),
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (response.status !== 200) return `HTTP ${response.status}${await problemText(response)}`;
    return parseHeartbeat(await readAnswer(response)) ?? 'the answer is not a heartbeat';
  } catch (error) {
    return reasonOf(error);
  }
}
