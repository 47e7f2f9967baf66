/** The settings of a run, from environment variables. */
import { tmpdir } from 'node:os';
import { RUNTIME } from '../test/support/runtime.ts';

const { env } = process;

/** The length of a slice, and its repetitions. */
export interface SliceTimes {
  readonly rounds: number;
  /** Load before each slice that is not measured. */
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** The length of the slices of the first round, which does not count: it warms up the servers. */
  readonly firstMs: number;
}

const isQuick = env.QUICK === '1';
const full: SliceTimes = { rounds: 11, warmUpMs: 250, measureMs: 800, firstMs: 1500 };
const quick: SliceTimes = { rounds: 3, warmUpMs: 50, measureMs: 150, firstMs: 300 };

export const settings = {
  isQuick,
  /** Names of the scenarios to run; empty for all. */
  only: (env.ONLY ?? '').split(/[\s,]+/).filter((name) => name !== ''),
  /** Whether to load Redis, etcd and NATS as well. */
  withPeers: env.PEERS === '1',
  /** The command that runs the servers: node, or Bun. */
  runtime: RUNTIME,
  /** Debian installs servers in /usr/sbin, which is not in the PATH of users. */
  path: `${env.PATH ?? ''}:/usr/sbin`,
  /** The disk of this directory is measured. */
  diskDirectory: env.BENCH_DIR ?? tmpdir(),
  times: isQuick ? quick : full,
  /** How many messages the large logs hold. */
  messages: isQuick ? 100_000 : 1_000_000,
  /** Repetitions of what is not measured in slices, such as a start. */
  repeats: isQuick ? 2 : 5,
  /** A scenario that takes longer fails. */
  scenarioMs: isQuick ? 60_000 : 600_000,
} as const;
