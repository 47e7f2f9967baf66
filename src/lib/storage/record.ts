/**
 * The records of a log on disk. Each is one line of JSON that ends with a CRC-32 of all that precedes
 * it, so that a line can be read with `cat` and `grep` and still be known to be whole:
 * `{"seq":3,"epoch":1,"key":"k","message":"Msg3","crc":"1a2b3c4d"}`
 */
import type { Ballot } from '../core/recovery/ballot.ts';

/** The name of this format; the first record of every file says it. */
export const FORMAT = 'replicated-log/1';

/** The first one: which log this is. */
export interface HeaderRecord {
  readonly format: string;
  readonly logId: string;
}

/** The newest ballot the node has promised itself to. */
export interface BallotRecord {
  readonly ballot: Ballot;
}

/** Who writes the entries from `from` on. */
export interface WriterRecord extends Ballot {
  readonly from: number;
}

/** The entries behind `cut` do not count any more. */
export interface CutRecord {
  readonly cut: number;
}

/**
 * The node is complete, with all that precedes. `machineRun`: as long as the machine goes on, for not all of
 * it was synced; null: whatever happens.
 */
export interface CompleteRecord {
  readonly complete: true;
  readonly machineRun: string | null;
}

/** All records that are no entries; they are rare. */
export type RareRecord = HeaderRecord | BallotRecord | WriterRecord | CutRecord | CompleteRecord;

/**
 * An entry. Its message is the JSON text at `textStart..textEnd - 1` of the bytes it was read from.
 * `more`: the next entry belongs to the same keyed append; neither counts without the other.
 */
export interface EntryRecord {
  readonly seq: number;
  readonly epoch: number;
  readonly key: string | null;
  readonly more: boolean;
  readonly textStart: number;
  readonly textEnd: number;
}

/** `,"crc":"1a2b3c4d"}` */
export const SEAL_LENGTH = 18;
export const SEAL_HEAD = ',"crc":"';
export const SEAL_TAIL = '"}';
