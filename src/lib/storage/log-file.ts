/**
 * A file that grows by whole writes: a write adds all its bytes or none. The rest of a failed write is cut off at
 * once, or, if that fails as well, before the next write. So nothing is ever written behind a part of a record.
 */
import type { Stats } from 'node:fs';
import { codeOf, type Disk } from './disk.ts';

/** Identifies a file while it is open. */
export type Identity = Pick<Stats, 'dev' | 'ino'>;

export class LogFile {
  readonly #disk: Disk;
  readonly #fd: number;
  #identity: Identity;
  #end: number;
  /** Whether there may be bytes behind the end. */
  #isRagged = false;
  #isSyncing = false;
  #isClosed = false;

  /** @param fd an open file whose valid bytes end at `end` */
  constructor(disk: Disk, fd: number, end: number) {
    this.#disk = disk;
    this.#fd = fd;
    this.#identity = disk.fstatSync(fd);
    this.#end = end;
  }

  /**
   * Throws unless `path` names this file: what is written to a file that was removed, moved away or replaced is not
   * found by the next start, even if it is synced.
   */
  mustBeAt(path: string): void {
    const found = statAt(this.#disk, path);
    if (isSame(found, this.#identity)) return;
    // Some file systems change the inode number of an open file; then both calls return the new one.
    this.#identity = this.#disk.fstatSync(this.#fd);
    if (!isSame(found, this.#identity)) throw new Error(`${path}: was replaced by another file`);
  }

  /** Writes `bytes` at the end; false after any failure, such as a full disk. */
  write(bytes: Uint8Array): boolean {
    try {
      if (this.#isRagged) this.#trim();
      let done = 0;
      while (done < bytes.length) {
        const count = bytes.length - done;
        const written = this.#disk.writeSync(this.#fd, bytes, done, count, this.#end + done);
        if (written === 0) throw new Error('nothing was written');
        done += written;
      }
      this.#end += bytes.length;
      return true;
    } catch {
      this.#isRagged = true;
      try {
        this.#trim();
      } catch {
        // The next write tries again.
      }
      return false;
    }
  }

  /** Syncs what was written. */
  sync(): void {
    this.#disk.fdatasyncSync(this.#fd);
  }

  /** Syncs what was written up to now, and calls back. */
  syncLater(done: (error: Error | null) => void): void {
    this.#isSyncing = true;
    this.#disk.fdatasync(this.#fd, (error) => {
      this.#isSyncing = false;
      if (this.#isClosed) this.#disk.closeSync(this.#fd);
      done(error);
    });
  }

  /** Closes the file, after a running sync: the system could reuse its descriptor for another file. */
  close(): void {
    if (!this.#isClosed && !this.#isSyncing) this.#disk.closeSync(this.#fd);
    this.#isClosed = true;
  }

  #trim(): void {
    this.#disk.ftruncateSync(this.#fd, this.#end);
    this.#isRagged = false;
  }
}

/** The identity of the file at `path`; throws if there is none, or the system cannot tell. */
export function statAt(disk: Disk, path: string): Identity {
  try {
    return disk.statSync(path);
  } catch (error) {
    throw new Error(`${path}: was removed or moved away (${codeOf(error)})`);
  }
}

export function isSame(a: Identity, b: Identity): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}
