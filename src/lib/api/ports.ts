/** What the HTTP edge needs of the node around it; the drivers in `runtime/` provide it. */
import type { Accepted, AppendRequest } from '../core/appends.ts';
import type { ReadConcern, ReadEnd } from '../core/concerns/read-barrier.ts';
import type { WaitEnd, Waiter, WriteConcern } from '../core/concerns/write-concern.ts';
import type { Master } from '../core/master.ts';
import type { Refusal } from '../core/refusal.ts';
import type { Role } from '../core/role.ts';
import type { Faults, Secondary } from '../core/secondary.ts';
import type { Origin } from '../http/trace.ts';
import type { ReplicationPort } from '../replication/stream-route.ts';

/** The log a node shows. */
export type LogView = Pick<Role, 'log' | 'logId' | 'logEpoch' | 'length' | 'committed'>;

/** What reading needs of a node. */
export interface ReadPort {
  readonly core: LogView;
  /** Milliseconds on the core's clock. */
  now(): number;
  /**
   * Calls `onEnd` once, later, when `seq` is shown to readers of this concern (default `local`), when `deadline` has
   * come, or when the log was cut and the reader must look again. Null, without a call, once the node stops.
   */
  awaitShown(
    seq: number,
    deadline: number,
    onEnd: (end: ReadEnd) => void,
    concern?: ReadConcern,
  ): Waiter | null;
  cancelRead(waiter: Waiter): void;
}

/** What the routes of every node need. */
export interface NodePort extends ReadPort {
  readonly core: Role;
  /** The page of `GET /metrics`. */
  metrics(): string;
}

/** Who is told, once and later, how a wait for a write concern ended. */
export interface WaitListener {
  over(end: WaitEnd): void;
}

/** What only a master does. */
export interface MasterPort extends NodePort {
  readonly core: Master;
  append(request: AppendRequest, listener: WaitListener, origin: Origin): Accepted | Refusal;
  await(seq: number, w: WriteConcern, deadline: number, listener: WaitListener): Accepted | Refusal;
  /** A client went away. */
  cancel(waiter: Waiter): void;
}

/** What only a secondary does. */
export interface SecondaryPort extends NodePort, ReplicationPort {
  readonly core: Secondary;
  setFaults(faults: Partial<Faults>): void;
}
