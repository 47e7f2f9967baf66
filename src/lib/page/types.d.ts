/** Types of the page's scripts. These are plain scripts in one scope, so the types are global. */

type SecondaryHealth = import('../client/health.ts').SecondaryOfMaster;
type MasterHealth = import('../client/health.ts').MasterHealth;

/** A member of a cluster that elects its master. */
interface Member {
  id: string;
  url: string;
}

/** What the `GET /health` of this node tells, in every role. */
type Told = Omit<
  MasterHealth,
  'role' | 'master' | 'members' | 'quorum' | 'waiting' | 'secondaries'
> & {
  held?: number;
};

/** What only some nodes tell: a master, or a member of a cluster that elects its master. */
interface Extras {
  /** A node that tells none is the master for good: only that one serves this page. */
  role: 'master' | 'secondary' | 'candidate';
  /** The master as far as this node knows; null if it knows of none, or if none is elected. */
  master: (Member & { epoch: number }) | null;
  /** All members, this node included; empty if no master is elected. */
  members: Member[];
  quorum: MasterHealth['quorum'];
  waiting: number;
  secondaries: readonly SecondaryHealth[];
}

/** The body of `GET /health`, as it comes. */
type HealthBody = Told & Partial<Extras>;
/** The same with a value for everything. */
type Health = Told & Extras;

/** From `firstSeq` on, entries were written under this epoch. */
interface EpochStart {
  firstSeq: number;
  epoch: number;
}

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

/** How a message is drawn: one that is visible and not committed yet is `open`. */
type DrawnState = CellState | 'open';

/** The last seq in each state on one node; each is at least the one before. */
interface Ends {
  visible: number;
  held: number;
  sent: number;
}

/** What is marked in the cells of all lanes. */
interface Marks {
  /** Up to where entries are told to be committed; Infinity if that is not shown. */
  committed: number;
  /** Whether seqs stand above the cells of this lane. */
  hasNumbers: boolean;
  /** Whether messages come to this lane first. */
  isSource: boolean;
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
