/** What `GET /health` says, typed; whether it is a master's is told by its having secondaries. */
import type { SecondaryHealth as SecondaryOfMaster } from '../core/replication/peer-ports.ts';

export type { SecondaryOfMaster };

/** The health of a master. */
export interface MasterHealth {
  readonly role: 'master';
  readonly status: 'ok' | 'degraded' | 'read-only' | 'recovering';
  readonly nodeId: string;
  readonly epoch: number;
  readonly logId: string | null;
  /** How many messages it shows. */
  readonly length: number;
  /** Up to where a majority holds them, so that no later master can take them back. */
  readonly committed: number;
  /** Whether it has lost nothing that it could have acknowledged; true once it has taken over. */
  readonly complete: boolean;
  /** While it recovers: whom it waits for, and why. */
  readonly reason?: string;
  readonly quorum: {
    readonly required: number;
    readonly available: number;
    readonly nodes: number;
  };
  /** How many clients wait for their write concern. */
  readonly waiting: number;
  readonly secondaries: readonly SecondaryOfMaster[];
  /** Entries of its own log that were cut off in this run. */
  readonly discarded: number;
  /** There if another master has taken over: this one has stopped for good. */
  readonly fenced?: { readonly byEpoch: number | null };
}

/** The health of a secondary. */
export interface SecondaryHealth {
  readonly role: 'secondary';
  readonly status: 'ok';
  readonly nodeId: string;
  /** Which incarnation of the node answers. */
  readonly bootId: string;
  readonly epoch: number;
  readonly logId: string | null;
  /** How many messages it shows. */
  readonly length: number;
  /** Up to where it knows them to be committed. */
  readonly committed: number;
  /** Whether it has lost nothing that it could have acknowledged. */
  readonly complete: boolean;
  /** How many it has received and does not show yet. */
  readonly held: number;
  /** Entries that were cut off in this run. */
  readonly discarded: number;
}

export type Health = MasterHealth | SecondaryHealth;

/**
 * The body of `GET /health` with the role it tells.
 * @throws TypeError if it is none
 */
// biome-ignore lint/suspicious/noExplicitAny: what came is not known before it is checked
export function readHealth(body: any): Health {
  if (typeof body?.status !== 'string' || !Number.isSafeInteger(body.length)) {
    throw new TypeError('the answer is not the health of a node');
  }
  return { role: Array.isArray(body.secondaries) ? 'master' : 'secondary', ...body };
}
