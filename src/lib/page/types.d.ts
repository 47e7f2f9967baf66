/** What the page's scripts share. They are plain scripts of one scope, so these are global here. */

interface SecondaryHealth {
  id: string;
  url: string;
  status: 'Healthy' | 'Suspected' | 'Unhealthy';
  length: number;
  complete: boolean;
  sent: number;
  held: number | null;
  lag: number;
  lastSeenMsAgo: number | null;
  failures: number;
  nextAttemptInMs: number | null;
  lastError: string | null;
}

/** The body of the master's `GET /health`. */
interface Health {
  status: 'ok' | 'degraded' | 'read-only' | 'recovering';
  nodeId: string;
  epoch: number;
  logId: string | null;
  length: number;
  committed: number;
  complete: boolean;
  reason?: string;
  quorum: { required: number; available: number; nodes: number };
  waiting: number;
  secondaries: SecondaryHealth[];
  discarded: number;
  fenced?: { byEpoch: number | null };
}

/** What the master answers to an append, or tells of an entry. */
interface Receipt {
  seq: number;
  epoch: number;
  acked: string[];
  pending: string[];
  count?: number;
}

type WriteConcern = number | 'majority' | 'all';

interface Faults {
  delayMs: number;
  errorRate: number;
  errorAfterApplyRate: number;
}

/** Where a message is, as seen from one node. */
type CellState = 'visible' | 'held' | 'sent' | 'absent';

/** Up to which seq a node's messages are in each state; each at least the one before. */
interface Ends {
  visible: number;
  held: number;
  sent: number;
}

/** An append of this page. */
interface OwnAppend {
  text: string;
  w: WriteConcern;
  /** How many nodes `w` is. */
  needed: number;
  /** The log it went to. */
  logId: string | null;
  /** Its last seq, 0 until it is known, and how many messages it has. */
  seq: number;
  count: number;
  /** Under which epoch it was appended, and under which one the master last showed it. */
  epoch: number;
  seenEpoch: number;
  startedAt: number;
  /** When this page stops waiting; Infinity for never. */
  giveUpAt: number;
  acked: string[];
  pending: string[];
  state: 'sent' | 'waits' | 'holds' | 'given-up' | 'failed';
  tookMs: number;
  /** Whether a request of ours waits for it on the master. */
  isHeld: boolean;
  problem: string;
}

/** One second of what the charts show. */
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
  /** Does it, and says in words what it saw; an error says what was wrong. */
  run: () => Promise<string>;
}
