/**
 * Judges one secondary by its heartbeats. THE HEALTH RULE: a heartbeat that is answered makes it
 * Healthy; a few in a row that are not make it Suspected, a few more Unhealthy; one answer makes it
 * Healthy again. A secondary that never answered is Unhealthy: nothing is assumed in its favour.
 *
 * Whatever the socket said (refused, reset, timed out, nonsense), it is one thing here: a miss.
 */

export type Status = 'Healthy' | 'Suspected' | 'Unhealthy';

export interface FailureDetectorConfig {
  /** Consecutive misses that make a secondary Suspected; at least 1. */
  readonly suspectedAfterMisses: number;
  /** Consecutive misses that make it Unhealthy; at least `suspectedAfterMisses`. */
  readonly unhealthyAfterMisses: number;
}

export class FailureDetector {
  readonly #config: FailureDetectorConfig;
  #misses = 0;
  #hasAnswered = false;

  constructor(config: FailureDetectorConfig) {
    this.#config = config;
  }

  get status(): Status {
    if (!this.#hasAnswered || this.#misses >= this.#config.unhealthyAfterMisses) return 'Unhealthy';
    return this.#misses >= this.#config.suspectedAfterMisses ? 'Suspected' : 'Healthy';
  }

  /** A heartbeat was answered. */
  answered(): void {
    this.#hasAnswered = true;
    this.#misses = 0;
  }

  /** It turned out that the answers were not those of a node of ours: as if it never answered. */
  forgetIdentity(): void {
    this.#hasAnswered = false;
  }

  /** A heartbeat was not answered. */
  missed(): void {
    this.#misses += 1;
  }
}
