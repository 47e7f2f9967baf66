/**
 * A file that grows by whole writes: one happens to its last byte, or leaves nothing behind. What a
 * failed write left is cut off at once, or, where even that fails, before the next one; so nothing is
 * ever written behind a part of a record.
 */
import type { Stats } from 'node:fs';
import { codeOf, type Disk } from './disk.ts';

/** What tells a file from all others while it is open. */
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

  /** An open file whose good bytes end at `end`. */
  constructor(disk: Disk, fd: number, end: number) {
    this.#disk = disk;
    this.#fd = fd;
    this.#identity = disk.fstatSync(fd);
    this.#end = end;
  }

  /**
   * Throws unless this file is the one that `path` names: what is written to a file that was removed,
   * moved away or replaced is lost with the process, however well it is synced.
   */
  mustBeAt(path: string): void {
    const found = statAt(this.#disk, path);
    if (isSame(found, this.#identity)) return;
    // Some file systems give a file another number while it is open; then both say so.
    this.#identity = this.#disk.fstatSync(this.#fd);
    if (!isSame(found, this.#identity)) throw new Error(`${path}: was replaced by another file`);
  }

  /** Writes `bytes` at the end. False if there was no room, or any other failure. */
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
        // It is tried again before the next write.
      }
      return false;
    }
  }

  /** Waits until what was written is on the disk. */
  sync(): void {
    this.#disk.fdatasyncSync(this.#fd);
  }

  /** Calls back when what was written up to now is on the disk. */
  syncLater(done: (error: Error | null) => void): void {
    this.#isSyncing = true;
    this.#disk.fdatasync(this.#fd, (error) => {
      this.#isSyncing = false;
      if (this.#isClosed) this.#disk.closeSync(this.#fd);
      done(error);
    });
  }

  /** Gives the file back; not under a running sync, whose number another file might get. */
  close(): void {
    if (!this.#isClosed && !this.#isSyncing) this.#disk.closeSync(this.#fd);
    this.#isClosed = true;
  }

  #trim(): void {
    this.#disk.ftruncateSync(this.#fd, this.#end);
    this.#isRagged = false;
  }
}

/** What is at `path`; an error that says so if nothing is, or if nobody can tell. */
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
