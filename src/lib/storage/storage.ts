/**
 * Opens a node's directory, `DATA_DIR`: locks it for this process and reads the log, which is only written from then
 * on. What a crash left incomplete at the end of the log is cut off; no other damage is repaired.
 */
import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Journal } from '../core/log/journal.ts';
import type { Restored } from '../core/log/replica.ts';
import { NO_BALLOT } from '../core/recovery/ballot.ts';
import { Directory, MEMBERS_NAME, syncDirectory } from './directory.ts';
import {
  codeOf,
  DISK,
  type Disk,
  EXIT_CANNOT_WRITE,
  EXIT_IO,
  EXIT_OTHER_MEMBERS,
  StorageError,
} from './disk.ts';
import { DiskJournal } from './disk-journal.ts';
import type { SyncOutcome } from './group-commit.ts';
import { lockDirectory } from './lock.ts';
import { LogFile } from './log-file.ts';
import { type Dropped, type Loaded, readLog } from './reader.ts';

export interface StorageOptions extends SyncOutcome {
  /** `always`: an entry counts once it is synced. `never`: nothing is synced, the system decides when to write. */
  readonly fsync: 'always' | 'never';
  /** The list of members, in a cluster that elects its master; null in others. Kept beside the log. */
  readonly members?: string | null;
  /** Replaces the disk in tests. */
  readonly disk?: Disk;
  /** Replaces `machineRun` in tests. */
  readonly machineRun?: string;
}

export interface Storage {
  readonly journal: Journal;
  /** The log in the directory; null if there was none. */
  readonly restored: Restored | null;
  /** The torn tail that was dropped; null if there was none. */
  readonly dropped: Dropped | null;
  /** Syncs what was written, and releases the lock of the directory. */
  close(): Promise<void>;
}

const EMPTY: Loaded = { restored: null, complete: null, writer: null, end: 0, dropped: null };

/** Opens the directory, and creates it if it is missing. Throws a `StorageError` if it cannot be used. */
export async function openStorage(path: string, options: StorageOptions): Promise<Storage> {
  const disk = options.disk ?? DISK;
  const directory = new Directory(resolve(path), options.fsync === 'always', disk);
  makeDirectory(directory);
  const lock = await lockDirectory(directory.path);
  try {
    directory.own();
    keepMembers(directory, options.members ?? null);
    const { file, loaded } = openLog(directory);
    const { writer, dropped } = loaded;
    const run = options.machineRun ?? machineRun();
    const { complete } = loaded;
    const isComplete = complete !== null && [null, run].includes(complete.machineRun);
    const restored = loaded.restored && { ...loaded.restored, isComplete };
    const journal = new DiskJournal(directory, options, {
      file,
      logId: restored?.logId ?? null,
      ballot: restored?.ballot ?? NO_BALLOT,
      writer,
      length: restored?.log.length ?? 0,
      machineRun: directory.isSynced ? null : run,
    });
    // `FSYNC` has changed since the record was written, so the record must say again how long it counts.
    const isOutdated = isComplete && complete.machineRun !== (directory.isSynced ? null : run);
    if (isOutdated && !journal.complete()) throw cannotWrite(directory.logPath, 'ENOSPC');
    const close = async (): Promise<void> => {
      await journal.close();
      await lock.release();
    };
    return { journal, restored, dropped, close };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function makeDirectory(directory: Directory): void {
  try {
    const firstMade = fs.mkdirSync(directory.path, { recursive: true });
    fs.accessSync(directory.path, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK);
    if (firstMade === undefined || !directory.isSynced) return;
    // A new directory is durable only after a sync of its parent.
    for (let made = directory.path; made !== dirname(firstMade); made = dirname(made)) {
      syncDirectory(directory.disk, dirname(made));
    }
  } catch (error) {
    throw cannotWrite(directory.path, error);
  }
}

/** Opens and reads the log; no file if there is none, or it has no header. */
function openLog(directory: Directory): { file: LogFile | null; loaded: Loaded } {
  const { disk, logPath } = directory;
  directory.dropNext();
  const fd = openExisting(directory);
  if (fd === null) return { file: null, loaded: EMPTY };
  try {
    const loaded = readLog(disk, fd, logPath);
    settleFile(directory, fd, loaded);
    if (loaded.restored !== null) return { file: new LogFile(disk, fd, loaded.end), loaded };
    disk.closeSync(fd);
    return { file: null, loaded };
  } catch (error) {
    disk.closeSync(fd);
    throw error;
  }
}

/**
 * Keeps the list of members beside the log. A node that comes back with another list could elect a master beside that
 * of the others, so it does not start.
 */
function keepMembers(directory: Directory, members: string | null): void {
  const kept = directory.readMembers();
  if (kept === members) return;
  if (kept === null) {
    directory.writeMembers(members as string);
    return;
  }
  const path = `${directory.path}/${MEMBERS_NAME}`;
  const given = members === null ? 'MEMBERS is not set' : `MEMBERS is ${members}`;
  const message = `${given}, but the log in DATA_DIR belongs to a cluster of ${kept}, see ${path}`;
  throw new StorageError(EXIT_OTHER_MEMBERS, message);
}

function openExisting({ disk, logPath }: Directory): number | null {
  try {
    return disk.openSync(logPath, 'r+');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw cannotWrite(logPath, error);
  }
}

/** Cuts off the torn tail, and syncs the rest: a process that died may have written it without a sync. */
function settleFile({ disk, logPath, isSynced }: Directory, fd: number, loaded: Loaded): void {
  try {
    if (loaded.dropped !== null) disk.ftruncateSync(fd, loaded.end);
    if (isSynced) disk.fdatasyncSync(fd);
  } catch (error) {
    throw new StorageError(EXIT_IO, `${logPath}: cannot be synced: ${codeOf(error)}`);
  }
}

function cannotWrite(path: string, error: unknown): StorageError {
  return new StorageError(EXIT_CANNOT_WRITE, `${path}: cannot be used: ${codeOf(error)}`);
}

/**
 * Identifies the present run of the machine's kernel; a random name where the system has none. Unsynced writes survive
 * the process but not the machine: with `FSYNC=never` a node may vouch for its entries only during the same run.
 */
export function machineRun(path = '/proc/sys/kernel/random/boot_id'): string {
  try {
    return fs.readFileSync(path, 'utf8').trim() || randomUUID();
  } catch {
    return randomUUID();
  }
}
