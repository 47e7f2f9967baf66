/**
 * The files of a log in their directory. A new file or name is there for good only when the directory
 * itself has been synced; with `FSYNC=never` nothing is.
 */
import { codeOf, DISK, type Disk } from './disk.ts';
import { type Identity, isSame, LogFile, statAt } from './log-file.ts';

export const LOG_NAME = 'log.ndjson';
/** The next log, until it is whole. */
const NEXT_NAME = 'log.ndjson.new';

export class Directory {
  readonly path: string;
  /** Whether what is written must be on the disk before it counts. */
  readonly isSynced: boolean;
  readonly disk: Disk;
  #identity: Identity | null = null;

  constructor(path: string, isSynced: boolean, disk: Disk = DISK) {
    this.path = path;
    this.isSynced = isSynced;
    this.disk = disk;
  }

  get logPath(): string {
    return `${this.path}/${LOG_NAME}`;
  }

  /** Notes which directory this is: it exists now, and is this process's own. */
  own(): void {
    this.#identity = statAt(this.disk, this.path);
  }

  /**
   * Throws unless `log` is what a next start will find: a directory that was removed or moved away under a
   * running node, or a log that was replaced, must not take in anything that counts.
   *
   * @param log the open log; null if none was begun yet
   */
  mustHold(log: LogFile | null): void {
    if (log !== null) {
      log.mustBeAt(this.logPath);
    } else if (this.#identity !== null && !isSame(statAt(this.disk, this.path), this.#identity)) {
      throw new Error(`${this.path}: was replaced by another directory`);
    }
  }

  /** Writes `bytes` as the next log, which replaces this one by `moveIn`. */
  createNext(bytes: Uint8Array): LogFile {
    const file = this.#create(NEXT_NAME, 'w');
    try {
      if (!file.write(bytes)) throw new Error('there is no room');
      if (this.isSynced) file.sync();
      return file;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Makes the next log the log; in one step, so that there always is one. */
  moveIn(): void {
    this.disk.renameSync(`${this.path}/${NEXT_NAME}`, this.logPath);
  }

  /** Removes what is left of a next log. */
  dropNext(): void {
    this.remove(NEXT_NAME);
  }

  /** Creates an empty side file `discarded-<n>.ndjson`. */
  createAside(): { name: string; file: LogFile } {
    return freeName('discarded', (name) => ({ name, file: this.#create(name, 'wx') }));
  }

  /** Gives the log a second name, `discarded-<logId>-<n>.ndjson`, under which it stays. */
  linkAside(logId: string): string {
    const safe = logId.replaceAll(/[^\w.-]/g, '_').slice(0, 100);
    return freeName(`discarded-${safe}`, (name) => {
      this.disk.linkSync(this.logPath, `${this.path}/${name}`);
      return name;
    });
  }

  /** Removes a file, if it is there and can be removed. */
  remove(name: string): void {
    try {
      this.disk.unlinkSync(`${this.path}/${name}`);
    } catch {
      // It is in nobody's way.
    }
  }

  /** Makes the names in the directory last. */
  sync(): void {
    if (this.isSynced) syncDirectory(this.disk, this.path);
  }

  #create(name: string, flags: 'w' | 'wx'): LogFile {
    return new LogFile(this.disk, this.disk.openSync(`${this.path}/${name}`, flags), 0);
  }
}

/** Syncs the names in the directory at `path`. */
export function syncDirectory(disk: Disk, path: string): void {
  const fd = disk.openSync(path, 'r');
  try {
    disk.fsyncSync(fd);
  } finally {
    disk.closeSync(fd);
  }
}

/** What `create` makes under the first name `<stem>-<n>.ndjson` that nobody has. */
function freeName<Made>(stem: string, create: (name: string) => Made): Made {
  for (let n = 1; ; n += 1) {
    try {
      return create(`${stem}-${n}.ndjson`);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
}
