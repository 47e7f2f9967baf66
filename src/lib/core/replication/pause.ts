/**
 * A process that was stopped and goes on (SIGSTOP, a suspended machine) finds every deadline long past. That is its
 * own lateness and not a peer's silence: what the peer sent meanwhile has not been read yet.
 */

/** A deadline that is noticed later than this, in ms, tells of the process's own pause. */
export const PAUSE_MS = 500;

export class PauseExcuse {
  #isUsed = false;

  /** Whether a deadline that is noticed `lateMs` late is excused. Once in a row, so that a slow master still judges. */
  excuses(lateMs: number): boolean {
    this.#isUsed = lateMs > PAUSE_MS && !this.#isUsed;
    return this.#isUsed;
  }

  /** The peer was heard: the next late deadline may be excused again. */
  renew(): void {
    this.#isUsed = false;
  }
}
