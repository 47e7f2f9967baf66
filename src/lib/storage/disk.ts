/**
 * The disk, as a node's log sees it: the calls of `node:fs` that it makes, and what can go wrong. A problem is one line
 * for people, and an exit code that tells a supervisor which kind it is (the numbers are those of sysexits.h).
 */
import * as fs from 'node:fs';

/** Tests hand in other calls, to have a disk that is full, fails, or is slow. */
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

/** What is on the disk is not what was written there. */
export const EXIT_DAMAGED = 65;
/** The directory or the log in it cannot be made or written. */
export const EXIT_CANNOT_WRITE = 73;
/** The disk failed to read or to keep what it was given. */
export const EXIT_IO = 74;
/** Another process uses the directory. */
export const EXIT_IN_USE = 75;

export class StorageError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.name = 'StorageError';
    this.exitCode = exitCode;
  }
}

/** The system's word for what went wrong, as `ENOSPC`. */
export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | null)?.code ?? String(error);
}

/** Whether the system refused a call, as opposed to a fault in this program. */
export function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
