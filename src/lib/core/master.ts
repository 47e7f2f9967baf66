/**
 * The master: gives every message its place, pushes it to the secondaries, counts who holds it,
 * judges their health, and ends the clients' waits. A state machine of (event, now) -> effects:
 * no I/O, no clock, no randomness of its own, so that the same code runs in the process and under a
 * virtual clock.
 *
 *   events    append, await, cancel, flush, acked, streamFailed, heartbeatAnswered/Missed,
 *             fetched, fetchOver, synced, tick, stop
 *   effects   MasterEffects: open/send/rest/drop a stream, ask for a heartbeat, fetch a log, note
 *
 * It begins as `recovering` (see `recovery.ts`), and ends as fenced when it meets a newer master.
 * What concerns one secondary alone is in `peer.ts`; here is what concerns them together.
 */

import { Applier } from './log/apply.ts';
import type { HashKey } from './log/half-sip-hash.ts';
import { bytesOfKey, type KeyIndex } from './log/idempotency.ts';
import { type Journal, MEMORY } from './log/journal.ts';
import { bytesOf, type Log } from './log/log.ts';
import type { PackedMessages } from './log/messages.ts';
import { Replica, type Restored } from './log/replica.ts';
import type { Ack, Frame, Heartbeat, Prepare } from './protocol.ts';
import { compareBallots } from './recovery/ballot.ts';
import { type Adopted, ballotOf, Recovery } from './recovery/recovery.ts';
import type { LogEvent, Refusal } from './refusal.ts';
import { backoffMs } from './replication/backoff.ts';
import type { Status } from './replication/failure-detector.ts';
import {
  Peer,
  type PeerConfig,
  type PeerEffects,
  type SecondaryHealth,
} from './replication/peer.ts';
import { majorityOf } from './replication/quorum.ts';
import {
  nodesRequired,
  type WaitEnd,
  type Waiter,
  type WriteConcern,
  WriteConcernTracker,
} from './replication/write-concern.ts';

/** How long a master that stops goes on for healthy secondaries that lack something, in ms. */
export const FLUSH_ON_STOP_MS_MAX = 1000;

export interface MasterConfig extends PeerConfig {
  readonly nodeId: string;
  /** The name of this incarnation of the master, and of the log it begins where there is none. */
  readonly writer: string;
  readonly newLogId: string;
  /** Hides from clients how their keys are found. */
  readonly hashKey?: HashKey;
  /** How long a secondary may take to say what it holds, in ms. */
  readonly recoveryTimeoutMs: number;
  readonly secondaries: readonly { readonly id: string; readonly url: string }[];
  readonly quorumAppend: boolean;
  /** Bytes of memory the log and its keys may take; 0 for no limit. */
  readonly logBytesMax: number;
  /** Clients that may wait at once. */
  readonly waitingMax: number;
}

/** What the core asks of its environment. */
export interface MasterEffects extends PeerEffects {
  /** Fetch the log of a secondary from `from` on: `fetched` for each part, `fetchOver` at the end. */
  fetchLog(secondary: number, fetch: number, from: number): void;
}

/** Why a stream ended. */
export interface StreamFailure {
  /** For people. */
  readonly reason: string;
  /** The epoch of a newer master, if that is what the secondary refused it for; 0 if it did not say which. */
  readonly staleBy: number | null;
  /** Whether it was refused because it was for an incarnation that is over. */
  readonly isRestarted: boolean;
}

export interface AppendRequest {
  readonly messages: PackedMessages;
  /** How many nodes must hold the messages before the answer. */
  readonly w: WriteConcern;
  readonly key: string | null;
  /** When to stop waiting, on the core's clock; Infinity for never. */
  readonly deadline: number;
}

/** An append that was taken (or repeats one): its place, and the wait if it is not over yet. */
export interface Accepted {
  readonly kind: 'accepted';
  readonly seq: number;
  readonly count: number;
  readonly w: number;
  readonly isDuplicate: boolean;
  readonly wait: Waiter | WaitEnd;
}

/** Which nodes hold an entry now, in the order of the configuration, the master first. */
export interface Holders {
  readonly acked: string[];
  readonly pending: string[];
}

export class Master {
  readonly #config: MasterConfig;
  readonly #effects: MasterEffects;
  readonly #replica: Replica;
  readonly #peers: Peer[];
  readonly #tracker: WriteConcernTracker;
  /** How much every node holds that counts, the master first. */
  readonly #lengths: number[] = [];
  readonly #recovery: Recovery;
  /** What it writes, and as who; null until it has recovered. */
  #leadership: Prepare | null = null;
  /** The higher epoch that was met; null if none. */
  #fencedBy: number | null = null;
  #now = 0;
  #recoverAt = 0;
  #recoveryAttempts = 0;
  #retryDelayMs = 0;
  /** Why the last attempt to recover came to nothing; null if there was none. */
  #retryReason: string | null = null;
  /** When it sends waiting clients away; null while it does not stop. */
  #stopAt: number | null = null;
  /** Until when it goes on for secondaries that lack something. */
  #flushUntil = Number.POSITIVE_INFINITY;

  /** @param restored what the journal had of an earlier run, if there is one */
  constructor(
    config: MasterConfig,
    effects: MasterEffects,
    journal: Journal = MEMORY,
    restored: Restored | null = null,
  ) {
    this.#config = config;
    this.#effects = effects;
    this.#replica = new Replica(journal, restored, config.hashKey);
    this.#tracker = new WriteConcernTracker(this.nodes);
    // A master that stops waits for all that is not yet where it belongs.
    const lastAwaited = () =>
      this.#stopAt === null ? this.#tracker.lastAwaited : Number.POSITIVE_INFINITY;
    this.#peers = config.secondaries.map(
      ({ id, url }, index) => new Peer(index, id, url, config, this.#replica, lastAwaited, effects),
    );
    this.#recovery = this.#newRecovery();
    this.#recount();
  }

  get log(): Log {
    return this.#replica.log;
  }

  get keys(): KeyIndex {
    return this.#replica.keys;
  }

  /** How many messages it shows. */
  get length(): number {
    return this.log.length;
  }

  /** How many nodes the cluster has, the master included. */
  get nodes(): number {
    return this.#config.secondaries.length + 1;
  }

  /** Which log this is; null while there is none. */
  get logId(): string | null {
    return this.#replica.logId;
  }

  /** The epoch its log was written on under: by the newest master whose whole log is here. */
  get logEpoch(): number {
    return this.#replica.newest.epoch;
  }

  /** The epoch it writes under; while recovering the highest one its own log has seen. */
  get epoch(): number {
    return this.#leadership?.epoch ?? this.#replica.ballot.epoch;
  }

  /** What it writes, and as who; null until it has recovered. */
  get leadership(): Prepare | null {
    return this.#leadership;
  }

  /** The higher epoch it has met: it must not write any more. Null if there is none. */
  get fencedBy(): number | null {
    return this.#fencedBy;
  }

  /** How many entries of its own log were cut off, because a better log did not have them. */
  get discarded(): number {
    return this.#replica.discarded;
  }

  /** Whether it has lost nothing that it could have acknowledged. Whoever takes over is complete. */
  get isComplete(): boolean {
    return this.#replica.isComplete;
  }

  /** Up to where its log is committed: held by a majority, so that no later master can take it back. */
  get committed(): number {
    return this.#replica.committed;
  }

  /** Why it has not recovered yet, for people; null once it has. */
  get recoveryReason(): string | null {
    if (this.#leadership !== null) return null;
    return this.#retryReason ?? 'the secondaries are being asked what they hold';
  }

  /** How many clients wait for acks. */
  get waiting(): number {
    return this.#tracker.waiting;
  }

  /** How long the client that has waited longest has done so, in ms; 0 if nobody waits. */
  oldestWaitMs(now: number): number {
    return Math.max(0, now - this.#tracker.oldestSince);
  }

  // --- clients ---------------------------------------------------------------------------------

  /**
   * Appends, or refuses and changes nothing. Checks, positions and the wait are one synchronous
   * step, so no two appends can interleave. `onEnd` is called later only if `wait` is a waiter.
   */
  append(request: AppendRequest, now: number, onEnd: (end: WaitEnd) => void): Accepted | Refusal {
    const w = nodesRequired(request.w, this.nodes);
    if (w > this.nodes) return this.#tooMany();
    const { messages, key, deadline } = request;
    const unready = this.#unready();
    if (unready !== null) return unready;
    const earlier = key === null ? undefined : this.keys.find(key);
    if (earlier !== undefined) {
      if (!this.#isRepeat(earlier, messages)) {
        return { kind: 'refused', problem: 'idempotency-key-reused', seq: earlier.seq };
      }
      return this.#accept({ ...earlier, w, isDuplicate: true }, deadline, now, onEnd);
    }
    const willWait = (w > 1 || !this.#replica.isDurableAtOnce) && deadline > now;
    const refusal = this.#refusalOf(messages, key) ?? (willWait ? this.#refusalToWait() : null);
    if (refusal !== null) return refusal;
    const count = messages.ends.length;
    const seq = this.log.length + 1;
    const keys = key === null ? [] : messages.ends.map((_, i) => [seq + i, key] as const);
    if (!this.#replica.append(messages, this.#leadership as Prepare, keys)) {
      return { kind: 'refused', problem: 'disk-full' };
    }
    this.#recount();
    return this.#accept({ seq, count, w, isDuplicate: false }, deadline, now, onEnd);
  }

  /** Waits until the entry at `seq` (1..length) is on as many nodes as `w` asks for. */
  await(
    seq: number,
    w: WriteConcern,
    deadline: number,
    now: number,
    onEnd: (end: WaitEnd) => void,
  ): Accepted | Refusal {
    const required = nodesRequired(w, this.nodes);
    if (required > this.nodes) return this.#tooMany();
    const unready = this.#unready();
    if (unready !== null) return unready;
    const place = { seq, count: 1, w: required, isDuplicate: false };
    return this.#accept(place, deadline, now, onEnd);
  }

  /** A client went away: it stops waiting, its message stays. */
  cancel(waiter: Waiter): void {
    this.#tracker.remove(waiter);
  }

  /** Who holds the entry at `seq` now. */
  holders(seq: number): Holders {
    const acked: string[] = [];
    const pending: string[] = [];
    (this.#replica.countedLength >= seq ? acked : pending).push(this.#config.nodeId);
    for (const peer of this.#peers) {
      (peer.countedLength >= seq ? acked : pending).push(peer.id);
    }
    return { acked, pending };
  }

  /** Why nothing may be appended now, whatever it is; null if appends are welcome. */
  writeRefusal(): Refusal | null {
    if (this.#stopAt !== null) return { kind: 'refused', problem: 'shutting-down' };
    const unready = this.#unready();
    if (unready !== null) return unready;
    if (!this.#lacksQuorum()) return null;
    const { required, available } = this.quorum();
    const missing = this.#peers.filter((peer) => !peer.isAvailable).map((peer) => peer.id);
    return { kind: 'refused', problem: 'read-only', required, available, missing };
  }

  // --- replication -----------------------------------------------------------------------------

  /** Sends what is new to every secondary that can take it. Call it soon after appends and acks. */
  flush(now: number): void {
    for (const peer of this.#peers) peer.pump(now);
  }

  /** An ack arrived on a stream. `random` in [0, 1) is for the backoff if the ack is no good. */
  acked(secondary: number, stream: number, ack: Ack, now: number, random: number): void {
    const peer = this.#peers[secondary] as Peer;
    if (peer.progress.stream !== stream) return;
    const { leadership } = this;
    if (leadership !== null && ack.logId === leadership.logId && ack.epoch > leadership.epoch) {
      this.#fence(ack.epoch);
      return;
    }
    const { bootId, nodeId } = peer.progress;
    // An incarnation this name was not met by yet may be any node's, whatever the last one called itself.
    const duplicate = this.#findDuplicate(peer, ack.bootId, ack.bootId === bootId ? nodeId : null);
    if (duplicate === null) peer.acked(ack, now, random);
    else peer.fail(duplicate, now, random);
    this.#recount();
  }

  /** A stream has taken bytes that waited for it: what is in flight gets further. */
  advanced(secondary: number, stream: number, now: number): void {
    const peer = this.#peers[secondary] as Peer;
    if (peer.progress.stream === stream) peer.advanced(now);
  }

  /**
   * A stream ended, for whatever reason: no answer.
   */
  streamFailed(
    secondary: number,
    stream: number,
    { reason, staleBy, isRestarted }: StreamFailure,
    now: number,
    random: number,
  ): void {
    const peer = this.#peers[secondary] as Peer;
    if (peer.progress.stream !== stream) return;
    // Only an epoch that is not below ours can be why: anything else is nonsense, and no answer.
    const isNewer = staleBy === 0 || (staleBy !== null && staleBy >= this.epoch);
    if (isNewer) this.#fence(staleBy);
    else peer.fail(reason, now, random, isRestarted);
  }

  /** A heartbeat was answered with something well-formed. */
  heartbeatAnswered(secondary: number, answer: Heartbeat, now: number): void {
    if (this.#fencedBy !== null) return;
    const peer = this.#peers[secondary] as Peer;
    const statusBefore = peer.status;
    const { leadership } = this;
    if (leadership !== null && answer.logId === leadership.logId) {
      if (compareBallots(ballotOf(answer), leadership) > 0) {
        this.#fence(answer.epoch);
        return;
      }
    }
    const duplicate = this.#findDuplicate(peer, answer.bootId, answer.nodeId);
    this.#now = now;
    if (leadership === null) {
      peer.pollAnswered(duplicate ?? answer, now);
      if (duplicate === null) this.#recovery.answered(secondary, answer);
      else this.#recovery.failed(secondary, false);
    } else if (duplicate === null) peer.heartbeatAnswered(answer, now);
    else peer.heartbeatMissed(duplicate, now);
    this.#logStatus(peer, statusBefore);
    this.#recount();
  }

  /**
   * A heartbeat was not answered, or with nonsense. `isDown`: nobody is there who could, since the address
   * refuses the connection or cannot be reached, or the name has none.
   */
  heartbeatMissed(secondary: number, reason: string, isDown: boolean, now: number): void {
    if (this.#fencedBy !== null) return;
    const peer = this.#peers[secondary] as Peer;
    const statusBefore = peer.status;
    this.#now = now;
    if (this.#leadership === null) {
      peer.pollAnswered(reason, now);
      this.#recovery.failed(secondary, isDown);
    } else peer.heartbeatMissed(reason, now);
    this.#logStatus(peer, statusBefore);
  }

  /** A part of a secondary's log has come. Returns whether to go on with this fetch. */
  fetched(fetch: number, frame: Frame): boolean {
    return this.#recovery.fetched(fetch, frame);
  }

  /** A fetch is over; `reason` says why it broke, null if it was complete. */
  fetchOver(fetch: number, reason: string | null, now: number): void {
    this.#now = now;
    this.#recovery.fetchOver(fetch, reason);
  }

  /** More of what was written has become durable: whoever waited for that is answered. */
  synced(): void {
    this.#recount();
  }

  // --- time ------------------------------------------------------------------------------------

  /** Does whatever is due. `random()` gives numbers in [0, 1) for backoffs. */
  tick(now: number, random: () => number): void {
    this.#tracker.expire(now);
    if (this.#stopAt !== null && now >= this.#stopAt) this.#tracker.endAll('stopping');
    if (now >= this.#flushUntil) this.#flushUntil = Number.NEGATIVE_INFINITY;
    if (this.#fencedBy !== null) return;
    if (this.#leadership === null) this.#recover(now, random);
    else for (const peer of this.#peers) peer.tick(now, random);
  }

  /** When `tick` has something to do next, in ms; Infinity for never. */
  nextWakeAt(): number {
    let at = this.#tracker.nextDeadline;
    if (this.#stopAt !== null && !this.isDrained) {
      at = Math.min(at, this.waiting > 0 ? this.#stopAt : this.#flushUntil);
    }
    if (this.#fencedBy !== null) return at;
    if (this.#leadership === null) return Math.min(at, this.#recoverAt);
    for (const peer of this.#peers) at = Math.min(at, peer.nextWakeAt());
    return at;
  }

  /**
   * Refuses appends from now on; who still waits in `graceMs` is sent away with what it has. What
   * healthy secondaries lack goes to them at once.
   */
  stop(now: number, graceMs: number): void {
    if (this.#stopAt !== null) return;
    this.#stopAt = now + graceMs;
    this.#flushUntil = now + Math.min(graceMs, FLUSH_ON_STOP_MS_MAX);
    this.flush(now);
  }

  /** Whether a master that stops has no reason to go on: nobody waits, and nothing is on its way. */
  get isDrained(): boolean {
    if (this.waiting > 0) return false;
    const isHandedOver = this.#flushUntil === Number.NEGATIVE_INFINITY;
    return isHandedOver || !this.#peers.some((peer) => peer.isCatchingUp);
  }

  // --- what others may know --------------------------------------------------------------------

  quorum(): { required: number; available: number; nodes: number } {
    const available = 1 + this.#peers.filter((peer) => peer.isAvailable).length;
    return { required: majorityOf(this.nodes), available, nodes: this.nodes };
  }

  status(): 'ok' | 'degraded' | 'read-only' | 'recovering' {
    if (this.#fencedBy !== null) return 'read-only';
    if (this.#leadership === null) return 'recovering';
    if (this.#lacksQuorum()) return 'read-only';
    return this.#peers.every((peer) => peer.status === 'Healthy') ? 'ok' : 'degraded';
  }

  secondaries(now: number): SecondaryHealth[] {
    return this.#peers.map((peer) => peer.health(now));
  }

  // --- recovery and its opposite ---------------------------------------------------------------

  #newRecovery(): Recovery {
    const { writer, newLogId, quorumAppend, recoveryTimeoutMs, nodeId } = this.#config;
    const secondaries = this.#peers.map(({ id }) => id);
    const config = { nodeId, secondaries, writer, newLogId, needsQuorum: quorumAppend };
    const applier = new Applier(this.#replica, writer, (event) => this.#effects.logEvent(event));
    return new Recovery(config, this.#replica, applier, {
      poll: (secondary, leadership) => {
        this.#peers[secondary]?.poll(leadership, recoveryTimeoutMs, this.#now);
      },
      fetchLog: (secondary, fetch, from) => this.#effects.fetchLog(secondary, fetch, from),
      retryLater: (reason) => this.#retryRecoveryLater(reason),
      recovered: (leadership, adopted) => this.#takeOver(leadership, adopted),
      logEvent: (event: LogEvent) => this.#effects.logEvent(event),
    });
  }

  #recover(now: number, random: () => number): void {
    if (now < this.#recoverAt) return;
    const { backoffBaseMs, backoffMaxMs, heartbeat } = this.#config;
    const delayMaxMs = Math.min(backoffMaxMs, Math.max(backoffBaseMs, heartbeat.intervalMs));
    this.#recoveryAttempts += 1;
    this.#retryDelayMs = backoffMs(this.#recoveryAttempts, backoffBaseMs, delayMaxMs, random());
    this.#recoverAt = Number.POSITIVE_INFINITY;
    this.#now = now;
    this.#recovery.begin();
  }

  #retryRecoveryLater(reason: string): void {
    this.#recoverAt = this.#now + this.#retryDelayMs;
    const isNews = reason !== this.#retryReason;
    this.#retryReason = reason;
    this.#effects.logEvent({
      level: isNews ? 'warn' : 'debug',
      event: 'recovery-unfinished',
      fields: {
        reason,
        attempts: this.#recoveryAttempts,
        retryInMs: Math.round(this.#retryDelayMs),
      },
    });
  }

  #takeOver(leadership: Prepare, adopted: Adopted): void {
    const { answers } = this.#recovery;
    this.#leadership = leadership;
    const { logId, epoch, writer } = leadership;
    const { length } = this.log;
    const fields = { logId, epoch, writer, length, ...adopted };
    this.#effects.logEvent({ level: 'info', event: 'recovered', fields });
    for (const [index, peer] of this.#peers.entries()) {
      peer.begin(leadership, answers.get(index), this.#now);
    }
    this.#recount();
  }

  /** A newer master has been heard of: this one must not write any more, for good. */
  #fence(epoch: number): void {
    this.#fencedBy = epoch;
    this.#effects.logEvent({
      level: 'error',
      event: 'fenced',
      fields: { epoch: this.epoch, by: epoch },
    });
    for (const peer of this.#peers) peer.end();
    this.#tracker.endAll('fenced');
    this.#recount();
  }

  // --- inside ----------------------------------------------------------------------------------

  /** Why it does not write at all, whoever asks; null if it does. */
  #unready(): Refusal | null {
    if (this.#fencedBy !== null) {
      return { kind: 'refused', problem: 'fenced', epoch: this.#fencedBy };
    }
    if (this.#leadership !== null) return null;
    return { kind: 'refused', problem: 'recovering', reason: this.#retryReason };
  }

  /** Whether appends need a quorum that is not there. */
  #lacksQuorum(): boolean {
    const { required, available } = this.quorum();
    return this.#config.quorumAppend && available < required;
  }

  #isRepeat(earlier: { seq: number; count: number }, messages: PackedMessages): boolean {
    return (
      earlier.count === messages.ends.length && this.log.differsAt(earlier.seq, messages) === null
    );
  }

  /** Answers for an entry that has its place: at once, or with a waiter. */
  #accept(
    place: Pick<Accepted, 'seq' | 'count' | 'w' | 'isDuplicate'>,
    deadline: number,
    now: number,
    onEnd: (end: WaitEnd) => void,
  ): Accepted | Refusal {
    const { seq, count, w, isDuplicate } = place;
    const accepted = { kind: 'accepted', seq, count, w, isDuplicate } as const;
    const last = seq + count - 1;
    if (this.#tracker.holds(last, w)) return { ...accepted, wait: 'holds' };
    if (deadline <= now) return { ...accepted, wait: 'time-is-up' };
    const refusal = this.#refusalToWait();
    if (refusal !== null) return refusal;
    const wait: Waiter = { seq: last, w, deadline, since: now, onEnd };
    this.#tracker.add(wait);
    return { ...accepted, wait };
  }

  #tooMany(): Refusal {
    return { kind: 'refused', problem: 'w-exceeds-cluster', n: this.nodes };
  }

  #refusalOf(messages: PackedMessages, key: string | null): Refusal | null {
    const refusal = this.writeRefusal();
    if (refusal !== null) return refusal;
    const { logBytesMax } = this.#config;
    const used = this.#replica.bytes;
    const more = bytesOf(messages) + (key === null ? 0 : bytesOfKey(key));
    if (logBytesMax === 0 || used + more <= logBytesMax) return null;
    return { kind: 'refused', problem: 'log-full', limit: logBytesMax, used };
  }

  #refusalToWait(): Refusal | null {
    const { waitingMax } = this.#config;
    if (this.waiting < waitingMax) return null;
    return { kind: 'refused', problem: 'overloaded', limit: waitingMax };
  }

  #recount(): void {
    // The master is one of the w nodes, always: while its disk is slow, nobody can stand in for it.
    const own = this.#replica.countedLength;
    this.#lengths[0] = own;
    for (let i = 0; i < this.#peers.length; i += 1) {
      this.#lengths[i + 1] = Math.min(own, (this.#peers[i] as Peer).countedLength);
    }
    this.#tracker.update(this.#lengths);
    if (this.#leadership !== null)
      this.#replica.commit(this.#tracker.lengthHeldBy(majorityOf(this.nodes)));
  }

  /**
   * The same node must never count twice. One incarnation that answers under two names (an address given in
   * two spellings, say) counts under the name it was met by first; here, nothing is known of it.
   * Heartbeats tell two nodes apart that chose the same bootId. Returns why, or null if it is none.
   */
  #findDuplicate(peer: Peer, bootId: string, nodeId: string | null): string | null {
    const isSame = ({ progress }: Peer) =>
      progress.bootId === bootId &&
      (progress.nodeId === nodeId || progress.nodeId === null || nodeId === null);
    const other = this.#peers.find((candidate) => candidate !== peer && isSame(candidate));
    if (other === undefined) return null;
    peer.forgetIdentity();
    return `it is the same node as ${other.id}`;
  }

  #logStatus(peer: Peer, before: Status): void {
    const status = peer.status;
    if (status === before) return;
    this.#effects.logEvent({
      level: status === 'Healthy' ? 'info' : 'warn',
      event: 'secondary-status',
      fields: { secondary: peer.id, from: before, to: status, cluster: this.status() },
    });
  }
}
