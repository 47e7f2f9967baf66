/** What nodes say to each other: frames, acks and heartbeats, as the core sees them. */
import type { PackedMessages } from './messages.ts';

/** A run of consecutive messages pushed by the master. */
export interface Frame {
  readonly logId: string;
  readonly epoch: number;
  /** The seq of the first message. */
  readonly from: number;
  readonly messages: PackedMessages;
  /** The idempotency keys of entries in this frame, as (seq, key), ascending. */
  readonly keys: readonly (readonly [seq: number, key: string])[];
}

/** A statement of fact about the secondary: what this life of it shows now. */
export interface Ack {
  readonly bootId: string;
  readonly logId: string;
  readonly epoch: number;
  readonly length: number;
}

/** The same statement, asked for; `logId` null and `epoch` 0 while the secondary is virgin. */
export interface Heartbeat {
  readonly nodeId: string;
  readonly bootId: string;
  readonly logId: string | null;
  readonly epoch: number;
  readonly length: number;
}
