/**
 * A node that wants to write: it tries to recover the log, again and again, until it may take over. One
 * attempt is in `recovery/recovery.ts`; here is what happens between two of them: the backoff, and the
 * reason that is told meanwhile.
 */
import type { Applier } from './log/apply.ts';
import type { Replica } from './log/replica.ts';
import type { Frame, Heartbeat, Prepare } from './protocol.ts';
import type { Ballot } from './recovery/ballot.ts';
import {
  type Adopted,
  Recovery,
  type RecoveryConfig,
  type RecoveryEffects,
} from './recovery/recovery.ts';
import type { LogEvent } from './refusal.ts';
import { backoffMs } from './replication/backoff.ts';
import type { Peer } from './replication/peer.ts';
import type { PeerConfig } from './replication/peer-ports.ts';

export interface CandidacyConfig
  extends PeerConfig,
    Omit<RecoveryConfig, 'secondaries' | 'needsQuorum'> {
  /** How long a secondary may take to say what it holds, in ms. */
  readonly recoveryTimeoutMs: number;
  readonly quorumAppend: boolean;
  /** In a cluster that elects its master: its members, and how long a master goes on without a majority, in ms. */
  readonly election?: { readonly members: string; readonly timeoutMs: number };
  /** In an election: the ballot of the master that has handed over to this node. */
  readonly handover?: Ballot;
}

/** How a candidacy ends. */
export interface CandidacyEnds {
  /** The log is here and may be written. */
  tookOver(leadership: Prepare, now: number): void;
  /** The attempt failed; in an election there is no other one. */
  failed(reason: string): void;
}

/** What a candidate asks of its environment besides what its peers ask. */
export type CandidacyEffects = Pick<RecoveryEffects, 'fetchLog' | 'logEvent'>;

export class Candidacy {
  readonly #config: CandidacyConfig;
  readonly #replica: Replica;
  readonly #peers: readonly Peer[];
  readonly #effects: CandidacyEffects;
  readonly #ends: CandidacyEnds;
  readonly #recovery: Recovery;
  #now = 0;
  /** When the next attempt begins; Infinity while one is under way. */
  #attemptAt = 0;
  #attempts = 0;
  /** How long to wait if the attempt under way fails, in ms. */
  #retryDelayMs = 0;
  /** Why the last attempt failed; null if there was none. */
  #failure: string | null = null;

  constructor(
    config: CandidacyConfig,
    replica: Replica,
    applier: Applier,
    peers: readonly Peer[],
    effects: CandidacyEffects,
    ends: CandidacyEnds,
  ) {
    this.#config = config;
    this.#replica = replica;
    this.#peers = peers;
    this.#effects = effects;
    this.#ends = ends;
    const { recoveryTimeoutMs, quorumAppend: needsQuorum, handover } = config;
    const secondaries = peers.map(({ id }) => id);
    const logEvent = (event: LogEvent) => effects.logEvent(event);
    this.#recovery = new Recovery({ ...config, secondaries, needsQuorum }, replica, applier, {
      poll: (index, prepare) => peers[index]?.poll(prepare, recoveryTimeoutMs, this.#now, handover),
      fetchLog: (index, fetch, from) => effects.fetchLog(index, fetch, from),
      retryLater: (reason) => this.#retryLater(reason),
      recovered: (leadership, adopted) => this.#takeOver(leadership, adopted),
      logEvent,
    });
  }

  /** Why the last attempt failed, for people; null if there was none. */
  get failure(): string | null {
    return this.#failure;
  }

  /** When `tick` has something to do next, in ms; Infinity for never. */
  get nextWakeAt(): number {
    return this.#attemptAt;
  }

  /** Begins an attempt when it is time. `random()` gives a number in [0, 1) for the backoff. */
  tick(now: number, random: () => number): void {
    if (now < this.#attemptAt) return;
    const { backoffBaseMs, backoffMaxMs, heartbeat } = this.#config;
    const delayMaxMs = Math.min(backoffMaxMs, Math.max(backoffBaseMs, heartbeat.intervalMs));
    this.#attempts += 1;
    this.#retryDelayMs = backoffMs(this.#attempts, backoffBaseMs, delayMaxMs, random());
    this.#attemptAt = Number.POSITIVE_INFINITY;
    this.#now = now;
    this.#recovery.begin();
  }

  /**
   * A peer has answered what it holds, or has not (a few words why).
   * @param isDown nobody is there who could answer
   */
  pollAnswered(index: number, outcome: Heartbeat | string, isDown: boolean, now: number): void {
    this.#now = now;
    this.#peers[index]?.pollAnswered(outcome, now);
    // A member that hears a master has promised nothing.
    if (typeof outcome === 'string' || outcome.master !== undefined) {
      this.#recovery.failed(index, isDown);
    } else this.#recovery.answered(index, outcome);
  }

  /** A part of a peer's log has come. Returns whether to go on with this fetch. */
  fetched(fetch: number, frame: Frame): boolean {
    return this.#recovery.fetched(fetch, frame);
  }

  /** A fetch is over; `reason` says why it broke, null if it was complete. */
  fetchOver(fetch: number, reason: string | null, now: number): void {
    this.#now = now;
    this.#recovery.fetchOver(fetch, reason);
  }

  #retryLater(reason: string): void {
    this.#attemptAt = this.#now + this.#retryDelayMs;
    const isNews = reason !== this.#failure;
    this.#failure = reason;
    if (this.#config.isElection) {
      this.#ends.failed(reason);
      return;
    }
    const retryInMs = Math.round(this.#retryDelayMs);
    this.#effects.logEvent({
      level: isNews ? 'warn' : 'debug',
      event: 'recovery-unfinished',
      fields: { reason, attempts: this.#attempts, retryInMs },
    });
    this.#ends.failed(reason);
  }

  /** From now on the log of this node goes to its peers. */
  #takeOver(leadership: Prepare, adopted: Adopted): void {
    this.#ends.tookOver(leadership, this.#now);
    const { logId, epoch, writer } = leadership;
    const fields = { logId, epoch, writer, length: this.#replica.log.length, ...adopted };
    const { election, quorumAppend } = this.#config;
    // A member that took over without a quorum may have lost what was acknowledged.
    const level = election !== undefined && !quorumAppend ? 'error' : 'info';
    this.#effects.logEvent({ level, event: 'recovered', fields });
    for (const [index, peer] of this.#peers.entries()) {
      peer.begin(leadership, this.#recovery.answers.get(index), this.#now);
    }
  }
}
