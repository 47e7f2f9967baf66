/**
 * A file that grows by whole writes: one happens to its last byte, or leaves nothing behind. What a
 * failed write left is cut off at once, or, where even that fails, before the next one; so nothing is
 * ever written behind a part of a record.
 */
import type { Disk } from './disk.ts';

export class LogFile {
  readonly #disk: Disk;
  readonly #fd: number;
  #end: number;
  /** Whether there may be bytes behind the end. */
  #isRagged = false;
  #isSyncing = false;
  #isClosed = false;

  /** An open file whose good bytes end at `end`. */
  constructor(disk: Disk, fd: number, end: number) {
    this.#disk = disk;
    this.#fd = fd;
    this.#end = end;
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
