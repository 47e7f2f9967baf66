/**
 * The history of a run, which the checker judges: what clients asked and were answered, what
 * readers saw, and what was done to the nodes. Plain data, so that the checker can be tested with
 * histories made by hand, and a bad one can be written to a file. All times are ms of one clock.
 */

/** Nodes keep their log in memory only, or on disk with every ack on it. */
export type Mode = 'memory' | 'disk';

export type WriteConcern = number | 'majority' | 'all';

/** An answer of any status that says where a message is and which nodes hold it. */
export interface Receipt {
  readonly status: number;
  readonly seq: number;
  readonly epoch: number;
  readonly count: number;
  readonly acked: readonly string[];
  readonly pending: readonly string[];
  /** When the client had the answer. */
  readonly at: number;
  /** Which incarnation of the master answered. */
  readonly incarnation: number;
}

/** One message or batch that a client wants in the log, with all its attempts. */
export interface Append {
  readonly client: string;
  /** Idempotency key; null if it is tried once, without one. */
  readonly key: string | null;
  /** The texts; each is unique in the run. */
  readonly texts: readonly string[];
  readonly w: WriteConcern;
  readonly firstSentAt: number;
  attempts: number;
  readonly receipts: Receipt[];
  /**
   * `open`: it is not known. `acknowledged`: 200 or 201. `refused`: 4xx, 503 or 507 without
   * `"appended": true`, in its one attempt.
   */
  outcome: 'open' | 'acknowledged' | 'refused';
}

/** One page of a reader, or the entries that a tail got of the log as it was when it connected. */
export interface Read {
  readonly node: string;
  /** Which incarnation of the node. */
  readonly incarnation: number;
  readonly sentAt: number;
  readonly at: number;
  /** The log; null if the reader does not know it. */
  readonly logId: string | null;
  readonly epoch: number;
  /** `Log-Length`. */
  readonly length: number;
  readonly from: number;
  readonly texts: readonly string[];
}

/** All events of one reader that followed the log, over all its connections. */
export interface Tail {
  readonly reader: string;
  /** Whether it follows only what is committed. */
  readonly isCommitted: boolean;
  readonly told: Told[];
  /** The log by these events: all entries, without those that resets took back. */
  readonly log: readonly string[];
}

/** One event: an entry, or that the entries from `reset` on are no longer valid. */
export type Told = { readonly at: number } & (
  | { readonly seq: number; readonly text: string; readonly reset?: undefined }
  | { readonly reset: number; readonly reason: 'cut' | 'other-log' }
);

/** A time in which a node was out of order. */
export interface Interval {
  readonly node: string;
  readonly what: string;
  readonly from: number;
  /** Infinity while it lasts. */
  to: number;
}

/** A start of the master after the first, until it served; it has the number of its incarnation. */
export interface Recovery {
  readonly incarnation: number;
  readonly from: number;
  /** When it was seen to have recovered, or was killed before that; Infinity while it recovers. */
  to: number;
  /** Its epoch; null if it was not seen. */
  epoch: number | null;
}

/** Something wrong that was found while the run went on. */
export interface Finding {
  readonly name: string;
  readonly detail: string;
}

export interface History {
  readonly mode: Mode;
  readonly master: string;
  readonly secondaries: readonly string[];
  readonly appends: Append[];
  readonly reads: Read[];
  readonly tails: Tail[];
  /** SIGKILLs: the memory of a node is gone, at some moment between the order and its end. */
  readonly kills: Interval[];
  /** Times in which a secondary was down, stopped or behind a broken link. */
  readonly outages: Interval[];
  readonly recoveries: Recovery[];
  /** Moments at which all nodes were seen to hold the same log, to be complete, and the master knew. */
  readonly agreements: number[];
  /**
   * Moments at which the faults went beyond the promise: more than m-1 members lost their
   * memory at once, or a second master ran.
   */
  readonly voids: number[];
  readonly findings: Finding[];
  /** The log of every node at the end, once the faults were over. */
  readonly final: Map<string, readonly string[]>;
}

export function emptyHistory(mode: Mode, master: string, secondaries: readonly string[]): History {
  return {
    mode,
    master,
    secondaries,
    appends: [],
    reads: [],
    tails: [],
    kills: [],
    outages: [],
    recoveries: [],
    agreements: [],
    voids: [],
    findings: [],
    final: new Map(),
  };
}

/** How many nodes a write concern asks for in a cluster of `nodes`. */
export function requiredNodes(w: WriteConcern, nodes: number): number {
  if (w === 'all') return nodes;
  return w === 'majority' ? Math.floor(nodes / 2) + 1 : w;
}

/** A history as JSON, for people and for a later look. */
export function historyJson(history: History): string {
  return JSON.stringify({ ...history, final: Object.fromEntries(history.final) }, null, 1);
}

/** A text as it is shown to people. */
export function brief(text: string | undefined): string {
  if (text === undefined) return 'nothing';
  return `'${text.length > 40 ? `${text.slice(0, 40)}...` : text}'`;
}
