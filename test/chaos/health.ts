/**
 * The health of a node, by the project's own client. Appends and pages are requested by hand
 * (`http.ts`), because every single answer counts, also one after which the client would retry.
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
