/** What nodes say to each other: frames, acks, prepares and heartbeats, as the core sees them. */

import type { EpochStart, EpochsPart } from './log/epochs.ts';
import type { EntryKeys } from './log/journal.ts';
import type { PackedMessages } from './log/messages.ts';
import type { Ballot } from './recovery/ballot.ts';

/** A run of consecutive messages, pushed by a master or fetched from a secondary. */
export interface Frame extends Ballot {
  readonly logId: string;
  /** The seq of the first message. */
  readonly from: number;
  readonly messages: PackedMessages;
  /** The idempotency keys of entries in this frame. */
  readonly keys: EntryKeys;
  /** The traces that entries in this frame belong to; for logs alone. */
  readonly traces?: readonly EntryTrace[];
  /** Under which epochs the sender's log was written; null but in the first frame of a stream. */
  readonly epochs: readonly EpochStart[] | null;
  /** Which part of that list it is; the whole if it does not say. */
  readonly part?: EpochsPart;
  /** Which incarnation of the secondary the stream is for; another one refuses it. None: any. */
  readonly bootId?: string;
  /** From which length on the incarnation that `bootId` names is complete. */
  readonly completeFrom?: number;
  /** Up to where the sender knows its log to be committed. */
  readonly committed?: number;
}

/** What the first frame of a stream says beside its entries. */
export interface StreamStart {
  readonly epochs: readonly EpochStart[];
  /** Which part of the list they are. */
  readonly part: EpochsPart;
  readonly bootId: string;
  readonly completeFrom: number;
}

/** The trace of an entry (W3C Trace Context), and whether somebody records it. */
export interface EntryTrace {
  readonly seq: number;
  readonly parent: string;
  readonly isSampled: boolean;
}

/** A statement of fact about the secondary: what this incarnation of it shows now. */
export interface Ack {
  readonly bootId: string;
  readonly logId: string;
  readonly epoch: number;
  readonly length: number;
  /** Said after a part of a list of epochs: this log was not compared yet, so the length does not count. */
  readonly isLogMatched?: false;
}

/** Which log a master writes, and as which incarnation: whoever hears it listens to no older one. */
export interface Prepare extends Ballot {
  readonly logId: string;
  readonly writer: string;
}

/**
 * What a master asks with a heartbeat. Without a prepare it is a poll, which changes nothing. A prepare is
 * made to one incarnation: another one that hears it answers as if it were a poll.
 */
export interface HeartbeatRequest {
  readonly prepare: Prepare | null;
  /** Which incarnation the prepare is made to; null in one made by hand, which is for any. */
  readonly bootId: string | null;
  /** From which length on that incarnation is complete; null while the master does not know. */
  readonly completeFrom: number | null;
  /** Up to where the master knows its log to be committed. */
  readonly committed: number;
}

/** The same statement as an ack, asked for; `logId` null and `epoch` 0 while empty. */
export interface Heartbeat {
  readonly nodeId: string;
  readonly bootId: string;
  readonly logId: string | null;
  /** The highest epoch it has seen. */
  readonly epoch: number;
  readonly length: number;
  /** What it adds for a master; null where none asked, or it does not know. */
  readonly prepareReply: PrepareReply | null;
  /** How many messages it has received and does not show yet; for a master, to tell. */
  readonly held?: number;
  /** How many bytes of frames have come that were not whole yet; for a master that made a prepare. */
  readonly receivedBytes?: number;
}

export interface PrepareReply {
  /** Who wrote under the highest epoch it has seen. */
  readonly writer: string | null;
  /** The newest ballot of whose beginning it has everything; 0 and null if there is none. */
  readonly lastEpoch: number;
  readonly lastWriter: string | null;
  /** Whether its log was compared with that of the master who asks, so that its length counts. */
  readonly isLogMatched: boolean;
  /** Whether it has lost nothing that it could have acknowledged. */
  readonly isComplete: boolean;
}
