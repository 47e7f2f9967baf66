/** What the HTTP edge needs of the process around it; `runtime/` provides it. */
import type { Accepted, AppendRequest, Master } from '../core/master.ts';
import type { Claim, Frame, Heartbeat } from '../core/protocol.ts';
import type { Refusal } from '../core/refusal.ts';
import type { Faults, FrameAnswer, Secondary } from '../core/secondary.ts';
import type { WaitEnd, Waiter, WriteConcern } from '../core/write-concern.ts';

/** What the routes of a master need: the core, reached through its driver. */
export interface MasterPort {
  readonly core: Master;
  /** Milliseconds on the core's clock. */
  now(): number;
  append(request: AppendRequest, onEnd: (end: WaitEnd) => void): Accepted | Refusal;
  await(
    seq: number,
    w: WriteConcern,
    deadline: number,
    onEnd: (end: WaitEnd) => void,
  ): Accepted | Refusal;
  cancel(waiter: Waiter): void;
}

/** The same for a secondary. */
export interface SecondaryPort {
  readonly core: Secondary;
  /** Aborts when the node stops. */
  readonly stopping: AbortSignal;
  heartbeat(claim: Claim | null): Heartbeat;
  receive(frame: Frame, onAnswer: (answer: FrameAnswer) => void): void;
  setFaults(faults: Partial<Faults>): void;
}

/** Where the server notes what happened to requests. */
export interface RequestLog {
  debug(event: string, fields: Readonly<Record<string, unknown>>): void;
  error(event: string, fields: Readonly<Record<string, unknown>>): void;
}
