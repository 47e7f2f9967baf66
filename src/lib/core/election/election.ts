/**
 * Who the master is, as far as a node knows that is not it, and when the node stands for election. A node that has not
 * heard the master for the election time-out stands, at a moment that is drawn so that two rarely stand at once (Raft,
 * 5.2). A master whose address refuses the connection, or where another run answers, is gone: nobody waits for the
 * time-out then. So a node asks (probes) the master when its stream ends, or when it is not heard in time.
 */
import type { Ballot } from '../recovery/ballot.ts';

export interface ElectionConfig {
  /** Without hearing a master for so long a node stands, in ms; drawn between this and 1.5 times as long. */
  readonly timeoutMs: number;
  /** How often a master sends heartbeats, in ms. */
  readonly heartbeatIntervalMs: number;
}

/** One run of a member that is the master. */
export interface KnownMaster extends Ballot {
  readonly id: string;
  readonly bootId: string;
}

/** The master is gone: stand within this part of the time-out, so that two rarely stand at once. */
const GONE_PART = 0.1;
/** Where no log was begun yet, a node stands again after this part of the usual time. */
const FIRST_START_PART = 0.1;

export class Election {
  readonly #config: ElectionConfig;
  #master: KnownMaster | null = null;
  #heardAt = Number.NEGATIVE_INFINITY;
  /** When to stand, in ms, whatever was heard; null: by the time-out. */
  #standAt: number | null = null;
  /** How many time-outs to wait, 1 to 1.5; null until it was drawn. */
  #patience: number | null = null;
  /** When to probe the master next, in ms. */
  #probeAt = Number.POSITIVE_INFINITY;

  constructor(config: ElectionConfig) {
    this.#config = config;
  }

  /** The master that was heard within the time-out, and is not known to be gone; null if there is none. */
  masterAt(now: number): KnownMaster | null {
    return now < this.#heardAt + this.#config.timeoutMs ? this.#master : null;
  }

  /** The master that was heard last, if it writes under this ballot; null if not, or if it is known to be gone. */
  masterOf({ epoch, writer }: Ballot): KnownMaster | null {
    const known = this.#master;
    return known?.epoch === epoch && known.writer === writer ? known : null;
  }

  /** A heartbeat or a frame of a master has come, and is listened to. */
  heard(master: KnownMaster, now: number): void {
    this.#master = master;
    this.#heardAt = now;
    this.#standAt = null;
    this.#probeAt = now + 1.5 * this.#config.heartbeatIntervalMs;
  }

  /** The master may be gone: ask it at once. */
  probeSoon(now: number): void {
    if (this.#master !== null) this.#probeAt = Math.min(this.#probeAt, now);
  }

  /** Whether it is time to probe the master; the next time is one interval later. */
  takeProbe(now: number): KnownMaster | null {
    if (now < this.#probeAt || this.#master === null) return null;
    this.#probeAt = now + this.#config.heartbeatIntervalMs;
    return this.#master;
  }

  /** The master is gone, or is not the master any more. `random` in [0, 1). */
  gone(now: number, random: number): void {
    this.#forget();
    this.#standAt = now + random * GONE_PART * this.#config.timeoutMs;
  }

  /**
   * This node has stood and is not the master. It stands again soon, for its polls change nothing.
   * @param isFirstStart whether nobody has a log yet, so that there is no master whom it could disturb
   */
  lost(now: number, random: number, isFirstStart: boolean): void {
    this.#forget();
    const { heartbeatIntervalMs, timeoutMs } = this.#config;
    const delayMs = Math.min(heartbeatIntervalMs, timeoutMs / 3);
    this.#standAt = now + (0.5 + random) * delayMs * (isFirstStart ? FIRST_START_PART : 1);
  }

  /**
   * This node has promised the ballot of a candidate: no older master is listened to any more, and the candidate gets the
   * time to take over (Raft, 5.2). To stand soon would take the promise back from one that is slow.
   */
  promised(now: number, random: number): void {
    this.steppedDown(now, random);
  }

  /** This node was the master: it gives the others the time to elect one before it stands. */
  steppedDown(now: number, random: number): void {
    this.#forget();
    this.#standAt = now + (1 + random / 2) * this.#config.timeoutMs;
  }

  /** This node is the master now. */
  won(): void {
    this.#forget();
    this.#standAt = Number.POSITIVE_INFINITY;
  }

  #forget(): void {
    this.#master = null;
    this.#patience = null;
    this.#heardAt = Number.NEGATIVE_INFINITY;
    this.#probeAt = Number.POSITIVE_INFINITY;
  }

  /** When to stand if no master is heard before, in ms. Draws it if that is to be done. */
  standAt(now: number, random: () => number): number {
    if (!Number.isFinite(this.#heardAt) && this.#standAt === null) this.#heardAt = now;
    this.#patience ??= 1 + random() / 2;
    return this.#standingAt;
  }

  get #standingAt(): number {
    const { timeoutMs } = this.#config;
    return this.#standAt ?? this.#heardAt + (this.#patience ?? 1) * timeoutMs;
  }

  /** When there is something to do next, in ms. */
  get nextWakeAt(): number {
    return Math.min(this.#standingAt, this.#probeAt);
  }
}
