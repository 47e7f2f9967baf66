/**
 * What clients of an elected cluster saw in a run: plain data, which the checker judges. All times are ms of one clock.
 */

/** One append at `majority` or less, with its key; it is retried until it is acknowledged. */
export interface Append {
  readonly text: string;
  readonly w: number | 'majority' | 'all';
  readonly sentAt: number;
  /** The acknowledgement; null while there is none. */
  ack: Ack | null;
}

export interface Ack {
  readonly at: number;
  readonly seq: number;
  /** The epoch under which the entry was written. */
  readonly epoch: number;
  /** Whether this member has written it: not the repeat of an append that another may have taken. */
  readonly isOwn: boolean;
  /** The member that acknowledged it. */
  readonly node: string;
}

/** A whole list that a member has answered. */
export interface Read {
  readonly node: string;
  readonly concern: 'majority' | 'linearizable';
  readonly sentAt: number;
  readonly at: number;
  readonly texts: readonly string[];
}

/** What a tail of what is committed was told, in order; a tail begins anew at another member with its last id. */
export interface Tail {
  readonly reader: string;
  readonly told: { readonly seq: number; readonly text: string }[];
  /** Resets that it was told: there must be none, for what is committed stays. */
  resets: number;
}

export interface Finding {
  readonly name: string;
  readonly detail: string;
}

export interface History {
  readonly members: readonly string[];
  readonly appends: Append[];
  readonly reads: Read[];
  readonly tails: Tail[];
  readonly findings: Finding[];
  /** The log of every member at the end. */
  readonly final: Map<string, readonly string[]>;
}

export function emptyHistory(members: readonly string[]): History {
  return { members, appends: [], reads: [], tails: [], findings: [], final: new Map() };
}
