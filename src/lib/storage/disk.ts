/**
 * The calls by which the log reaches the disk: those of `node:fs`, as they are. Tests hand in others,
 * to have a disk that is full, fails, or takes its time.
 */
import * as fs from 'node:fs';

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
