/** What a peer is told, asks of its environment, and tells of its secondary. */
import type { HeartbeatRequest, OutgoingFrame } from '../protocol.ts';
import type { LogEvent } from '../refusal.ts';
import type { AttemptsConfig } from './attempts.ts';
import type { FailureDetectorConfig, Status } from './failure-detector.ts';
import type { HeartbeatConfig } from './heartbeat.ts';
import type { StreamConfig } from './outgoing-stream.ts';

export interface PeerConfig extends StreamConfig, AttemptsConfig {
  readonly heartbeat: HeartbeatConfig;
  readonly failureDetector: FailureDetectorConfig;
  /** Whether an incomplete secondary counts for no write concern until it is admitted; default false. */
  readonly needsAdmission?: boolean;
}

/** What a peer asks of its environment. Secondaries are named by their index in the configuration. */
export interface PeerEffects {
  /** Open stream number `stream`; its outcome comes back as `acked` or `streamFailed`. */
  openStream(secondary: number, stream: number): void;
  /** Send this frame on the open stream. */
  sendFrame(secondary: number, frame: OutgoingFrame): void;
  /** Close the stream: everything that was sent is acked. */
  closeStream(secondary: number): void;
  /** Abort the stream; none of its outcomes is reported any more. */
  abortStream(secondary: number): void;
  /** Ask for a heartbeat; exactly one `heartbeatAnswered` or `heartbeatMissed` follows. */
  askHeartbeat(secondary: number, request: HeartbeatRequest, timeoutMs: number): void;
  logEvent(event: LogEvent): void;
}

/** What `GET /health` tells of a secondary. */
export interface SecondaryHealth {
  readonly id: string;
  readonly url: string;
  readonly status: Status;
  readonly length: number;
  /** Whether it is complete, by its last heartbeat; false before the first one. */
  readonly complete: boolean;
  /** Up to where entries were sent or are there; not below `length`. */
  readonly sent: number;
  /** How many it has received and does not show, as of its last heartbeat; null if it does not say. */
  readonly held: number | null;
  readonly lag: number;
  readonly lastSeenMsAgo: number | null;
  readonly failures: number;
  readonly nextAttemptInMs: number | null;
  readonly lastError: string | null;
}
