/** The attempts to replicate to one secondary: how many have failed, when the next one may be made, and why. */
import type { LogEvent } from '../refusal.ts';
import { backoffMs } from './backoff.ts';

/** After so many streams in a row without an ack, while heartbeats are answered, a warning is logged. */
export const SILENT_STREAMS_MIN = 2;

export interface AttemptsConfig {
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
}

export class Attempts {
  readonly #secondary: string;
  readonly #config: AttemptsConfig;
  readonly #logEvent: (event: LogEvent) => void;
  /** Consecutive attempts that failed. */
  failures = 0;
  /** When the next attempt may be made, in ms; 0 for at once. */
  retryAt = 0;
  /** Why the last attempt or heartbeat failed, for people; null when that is over. */
  lastError: string | null = null;
  /** Consecutive streams that ended in time without any ack, while heartbeats were answered. */
  #silentStreams = 0;

  constructor(secondary: string, config: AttemptsConfig, logEvent: (event: LogEvent) => void) {
    this.#secondary = secondary;
    this.#config = config;
    this.#logEvent = logEvent;
  }

  /** How long to wait should the next attempt fail, in ms. */
  delayMs(random: number): number {
    const { backoffBaseMs, backoffMaxMs } = this.#config;
    return backoffMs(this.failures + 1, backoffBaseMs, backoffMaxMs, random);
  }

  /** An attempt failed: wait `delayMs` before the next one. */
  failed(reason: string, now: number, delayMs: number): void {
    this.failures += 1;
    this.lastError = reason;
    this.retryAt = now + delayMs;
    const { failures } = this;
    this.#logEvent({
      level: failures === 1 ? 'warn' : 'debug',
      event: 'replication-failed',
      fields: { secondary: this.#secondary, reason, failures, retryInMs: Math.round(delayMs) },
    });
  }

  /** A stream brought no ack though heartbeats were answered. Returns the reason, with what may be the cause. */
  silent(reason: string): string {
    this.#silentStreams += 1;
    if (this.#silentStreams < SILENT_STREAMS_MIN) return reason;
    const told = `${reason}, again, though heartbeats are answered: does a proxy buffer request bodies?`;
    if (this.#silentStreams === SILENT_STREAMS_MIN) {
      const fields = { secondary: this.#secondary, reason: told };
      this.#logEvent({ level: 'warn', event: 'frames-not-answered', fields });
    }
    return told;
  }

  /** A stream brought an ack. */
  heard(): void {
    this.#silentStreams = 0;
  }

  /** The secondary is back or has everything that was sent: the next failure starts the backoff anew. */
  reset(): void {
    this.#silentStreams = 0;
    this.failures = 0;
    this.retryAt = 0;
    this.lastError = null;
  }
}
