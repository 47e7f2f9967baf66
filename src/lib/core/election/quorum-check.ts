/**
 * Whether an elected master still has a majority (check-quorum, as in etcd's raft). A master that no majority has
 * answered for the election time-out stops being one, for the others may have elected another by then. Its own disk
 * counts as well: a sync that hangs is no answer. What counts is when a question was asked, not when it was answered, so
 * that answers that a paused master finds when it wakes confirm nothing.
 */

/** How often the master looks, in ms. */
const CHECK_MS = 250;

export class QuorumCheck {
  readonly #timeoutMs: number;
  readonly #tookOverAt: number;
  /** When all that was written was durable last, or more of it had become so, in ms. */
  #syncedAt: number;
  #durableLength = 0;
  #checkedAt: number;

  constructor(timeoutMs: number, now: number) {
    this.#timeoutMs = timeoutMs;
    this.#tookOverAt = now;
    this.#syncedAt = now;
    this.#checkedAt = now;
  }

  /** When to look next, in ms. */
  get nextAt(): number {
    return this.#checkedAt + CHECK_MS;
  }

  /**
   * Whether the majority is lost.
   * @param askedAt when the last question was asked that a majority has answered, in ms
   */
  isLost(now: number, askedAt: number, durableLength: number, length: number): boolean {
    // More has become durable at some time since the last look, which a pause may have made a long time.
    if (durableLength >= length) this.#syncedAt = now;
    else if (durableLength > this.#durableLength) this.#syncedAt = this.#checkedAt;
    this.#checkedAt = now;
    this.#durableLength = durableLength;
    const heardAt = Math.min(Math.max(askedAt, this.#tookOverAt), this.#syncedAt);
    return now >= heardAt + this.#timeoutMs;
  }
}
