/** Storage for tests: real directories, disks that fail on demand, and a reference model of a log. */
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { packMessages } from '../../../src/lib/core/log/messages.ts';
import { Replica, type Restored } from '../../../src/lib/core/log/replica.ts';
import { type Ballot, NO_BALLOT, newerBallot } from '../../../src/lib/core/recovery/ballot.ts';
import type { Disk, StorageError } from '../../../src/lib/storage/disk.ts';
import {
  openStorage,
  type Storage,
  type StorageOptions,
} from '../../../src/lib/storage/storage.ts';

export const FIRST: Ballot = { epoch: 1, writer: 'first' };
export const SECOND: Ballot = { epoch: 2, writer: 'second' };

/** An empty directory that is removed after the test. */
export function temporary(t: TestContext): string {
  const path = fs.mkdtempSync(join(tmpdir(), 'storage-'));
  t.after(() => fs.rmSync(path, { recursive: true, force: true }));
  return path;
}

/** An open directory with its replica. */
export interface Opened {
  readonly storage: Storage;
  readonly replica: Replica;
}

export async function open(path: string, options: Partial<StorageOptions> = {}): Promise<Opened> {
  const storage = await openStorage(path, {
    fsync: 'never',
    onSynced: () => {},
    onFailed: (error) => {
      throw error;
    },
    ...options,
  });
  return { storage, replica: new Replica(storage.journal, storage.restored) };
}

/** Opens, works, and closes. */
export async function using<Result>(
  path: string,
  work: (opened: Opened) => Result | Promise<Result>,
  options: Partial<StorageOptions> = {},
): Promise<Result> {
  const opened = await open(path, options);
  try {
    return await work(opened);
  } finally {
    await opened.storage.close();
  }
}

export function append(
  replica: Replica,
  messages: readonly string[],
  ballot: Ballot = FIRST,
  key?: string,
): boolean {
  const first = replica.log.length + 1;
  const keys = key === undefined ? [] : messages.map((_, i) => [first + i, key] as const);
  return replica.append(packMessages(messages), ballot, keys);
}

/** The error with which opening is refused. */
export async function refusal(path: string, options?: Partial<StorageOptions>) {
  let opened: Opened;
  try {
    opened = await open(path, options);
  } catch (error) {
    return error as StorageError;
  }
  await opened.storage.close();
  throw new Error('it was opened');
}

/** A disk with some calls replaced, and the real ones for the rest. */
export function diskWith(calls: Partial<Disk>): Disk {
  return { ...fs, ...calls };
}

export function failure(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code, syscall: 'test' });
}

export function logPath(path: string): string {
  return join(path, 'log.ndjson');
}

export function readLines(path: string): string[] {
  return fs.readFileSync(path, 'utf8').split('\n').slice(0, -1);
}

/** A record's line, with the checksum it must have. */
export function sealed(body: string): string {
  return sealedBytes(Buffer.from(body)).toString();
}

export function sealedBytes(body: Buffer): Buffer {
  const text = body.subarray(0, -1);
  const sum = crcBitByBit(text).toString(16).padStart(8, '0');
  return Buffer.concat([text, Buffer.from(`,"crc":"${sum}"}\n`)]);
}

/** CRC-32 as its definition says, one bit after the other. */
export function crcBitByBit(bytes: Uint8Array): number {
  let sum = -1;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return ~sum >>> 0;
}

/** The state of a log as plain values that can be compared. */
export interface Plain {
  logId: string | null;
  ballot: Ballot;
  isComplete: boolean;
  entries: { text: string; key: string | null; epoch: number }[];
}

export function plain({ logId, ballot, isComplete, log, keys }: Restored | Replica): Plain {
  const keyOf = new Map(keys.within(1, log.length));
  const entries = Array.from({ length: log.length }, (_, i) => ({
    text: JSON.parse(Buffer.from(log.textAt(i + 1)).toString()) as string,
    key: keyOf.get(i + 1) ?? null,
    epoch: log.epochAt(i + 1),
  }));
  return { logId, ballot: { ...ballot }, isComplete, entries };
}

/** A ballot as a record has it: without a writer, it is null there. */
function ballotOf({ epoch, writer }: { epoch: number; writer: string | null }): Ballot {
  return { epoch, writer: writer ?? '' };
}

/** The state by the lines of a file, read in the simplest way, without an unfinished run. */
export function replay(text: string, withUnfinished = false): Plain {
  const state: Plain = { logId: null, ballot: NO_BALLOT, isComplete: false, entries: [] };
  let runStart: number | null = null;
  for (const line of text.split('\n').slice(0, -1)) {
    const record = JSON.parse(line);
    if ('format' in record) state.logId = record.logId as string;
    else if ('ballot' in record) state.ballot = newerBallot(state.ballot, ballotOf(record.ballot));
    else if ('complete' in record) state.isComplete = true;
    else if ('cut' in record) state.entries.length = record.cut;
    else if ('from' in record) {
      state.ballot = newerBallot(state.ballot, ballotOf(record));
    } else {
      if (record.more) runStart ??= state.entries.length;
      else runStart = null;
      const { message, key = null, epoch } = record;
      state.entries.push({ text: message, key, epoch });
    }
  }
  if (runStart !== null && !withUnfinished) state.entries.length = runStart;
  return state;
}

/** A small log that has a record of every kind, as the bytes of its file. */
export async function sampleLog(path: string): Promise<Buffer> {
  await using(path, ({ replica }) => {
    replica.begin('L');
    replica.promise(FIRST);
    append(replica, ['one', 'zwei "2"\n', 'три']);
    append(replica, ['four', 'five', 'six'], FIRST, 'key-1');
    append(replica, ['to be cut'], SECOND, 'key-2');
    replica.cut(6);
    replica.promise({ epoch: 3, writer: '' });
    replica.beginEpoch({ epoch: 3, writer: 'third' });
    replica.becomeComplete();
    append(replica, ['seven'], { epoch: 3, writer: 'third' }, 'key "3"');
    append(replica, ['', '{"seq":1}'], { epoch: 3, writer: 'third' });
    append(replica, ['nine', 'ten', 'eleven'], { epoch: 3, writer: 'third' }, 'key-4');
  });
  return fs.readFileSync(logPath(path));
}
