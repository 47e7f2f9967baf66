/**
 * Decodes one line of a log on disk. A line without a right checksum was damaged or not written completely
 * (`broken`). A line with a right checksum that differs from what this program writes is `odd`: people edit files,
 * so a right checksum alone guarantees nothing.
 */
import { isUtf8 } from 'node:buffer';
import { isIdempotencyKey } from '../core/log/idempotency.ts';
import { NO_TEXT, TextScanner } from '../core/log/text-scanner.ts';
import { crc32 } from './crc32.ts';
import { type EntryRecord, type RareRecord, SEAL_HEAD, SEAL_LENGTH, SEAL_TAIL } from './record.ts';
import { rareText } from './record-buffer.ts';

type Decoded =
  | { readonly kind: 'entry'; readonly entry: EntryRecord }
  | { readonly kind: 'rare'; readonly record: RareRecord }
  | { readonly kind: 'broken' | 'odd'; readonly problem: string };

const ascii = new TextEncoder();
const [SEAL_HEAD_BYTES, SEAL_TAIL_BYTES] = [ascii.encode(SEAL_HEAD), ascii.encode(SEAL_TAIL)];
const SEQ = ascii.encode('{"seq":');
const EPOCH = ascii.encode(',"epoch":');
const KEY = ascii.encode(',"key":');
const MORE = ascii.encode(',"more":true');
const MESSAGE = ascii.encode(',"message":');
const ZERO = 0x30;
const CRC_DIGITS = 8;

/** Decodes the line at `start..end - 1` of `bytes`, without its newline. */
export function decodeRecord(bytes: Buffer, start: number, end: number): Decoded {
  const bodyEnd = end - SEAL_LENGTH;
  const digits = bodyEnd + SEAL_HEAD_BYTES.length;
  if (
    bodyEnd <= start ||
    !hasAt(bytes, bodyEnd, SEAL_HEAD_BYTES) ||
    !hasAt(bytes, digits + CRC_DIGITS, SEAL_TAIL_BYTES)
  ) {
    return { kind: 'broken', problem: 'it does not end with a checksum' };
  }
  const sum = crc32(bytes, start, bodyEnd);
  if (sum !== hexAt(bytes, digits)) {
    const found = sum.toString(16).padStart(CRC_DIGITS, '0');
    return { kind: 'broken', problem: `its checksum is wrong (the bytes sum up to ${found})` };
  }
  const entry = decodeEntry(bytes, start, bodyEnd);
  if (entry !== null) return { kind: 'entry', entry };
  const record = decodeRare(bytes, start, bodyEnd);
  if (record !== null) return { kind: 'rare', record };
  return { kind: 'odd', problem: 'its checksum is right, but no version of this program wrote it' };
}

/** Whether the bytes `start..end - 1` end with a whole record. */
export function endsWithRecord(bytes: Buffer, start: number, end: number): boolean {
  // A quote inside a text is escaped, so only a record or an object in it can begin with `{"`.
  for (let at = bytes.indexOf('{"', start); at >= 0 && at < end; at = bytes.indexOf('{"', at + 1)) {
    if (decodeRecord(bytes, at, end).kind !== 'broken') return true;
  }
  return false;
}

function decodeEntry(bytes: Buffer, start: number, end: number): EntryRecord | null {
  if (!hasAt(bytes, start, SEQ)) return null;
  const seqEnd = digitsEnd(bytes, start + SEQ.length);
  if (!hasAt(bytes, seqEnd, EPOCH)) return null;
  const epochEnd = digitsEnd(bytes, seqEnd + EPOCH.length);
  const keyStart = hasAt(bytes, epochEnd, KEY) ? epochEnd + KEY.length : null;
  const scanner = new TextScanner(bytes);
  const keyEnd = keyStart === null ? epochEnd : scanner.endOf(keyStart);
  if (keyEnd === NO_TEXT) return null;
  const more = keyStart !== null && hasAt(bytes, keyEnd, MORE);
  const keyedEnd = more ? keyEnd + MORE.length : keyEnd;
  if (!hasAt(bytes, keyedEnd, MESSAGE)) return null;
  const textStart = keyedEnd + MESSAGE.length;
  const seq = numberIn(bytes, start + SEQ.length, seqEnd);
  const epoch = numberIn(bytes, seqEnd + EPOCH.length, epochEnd);
  if (seq < 1 || epoch < 0 || scanner.endOf(textStart) !== end) return null;
  if (!isUtf8(bytes.subarray(start, end))) return null;
  const key = keyStart === null ? null : JSON.parse(bytes.toString('utf8', keyStart, keyEnd));
  if (key !== null && !isIdempotencyKey(key)) return null;
  return { seq, epoch, key, more, textStart, textEnd: end };
}

function decodeRare(bytes: Buffer, start: number, end: number): RareRecord | null {
  if (!isUtf8(bytes.subarray(start, end))) return null;
  const text = `${bytes.toString('utf8', start, end)}}`;
  const record = rareRecordIn(text);
  return record !== null && rareText(record) === text ? record : null;
}

function rareRecordIn(text: string): RareRecord | null {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null ? rareRecordOf(value) : null;
  } catch {
    return null;
  }
}

/** The record with exactly its own members, in their order; null if one has another type. */
// biome-ignore lint/suspicious/noExplicitAny: a file may hold anything
function rareRecordOf(value: any): RareRecord | null {
  const { format, logId, ballot, epoch, writer, from, cut, complete, machineRun } = value;
  if (typeof format === 'string') return typeof logId === 'string' ? { format, logId } : null;
  if (complete !== undefined) {
    return complete === true && isName(machineRun) ? { complete, machineRun } : null;
  }
  if (cut !== undefined) return isCount(cut) ? { cut } : null;
  if (ballot !== undefined) {
    if (!isCount(ballot?.epoch) || !isName(ballot.writer)) return null;
    return { ballot: { epoch: ballot.epoch, writer: ballot.writer ?? '' } };
  }
  if (!isCount(epoch) || !isName(writer) || !isCount(from)) return null;
  return { epoch, writer: writer ?? '', from };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isName(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}

function hasAt(bytes: Uint8Array, at: number, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i += 1) if (bytes[at + i] !== expected[i]) return false;
  return true;
}

function hexAt(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at; i < at + CRC_DIGITS; i += 1) {
    const byte = bytes[i] as number;
    const digit = byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : digitOf(byte);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

function digitOf(byte: number): number {
  return byte >= ZERO && byte <= 0x39 ? byte - ZERO : -1;
}

function digitsEnd(bytes: Uint8Array, start: number): number {
  let end = start;
  while (digitOf(bytes[end] as number) >= 0) end += 1;
  return end;
}

/** The number that these digits write; -1 if JSON would not write a safe integer so. */
function numberIn(bytes: Uint8Array, start: number, end: number): number {
  if (start === end || (bytes[start] === ZERO && end > start + 1)) return -1;
  let value = 0;
  for (let i = start; i < end; i += 1) value = value * 10 + digitOf(bytes[i] as number);
  return value <= Number.MAX_SAFE_INTEGER ? value : -1;
}
