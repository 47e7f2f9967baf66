/**
 * Where a node stores its entries beside its memory: on a disk, or nowhere. Writing is synchronous, so an append
 * is one step that happens or does not. What was written survives a crash only later: up to `durableLength`.
 */
import type { Ballot } from '../recovery/ballot.ts';
import type { EpochStart } from './epochs.ts';
import type { KeyIndex } from './idempotency.ts';
import type { Log } from './log.ts';
import type { PackedMessages } from './messages.ts';

/** The idempotency keys of some entries, as (seq, key), ascending. */
export type EntryKeys = readonly (readonly [seq: number, key: string])[];

export interface Journal {
  /** Whether a write is as durable at once as it will ever be. */
  readonly isDurableAtOnce: boolean;
  /** Entries up to here survive a crash, if this journal survives at all. */
  readonly durableLength: number;
  /** Begins an empty log of this name, under a promise that was made before. False if there is no room. */
  begin(logId: string, ballot: Ballot): boolean;
  /** What is appended from now on is written under this ballot. Done for good when it returns true. */
  beginEpoch(ballot: Ballot): boolean;
  /**
   * Writes entries behind the last one, the first of them under `ballot`; `later` are the epochs that
   * begin behind it, of which one may begin right behind the last entry: then all is done for good when
   * it returns true. False if there is no room: then nothing was written.
   */
  append(
    firstSeq: number,
    messages: PackedMessages,
    ballot: Ballot,
    keys: EntryKeys,
    later: readonly EpochStart[],
  ): boolean;
  /**
   * Forgets the entries behind `length`, of which `log` and `keys` still know; sets them aside for
   * people. Done for good when it returns true; false if there is no room.
   */
  cut(length: number, log: Log, keys: KeyIndex): boolean;
  /** Keeps the newest ballot this node has seen. Done for good, or false if there is no room. */
  promise(ballot: Ballot): boolean;
  /**
   * Keeps that this node is complete, once the entries and the mark that make it so are durable. Done for
   * good, or false if there is no room.
   */
  complete(): boolean;
}

/** Memory alone: what is held is as safe as it will ever be. */
export const MEMORY: Journal = {
  isDurableAtOnce: true,
  durableLength: Number.POSITIVE_INFINITY,
  begin: () => true,
  beginEpoch: () => true,
  append: () => true,
  cut: () => true,
  promise: () => true,
  complete: () => true,
};
