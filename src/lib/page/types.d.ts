/** Types of the page's scripts. These are plain scripts in one scope, so the types are global. */

type SecondaryHealth = import('../client/health.ts').SecondaryOfMaster;
/** The body of the master's `GET /health`. */
type Health = Omit<import('../client/health.ts').MasterHealth, 'role'>;

/** The master's answer to an append, or about an entry. */
interface Receipt {
  seq: number;
  epoch: number;
  acked: string[];
  pending: string[];
  count?: number;
}

type WriteConcern = import('../client/receipt.ts').WriteConcern;
type Faults = import('../core/secondary.ts').Faults;

/** The state of a message on one node. */
type CellState = 'visible' | 'held' | 'sent' | 'absent';

/** The last seq in each state on one node; each is at least the one before. */
interface Ends {
  visible: number;
  held: number;
  sent: number;
}

/** An append that was made on this page. */
interface OwnAppend {
  text: string;
  w: WriteConcern;
  /** How many nodes `w` is. */
  needed: number;
  /** The log it went to. */
  logId: string | null;
  /** Its last seq, 0 until it is known, and its number of messages. */
  seq: number;
  count: number;
  /** The epoch of its entries, and the master's epoch when it was last confirmed. */
  epoch: number;
  seenEpoch: number;
  startedAt: number;
  /** When this page stops waiting; Infinity for never. */
  giveUpAt: number;
  acked: string[];
  pending: string[];
  state: 'sent' | 'waits' | 'holds' | 'given-up' | 'failed';
  tookMs: number;
  /** Whether a request of this page waits for it on the master. */
  isHeld: boolean;
  problem: string;
}

/** The figures of the charts for one second. */
interface Sample {
  atMs: number;
  appendsPerSecond: number | null;
  medianMs: number | null;
  slowMs: number | null;
  lags: Record<string, number>;
}

interface Line {
  name: string;
  values: (number | null)[];
}

interface Step {
  title: string;
  /** Runs the step; resolves with what it saw, in words. An error says what was wrong. */
  run: () => Promise<string>;
}
