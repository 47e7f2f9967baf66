/**
 * When to ask one secondary for a heartbeat, and which outcomes to believe: one question at a time,
 * one every interval, the next at once when something else has just failed.
 *
 * A process that was stopped and goes on (SIGSTOP, a suspended machine) finds every time-out long
 * past. That is its own lateness, not its peers' death, so a miss that is reported far later than
 * the time-out allows is asked again instead of counted; once, so that a slow master still judges.
 */
import type { Asked } from './progress.ts';

/** A time-out noticed later than this, in ms, tells of the master's own pause. */
export const PAUSE_MS = 500;

export interface HeartbeatConfig {
  /** Between two questions, in ms. */
  readonly intervalMs: number;
  /** How long one question may stay without an answer, in ms. */
  readonly timeoutMs: number;
}

export class HeartbeatSchedule {
  readonly #config: HeartbeatConfig;
  #nextAt = 0;
  #question: Asked | null = null;
  #wasExcused = false;

  constructor(config: HeartbeatConfig) {
    this.#config = config;
  }

  /** When the next question is due, in ms; Infinity while one is open. */
  get nextAt(): number {
    return this.#question === null ? this.#nextAt : Number.POSITIVE_INFINITY;
  }

  /** Whether a question is open. */
  get isAsking(): boolean {
    return this.#question !== null;
  }

  /** Notes that the question was asked now, knowing what `asked` says. */
  ask(asked: Asked): void {
    this.#question = asked;
    this.#nextAt = asked.at + this.#config.intervalMs;
  }

  /** Makes the next question due now. */
  hasten(now: number): void {
    this.#nextAt = Math.min(this.#nextAt, now);
  }

  /** The question was answered; returns what was known when it was asked. */
  answered(): Asked | null {
    const asked = this.#question;
    this.#question = null;
    this.#wasExcused = false;
    return asked;
  }

  /** The question was not answered. Returns whether that counts as a miss. */
  missed(now: number): boolean {
    const asked = this.#question;
    this.#question = null;
    if (asked === null) return false;
    const isLate = now - asked.at > this.#config.timeoutMs + PAUSE_MS;
    const isExcused = isLate && !this.#wasExcused;
    this.#wasExcused = isExcused;
    if (isExcused) this.#nextAt = now;
    return !isExcused;
  }
}
