/**
 * The files of a log in their directory. A new file or name is durable only after a sync of the directory itself;
 * with `FSYNC=never` nothing is synced.
 */
import { readFileSync } from 'node:fs';
import { codeOf, DISK, type Disk, EXIT_CANNOT_WRITE, StorageError } from './disk.ts';
import { type Identity, isSame, LogFile, statAt } from './log-file.ts';

export const LOG_NAME = 'log.ndjson';
/** The next log while it is written. */
const NEXT_NAME = 'log.ndjson.new';
/** The list of members, in a cluster that elects its master. */
export const MEMBERS_NAME = 'members';
const NEXT_MEMBERS_NAME = 'members.new';

export class Directory {
  readonly path: string;
  /** Whether a write counts only once it is on the disk. */
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

  /** Remembers which directory this is, now that this process has locked it. */
  own(): void {
    this.#identity = statAt(this.disk, this.path);
  }

  /**
   * Throws unless the next start would find `log` here. If the directory was removed or moved away under a running
   * node, or the log was replaced, nothing that is written may count.
   *
   * @param log the open log; null before the first
   */
  mustHold(log: LogFile | null): void {
    if (log !== null) {
      log.mustBeAt(this.logPath);
    } else if (this.#identity !== null && !isSame(statAt(this.disk, this.path), this.#identity)) {
      throw new Error(`${this.path}: was replaced by another directory`);
    }
  }

  /** Writes `bytes` as the next log, by which `moveIn` replaces this one. */
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

  /** Replaces the log by the next log in one step, so that there is a log at any time. */
  moveIn(): void {
    this.disk.renameSync(`${this.path}/${NEXT_NAME}`, this.logPath);
  }

  /** Removes an unfinished next log. */
  dropNext(): void {
    this.remove(NEXT_NAME);
  }

  /** Creates an empty file `discarded-<n>.ndjson`. */
  createAside(): { name: string; file: LogFile } {
    return freeName('discarded', (name) => ({ name, file: this.#create(name, 'wx') }));
  }

  /** Links the log as `discarded-<logId>-<n>.ndjson`, where it stays when it is replaced. */
  linkAside(logId: string): string {
    const safe = logId.replaceAll(/[^\w.-]/g, '_').slice(0, 100);
    return freeName(`discarded-${safe}`, (name) => {
      this.disk.linkSync(this.logPath, `${this.path}/${name}`);
      return name;
    });
  }

  /** The list of members that is kept here; null if there is none. */
  readMembers(): string | null {
    try {
      return readFileSync(`${this.path}/${MEMBERS_NAME}`, 'utf8').trim();
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null;
      throw new StorageError(EXIT_CANNOT_WRITE, `${this.path}/${MEMBERS_NAME}: ${codeOf(error)}`);
    }
  }

  /** Keeps a list of members here, in one step. */
  writeMembers(members: string): void {
    try {
      const file = this.#create(NEXT_MEMBERS_NAME, 'w');
      try {
        if (!file.write(Buffer.from(`${members}\n`))) throw new Error('cannot be written');
        if (this.isSynced) file.sync();
      } finally {
        file.close();
      }
      this.disk.renameSync(`${this.path}/${NEXT_MEMBERS_NAME}`, `${this.path}/${MEMBERS_NAME}`);
      this.sync();
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const reason = code ?? message;
      throw new StorageError(EXIT_CANNOT_WRITE, `${this.path}/${MEMBERS_NAME}: ${reason}`);
    }
  }

  /** Removes a file, if it is there and can be removed. */
  remove(name: string): void {
    try {
      this.disk.unlinkSync(`${this.path}/${name}`);
    } catch {
      // A file that stays does no harm.
    }
  }

  /** Makes the names in the directory durable. */
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

/** Calls `create` with the first name `<stem>-<n>.ndjson` that is free. */
function freeName<Made>(stem: string, create: (name: string) => Made): Made {
  for (let n = 1; ; n += 1) {
    try {
      return create(`${stem}-${n}.ndjson`);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
}
