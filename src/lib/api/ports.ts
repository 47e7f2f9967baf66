/** What the HTTP edge needs from its node; the drivers in `runtime/` implement it. */
import type { Accepted, AppendRequest } from '../core/appends.ts';
import type { ReadConcern, ReadEnd } from '../core/concerns/read-barrier.ts';
import type { WaitEnd, Waiter, WriteConcern } from '../core/concerns/write-concern.ts';
import type { Master } from '../core/master.ts';
import type { Refusal } from '../core/refusal.ts';
import type { Role } from '../core/role.ts';
import type { Faults, Secondary } from '../core/secondary.ts';
import type { Origin } from '../http/trace.ts';
import type { ReplicationPort } from '../replication/stream-route.ts';

/** The log that a node shows. */
export type LogView = Pick<Role, 'log' | 'logId' | 'logEpoch' | 'length' | 'committed'>;

/** What readers need from a node. */
export interface ReadPort {
  readonly core: LogView;
  /** Milliseconds on the core's clock. */
  now(): number;
  /**
   * Calls `onEnd` once, later: when `seq` is shown to readers of this concern (default `local`), at `deadline`, or
   * when the log was cut and the reader must look again. Returns null, and calls nothing, once the node stops.
   */
  awaitShown(
    seq: number,
    deadline: number,
    onEnd: (end: ReadEnd) => void,
    concern?: ReadConcern,
  ): Waiter | null;
  cancelRead(waiter: Waiter): void;
}

/** What the routes of every role need. */
export interface NodePort extends ReadPort {
  readonly core: Role;
  /** The page of `GET /metrics`. */
  metrics(): string;
}

/** Called once, later, when a wait for a write concern ends. */
export interface WaitListener {
  over(end: WaitEnd): void;
}

/** What the routes of a master need. */
export interface MasterPort extends NodePort {
  readonly core: Master;
  append(request: AppendRequest, listener: WaitListener, origin: Origin): Accepted | Refusal;
  await(seq: number, w: WriteConcern, deadline: number, listener: WaitListener): Accepted | Refusal;
  /** Ends the wait of a client that disconnected. */
  cancel(waiter: Waiter): void;
}

/** What the routes of a secondary need. */
export interface SecondaryPort extends NodePort, ReplicationPort {
  readonly core: Secondary;
  setFaults(faults: Partial<Faults>): void;
}
