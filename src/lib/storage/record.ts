/**
 * The records of a log on disk. Each is one line of JSON, readable with `cat` and `grep`. It ends with a CRC-32 of the
 * bytes before it, which tells whether the line is whole:
 * `{"seq":3,"epoch":1,"key":"k","message":"Msg3","crc":"1a2b3c4d"}`
 */
import type { Ballot } from '../core/recovery/ballot.ts';

/** The name of this format; it is in the first record of every file. */
export const FORMAT = 'replicated-log/1';

/** The first record: which log this is. */
interface HeaderRecord {
  readonly format: string;
  readonly logId: string;
}

/** A ballot that the node has promised to obey. */
interface BallotRecord {
  readonly ballot: Ballot;
}

/** The ballot that writes the entries from `from` on. */
interface WriterRecord extends Ballot {
  readonly from: number;
}

/** The entries behind `cut` are cut off. */
interface CutRecord {
  readonly cut: number;
}

/**
 * The node is complete, with all records before this one. `machineRun`: this counts only during that run of the
 * machine, because not everything was synced; null: it always counts.
 */
export interface CompleteRecord {
  readonly complete: true;
  readonly machineRun: string | null;
}

/** All records other than entries. */
export type RareRecord = HeaderRecord | BallotRecord | WriterRecord | CutRecord | CompleteRecord;

/**
 * An entry. Its message is the JSON text at `textStart..textEnd - 1` of the bytes from which it was read. `more`: the
 * next entry belongs to the same keyed append; neither counts without the other.
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
