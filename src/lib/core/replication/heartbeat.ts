/**
 * When to ask one secondary for a heartbeat, and which outcomes to believe: one question at a time,
 * one every interval, the next at once when something else has just failed.
 */
import { PauseExcuse } from './pause.ts';
import type { Asked } from './progress.ts';

export interface HeartbeatConfig {
  /** Between two questions, in ms. */
  readonly intervalMs: number;
  /** How long one question may stay without an answer, in ms. */
  readonly timeoutMs: number;
}

export class HeartbeatSchedule {
  readonly #config: HeartbeatConfig;
  readonly #excuse = new PauseExcuse();
  #nextAt = 0;
  #question: Asked | null = null;

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
    this.#excuse.renew();
    return asked;
  }

  /** The question was not answered. Returns whether that counts as a miss; if not, it is asked again at once. */
  missed(now: number): boolean {
    const asked = this.#question;
    this.#question = null;
    if (asked === null) return false;
    const isExcused = this.#excuse.excuses(now - asked.at - this.#config.timeoutMs);
    if (isExcused) this.#nextAt = now;
    return !isExcused;
  }
}
