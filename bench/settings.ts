/** What was asked for: the environment, read here and nowhere else. */
import { tmpdir } from 'node:os';
import { RUNTIME } from '../test/support/runtime.ts';

const { env } = process;

/** How long a slice takes, and how often it is repeated. */
export interface SliceTimes {
  readonly rounds: number;
  /** Load that does not count, before each slice. */
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** The slices of a first round, which is not counted: servers get warm in it. */
  readonly firstMs: number;
}

const isQuick = env.QUICK === '1';
const full: SliceTimes = { rounds: 11, warmUpMs: 250, measureMs: 800, firstMs: 1500 };
const quick: SliceTimes = { rounds: 3, warmUpMs: 50, measureMs: 150, firstMs: 300 };

export const settings = {
  isQuick,
  /** Names of the scenarios to run; all if there are none. */
  only: (env.ONLY ?? '').split(/[\s,]+/).filter((name) => name !== ''),
  /** Whether to load Redis, etcd and NATS as well. */
  withPeers: env.PEERS === '1',
  /** What runs the servers: another node, or Bun. */
  runtime: RUNTIME,
  /** Debian keeps servers where only root looks. */
  path: `${env.PATH ?? ''}:/usr/sbin`,
  /** Where disks are measured: on the disk of this directory. */
  diskDirectory: env.BENCH_DIR ?? tmpdir(),
  times: isQuick ? quick : full,
  /** How many messages the large logs hold. */
  messages: isQuick ? 100_000 : 1_000_000,
  /** How often what is not loaded in slices (a start, a catching up) is repeated. */
  repeats: isQuick ? 2 : 5,
  /** A scenario that takes longer has failed. */
  scenarioMs: isQuick ? 60_000 : 600_000,
} as const;
