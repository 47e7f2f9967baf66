/** What a node says of itself. */
import { call } from './http.ts';

/** What chaos looks at in `GET /health`. */
export interface Health {
  readonly status: string;
  readonly nodeId: string;
  readonly epoch: number;
  readonly logId: string | null;
  readonly length: number;
  /** Of a master alone: how many clients wait, and what it knows of its secondaries. */
  readonly waiting?: number;
  readonly secondaries?: readonly { readonly lag: number }[];
  /** Of a master that has met a newer one. */
  readonly fenced?: object;
}

/** The body of `GET /health`; null if there is no answer. */
export async function healthOf(url: string): Promise<Health | null> {
  try {
    return (await call(`${url}/health`, { timeoutMs: 1000 })).body;
  } catch {
    return null;
  }
}
