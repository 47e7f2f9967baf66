/**
 * Group commit: decides when written entries are durable. A sync takes far longer than a write, so there is one sync at
 * a time, and all writes during a sync share the next one. A finished sync makes durable what was written before it
 * began. It says nothing about the file's name. So before entries count, the log must still be at its place, where
 * the next start looks for it.
 */
import type { Directory } from './directory.ts';
import type { LogFile } from './log-file.ts';

export interface SyncOutcome {
  /** More entries are durable. */
  readonly onSynced: () => void;
  /** A sync failed, or the log is not at its place: what the disk holds is unknown, and no later sync can tell. */
  readonly onFailed: (error: Error) => void;
}

export class GroupCommit {
  readonly #directory: Directory;
  readonly #outcome: SyncOutcome;
  #file: LogFile | null;
  #written: number;
  #durable: number;
  /** Counts calls of `settle`, after which the result of a sync that began before does not count. */
  #incarnation = 0;
  #isBusy = false;
  /** Whether the place of the log was checked in this turn of the event loop. */
  #isChecked = false;
  #hasFailed = false;
  #whenIdle: (() => void)[] = [];

  constructor(directory: Directory, outcome: SyncOutcome, file: LogFile | null, length: number) {
    this.#directory = directory;
    this.#outcome = outcome;
    this.#file = file;
    this.#written = length;
    this.#durable = length;
  }

  /** How many entries are durable. */
  get durableLength(): number {
    return this.#durable;
  }

  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Notes that entries up to `length` were written, and syncs them. */
  wrote(length: number): void {
    this.#written = length;
    if (!this.#directory.isSynced) this.#durable = length;
    else if (!this.#isBusy) {
      this.#isBusy = true;
      // All appends of this turn of the event loop share the sync.
      setImmediate(() => this.#sync());
    }
  }

  /** Checks that the log is still at its place, and fails if it is not. */
  check(): boolean {
    try {
      this.#directory.mustHold(this.#file);
    } catch (error) {
      this.fail(error as Error);
    }
    return !this.#hasFailed;
  }

  /** Notes that `file` now has exactly `length` entries, all of them durable. */
  settle(file: LogFile, length: number): void {
    this.#incarnation += 1;
    this.#file = file;
    this.#written = length;
    this.#durable = length;
  }

  /** As `check`, but once for all appends of a turn of the event loop, whose answers leave together. */
  checkOnce(): boolean {
    if (this.#isChecked) return !this.#hasFailed;
    this.#isChecked = true;
    setImmediate(() => {
      this.#isChecked = false;
    });
    return this.check();
  }

  /** Fails for good, after any failed sync. */
  fail(error: Error): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#outcome.onFailed(error);
  }

  /** Resolves when no sync is running or due. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isBusy) this.#whenIdle.push(resolve);
      else resolve();
    });
  }

  #sync(): void {
    if (this.#hasFailed || this.#file === null || this.#durable >= this.#written) {
      this.#isBusy = false;
      for (const resolve of this.#whenIdle.splice(0)) resolve();
      return;
    }
    const length = this.#written;
    const incarnation = this.#incarnation;
    this.#file.syncLater((error) => {
      if (error !== null) this.fail(error);
      else if (incarnation === this.#incarnation && this.check()) {
        this.#durable = length;
        this.#outcome.onSynced();
      }
      this.#sync();
    });
  }
}
