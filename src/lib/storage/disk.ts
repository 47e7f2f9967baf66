/**
 * The disk of a node's log: the calls of `node:fs` that it makes, and the errors of storage. An error has one line for
 * people, and an exit code of sysexits.h that tells a supervisor its kind.
 */
import * as fs from 'node:fs';

/** Tests pass other calls, for a disk that is full, fails, or is slow. */
export type Disk = Pick<
  typeof fs,
  | 'closeSync'
  | 'fdatasync'
  | 'fdatasyncSync'
  | 'fstatSync'
  | 'fsyncSync'
  | 'ftruncateSync'
  | 'linkSync'
  | 'openSync'
  | 'readSync'
  | 'renameSync'
  | 'statSync'
  | 'unlinkSync'
  | 'writeSync'
>;

export const DISK: Disk = fs;

/** The log on the disk is damaged. */
export const EXIT_DAMAGED = 65;
/** The directory or the log in it cannot be created or written. */
export const EXIT_CANNOT_WRITE = 73;
/** The disk failed to read or to sync. */
export const EXIT_IO = 74;
/** Another process uses the directory. */
export const EXIT_IN_USE = 75;
/** The directory is that of a cluster with other members: the configuration is wrong. */
export const EXIT_OTHER_MEMBERS = 78;

export class StorageError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.name = 'StorageError';
    this.exitCode = exitCode;
  }
}

/** The system's error code, such as `ENOSPC`. */
export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | null)?.code ?? String(error);
}

/** Whether a system call failed, as opposed to a defect of this program. */
export function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
