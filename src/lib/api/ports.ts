/** What the routes need of the node around them; the driver in `runtime/` provides it. */
import type { Accepted, AppendRequest } from '../core/appends.ts';
import type { ReadConcern, ReadEnd } from '../core/concerns/read-barrier.ts';
import type { ConfirmEnd } from '../core/concerns/read-index.ts';
import type { WaitEnd, Waiter, WriteConcern } from '../core/concerns/write-concern.ts';
import type { HandoverEnd } from '../core/election/handover.ts';
import type { MasterFacts, Node } from '../core/node.ts';
import type { Refusal } from '../core/refusal.ts';
import type { Role } from '../core/role.ts';
import type { Faults } from '../core/secondary.ts';
import type { Origin } from '../http/trace.ts';
import type { ReplicationPort } from '../replication/stream-route.ts';

/** The log that a node shows. */
export type LogView = Pick<Role, 'log' | 'logId' | 'logEpoch' | 'length' | 'committed'>;

/** What the routes that read the log need. */
export interface ReadPort {
  readonly core: LogView;
  /** The time on the core's clock, in ms. */
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

/** What is called once and later, when a wait for a write concern ends. */
export interface WaitListener {
  over(end: WaitEnd): void;
}

/** What the routes of a node need. What its role does not allow is refused. */
export interface NodePort extends ReadPort, ReplicationPort {
  readonly core: Node;
  /** Aborts when the node stops. */
  readonly stopping: AbortSignal;
  /** The body of `GET /metrics`. */
  metrics(): string;
  append(request: AppendRequest, listener: WaitListener, origin: Origin): Accepted | Refusal;
  await(seq: number, w: WriteConcern, deadline: number, listener: WaitListener): Accepted | Refusal;
  /**
   * Calls `onEnd` once, perhaps at once, when a linearizable read that has come now may be answered, or why it cannot.
   * Returns what cancels the wait, or why this node cannot tell.
   */
  confirmRead(deadline: number, onEnd: (end: ConfirmEnd) => void): Refusal | (() => void);
  /** While the master hands over: calls `onEnd` once when that is over, and returns true; else false. */
  whenHandedOver(onEnd: () => void): boolean;
  setFaults(faults: Partial<Faults>): void;
  handOver(to: string | null): Promise<HandoverEnd>;
  acceptLoss(): Promise<MasterFacts | string>;
}
