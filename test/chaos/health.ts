/**
 * What a node says of itself, by the project's own client. Appends and pages are asked for by hand
 * (`http.ts`): there every single answer counts, also those after which a client would try again.
 */
import { type Health, ReplicatedLogClient } from '../../src/client.ts';

export type { Health };

/** What `GET /health` says; null if there is no answer within a second. */
export async function healthOf(url: string): Promise<Health | null> {
  try {
    return await new ReplicatedLogClient({ nodes: [url], timeoutMs: 1000 }).health();
  } catch {
    return null;
  }
}
