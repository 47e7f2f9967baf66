/**
 * What `GET /health` says, typed. Members of a cluster that elects its master tell their role; whether another answer
 * is a master's is told by its having secondaries.
 */
import type { SecondaryHealth as SecondaryOfMaster } from '../core/replication/peer-ports.ts';

export type { SecondaryOfMaster };

export interface Member {
  readonly id: string;
  /** Its address for the other members, which may mean nothing to a client. */
  readonly url: string;
}

/** Who the master is, as a member says; its url is the one for the other members. */
export interface KnownMaster extends Member {
  readonly epoch: number;
}

/** What only members of a cluster that elects its master say. */
export interface MemberHealth {
  /** The master as far as the node knows; null if it knows of none. */
  readonly master?: KnownMaster | null;
  /** All members, the node itself included. */
  readonly members?: readonly Member[];
  /** Why the node was not elected when it stood last, or has stopped being the master. */
  readonly reason?: string;
}

/** The health of a master. */
export interface MasterHealth extends MemberHealth {
  readonly role: 'master';
  readonly status: 'ok' | 'degraded' | 'read-only' | 'recovering';
  readonly nodeId: string;
  /** Which incarnation of the node answers; only members say so. */
  readonly bootId?: string;
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

/** What a secondary and a candidate say alike. */
interface FollowerHealth extends MemberHealth {
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

/** The health of a secondary. */
export interface SecondaryHealth extends FollowerHealth {
  readonly role: 'secondary';
  readonly status: 'ok';
}

/** The health of a member that stands for election. */
export interface CandidateHealth extends FollowerHealth {
  readonly role: 'candidate';
  readonly status: 'recovering';
}

export type Health = MasterHealth | SecondaryHealth | CandidateHealth;

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

/** Whether the node is a member of a cluster that elects its master. */
export function isMember(health: Health): boolean {
  return health.members !== undefined;
}

/** The value as a master that a node names; null if it is none. */
// biome-ignore lint/suspicious/noExplicitAny: what came is not known before it is checked
export function readKnownMaster(value: any): KnownMaster | null {
  const { id, url, epoch } = value ?? {};
  const isOne =
    typeof id === 'string' && typeof url === 'string' && Number.isSafeInteger(epoch) && epoch >= 0;
  return isOne ? { id, url, epoch } : null;
}
