/**
 * When what was written is on the disk. Syncing takes far longer than writing, so all that is written
 * while one sync runs shares the next one: one at a time, and its end vouches for what had been
 * written at its start. A sync vouches for a file, not for its name: before entries count, the log must
 * still be where the next start looks for it.
 */
import type { Directory } from './directory.ts';
import type { LogFile } from './log-file.ts';

export interface SyncOutcome {
  /** More entries are on the disk. */
  readonly onSynced: () => void;
  /**
   * A sync failed, or the log is not at its place any more: nobody knows what the disk holds, nor may ever
   * rely on it again.
   */
  readonly onFailed: (error: Error) => void;
}

export class GroupCommit {
  readonly #directory: Directory;
  readonly #outcome: SyncOutcome;
  #file: LogFile | null;
  #written: number;
  #durable: number;
  /** Rises whenever `settle` decides what is durable, whatever a running sync has to say. */
  #incarnation = 0;
  #isBusy = false;
  /** Whether the log was seen at its place in this turn of the event loop. */
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

  /** How many entries are on the disk for good. */
  get durableLength(): number {
    return this.#durable;
  }

  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Entries up to `length` have been written. */
  wrote(length: number): void {
    this.#written = length;
    if (!this.#directory.isSynced) this.#durable = length;
    else if (!this.#isBusy) {
      this.#isBusy = true;
      // All appends of this turn of the event loop shall share the sync.
      setImmediate(() => this.#sync());
    }
  }

  /** Whether the log is still at its place; if not, it has failed. */
  check(): boolean {
    try {
      this.#directory.mustHold(this.#file);
    } catch (error) {
      this.fail(error as Error);
    }
    return !this.#hasFailed;
  }

  /** `file` holds exactly `length` entries now, and has them on the disk. */
  settle(file: LogFile, length: number): void {
    this.#incarnation += 1;
    this.#file = file;
    this.#written = length;
    this.#durable = length;
  }

  /** The same, once for all appends of a turn of the event loop, whose answers leave together. */
  checkOnce(): boolean {
    if (this.#isChecked) return !this.#hasFailed;
    this.#isChecked = true;
    setImmediate(() => {
      this.#isChecked = false;
    });
    return this.check();
  }

  /** A sync, of whatever kind, has failed. */
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
