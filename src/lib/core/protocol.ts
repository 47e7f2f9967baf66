/** What nodes send each other, as the core sees it: frames, acks, prepares and heartbeats. */

import type { EpochStart, EpochsPart } from './log/epochs.ts';
import type { KeyIndex } from './log/idempotency.ts';
import type { EntryKeys } from './log/journal.ts';
import type { Log } from './log/log.ts';
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
  /** The traces that entries in this frame belong to; only log lines show them. */
  readonly traces?: readonly EntryTrace[];
  /** In the first frame of a stream: the epochs of the sender's log. Null in all others. */
  readonly epochs: readonly EpochStart[] | null;
  /** Which part of that list this is; without it, the whole list. */
  readonly part?: EpochsPart;
  /** The incarnation of the secondary that the stream is for; others refuse it. Without it: for any. */
  readonly bootId?: string;
  /** At which length the incarnation that `bootId` names becomes complete. */
  readonly completeFrom?: number;
  /** Up to where the sender knows its log to be committed. */
  readonly committed?: number;
}

/** A frame to be sent: all that its line says. Its entries are those at `from..to` of `log`; none if `to` is `from - 1`. */
export interface OutgoingFrame
  extends Omit<Frame, 'messages' | 'keys' | 'traces' | 'epochs' | 'part'> {
  readonly log: Log;
  readonly keys: KeyIndex;
  readonly to: number;
  /** In the first frame of a stream: under which epochs the log was written, or a part of that list; else null. */
  readonly epochs: readonly EpochStart[] | null;
  readonly part: EpochsPart;
}

/** The trace of an entry (W3C Trace Context), and whether somebody records it. */
export interface EntryTrace {
  readonly seq: number;
  readonly parent: string;
  readonly isSampled: boolean;
}

/** A statement of fact: what this incarnation of the secondary shows now. */
export interface Ack {
  readonly bootId: string;
  readonly logId: string;
  readonly epoch: number;
  readonly length: number;
  /** More parts of the list of epochs follow: the logs are not compared yet, so the length does not count. */
  readonly isLogMatched?: false;
}

/** Which log a master writes, and under which ballot. After it has promised this, a node refuses older masters. */
export interface Prepare extends Ballot {
  readonly logId: string;
}

/**
 * What a master asks with a heartbeat. Without a prepare it is a poll, which changes nothing. A prepare is for
 * one incarnation: any other answers it as a poll.
 */
export interface HeartbeatRequest {
  readonly prepare: Prepare | null;
  /** The incarnation that the prepare is for; null in one made by hand, which is for any. */
  readonly bootId: string | null;
  /** At which length that incarnation becomes complete; null while the master does not know. */
  readonly completeFrom: number | null;
  /** Up to where the master knows its log to be committed. */
  readonly committed: number;
  /** Whether the prepare is that of a candidate, which has not taken over. */
  readonly isCandidate?: boolean;
  /** In a cluster that elects its master: who asks. */
  readonly sender?: Sender;
  /**
   * The ballot of a master that hands over: it tells its successor so, which tells it those whom it asks. They listen
   * to the successor though they hear that master.
   */
  readonly handover?: Ballot;
}

/** One run of a member of a cluster that elects its master. */
export interface Sender {
  readonly id: string;
  readonly bootId: string;
  /** A digest of its list of members. */
  readonly members: string;
}

/** The master that a member hears. */
export interface HeardMaster {
  readonly id: string;
  readonly epoch: number;
}

/** The answer to a heartbeat, the same statement as an ack; `logId` null and `epoch` 0 while empty. */
export interface Heartbeat {
  readonly nodeId: string;
  readonly bootId: string;
  readonly logId: string | null;
  /** The highest epoch it has seen. */
  readonly epoch: number;
  readonly length: number;
  /** What it adds for a master; null if no master asked, or if the node cannot say such things. */
  readonly prepareReply: PrepareReply | null;
  /** How many messages it has received and does not show yet; the master only reports it. */
  readonly held?: number;
  /** How many bytes of unfinished frames have come in this run; the master sees by it that a frame arrives. */
  readonly receivedBytes?: number;
  /** In a cluster that elects its master: a digest of its list of members. */
  readonly members?: string;
  /** It hears this master, so it has not listened to the candidate that asked, and its answer is no vote. */
  readonly master?: HeardMaster;
}

export interface PrepareReply {
  /** Who wrote under the highest epoch it has seen; empty if nobody said. */
  readonly writer: string;
  /** The newest epoch whose starting log it has in full, and who wrote it; 0 and empty if there is none. */
  readonly lastEpoch: number;
  readonly lastWriter: string;
  /** Whether its log was compared with the log of this master, so that its length counts. */
  readonly isLogMatched: boolean;
  /** Whether it has lost nothing that it could have acknowledged. */
  readonly isComplete: boolean;
}
