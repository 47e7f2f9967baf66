/** A cluster that can be hurt: what the nemesis may do to nodes, wherever they run. */
import type { Dice } from '../lib/support.ts';
import type { Finding } from './history.ts';

/**
 * How a master is configured here: short times, so that a minute sees many of everything. Only a
 * recovery has the time of the default: a secondary that is merely slow, on a busy machine, must not
 * count as out of reach, for the checker does not excuse it.
 */
export const MASTER_TIMES = {
  HEARTBEAT_INTERVAL_MS: 100,
  HEARTBEAT_TIMEOUT_MS: 300,
  REPLICATION_TIMEOUT_MS: 1000,
  BACKOFF_BASE_MS: 20,
  BACKOFF_MAX_MS: 500,
  RECOVERY_TIMEOUT_MS: 1000,
} as const;

/** Whether a node that logs this event has met a defect of its own. */
export function isDefect(event: string): boolean {
  return event === 'defect' || event === 'handler-failed';
}

/** A master whose place was taken while it was frozen. */
export interface Deposed {
  readonly url: string;
  thaw(): Promise<void>;
  kill(): Promise<void>;
}

export interface ChaosCluster {
  readonly master: string;
  readonly secondaries: readonly string[];
  /** What can happen to the link between the master and a secondary here. */
  readonly linkFaults: readonly string[];
  /** Whether disks can be filled here. */
  readonly hasDiskFull: boolean;
  /** Whether a second master can be started here beside the first. */
  readonly hasSecondMaster: boolean;

  /** Where clients reach the present incarnation of the node. */
  url(node: string): string;
  /** Which incarnation of the node is the present one, or was the last; from 1. */
  incarnation(node: string): number;
  /** Starts the node, and waits until it listens. */
  start(node: string): Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill(node: string): Promise<void>;
  /** Stops a node in the middle of whatever it does. */
  freeze(node: string): Promise<void>;
  thaw(node: string): Promise<void>;
  /** Freezes the master, and gives its place to a new incarnation on another machine, so to speak. */
  usurp(): Promise<Deposed>;
  disturb(secondary: string, fault: string, dice: Dice): Promise<void>;
  heal(secondary: string): Promise<void>;
  /** Lets the node's files grow no more, or hardly; false if the node is down. */
  fillDisk(node: string, dice: Dice): Promise<boolean>;
  freeDisk(node: string): Promise<void>;

  /** Ends nodes that still run, in peace; resolves when nothing of the cluster is left. */
  close(): Promise<void>;
  /** What the nodes' logs and ends tell of defects. */
  findings(): Finding[];
  /** The last lines of each node's log, for people. */
  lastLines(count: number): string;
}
