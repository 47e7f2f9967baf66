/**
 * The master: it gives every message its position, sends it to the secondaries, counts who holds it, judges
 * their health, and ends the waits of clients. A state machine of (event, now) -> effects: no I/O, no clock and no
 * randomness of its own, so that the same code runs in the process and under a virtual clock.
 *
 *   events    append, await, cancel, flush, acked, advanced, streamFailed, heartbeatAnswered/Missed,
 *             fetched, fetchOver, synced, tick, stop
 *   effects   MasterEffects: open a stream, send on it, close or abort it, ask for a heartbeat, fetch a
 *             log, log an event
 *
 * It begins as a candidate (see `candidacy.ts`), and stops writing for good when it meets a newer master.
 */

import { type Accepted, type AppendLimits, type AppendRequest, Appends } from './appends.ts';
import { Candidacy, type CandidacyConfig, type CandidacyEffects } from './candidacy.ts';
import { type ConfirmEnd, ReadIndex, type ReadWait } from './concerns/read-index.ts';
import {
  nodesRequired,
  type WaitEnd,
  type Waiter,
  type WriteConcern,
  WriteConcernTracker,
} from './concerns/write-concern.ts';
import { QuorumCheck } from './election/quorum-check.ts';
import { Applier } from './log/apply.ts';
import { Replica } from './log/replica.ts';
import type { Ack, Frame, Heartbeat, Prepare } from './protocol.ts';
import { compareBallots } from './recovery/ballot.ts';
import { ballotOf } from './recovery/best-log.ts';
import type { Refusal } from './refusal.ts';
import {
  Cluster,
  type ClusterConfig,
  type Holders,
  type Quorum,
  type StreamFailure,
} from './replication/cluster.ts';
import type { Peer } from './replication/peer.ts';
import type { PeerEffects, SecondaryHealth } from './replication/peer-ports.ts';
import { majorityOf } from './replication/quorum.ts';
import { problemOfMember } from './replication/statements.ts';
import { Role } from './role.ts';

/** How long a master that stops goes on for healthy secondaries that lack something, in ms. */
export const FLUSH_ON_STOP_MS_MAX = 1000;

export interface MasterConfig extends CandidacyConfig, ClusterConfig, AppendLimits {}

/** What the core asks of its environment. */
export type MasterEffects = PeerEffects & CandidacyEffects;

/** What a member of a cluster that elects its master does when it is no candidate or master any more. */
export interface MasterEnds {
  /** It is the master from now on. */
  tookOver(): void;
  /** Its attempt failed, or it stopped being the master; it does nothing more. */
  over(reason: string): void;
}

export class Master extends Role {
  readonly #config: MasterConfig;
  readonly #effects: MasterEffects;
  readonly #cluster: Cluster;
  readonly #tracker: WriteConcernTracker;
  readonly #appends: Appends;
  readonly #candidacy: Candidacy;
  readonly #reads = new ReadIndex();
  readonly #ends: MasterEnds | null;
  /** What it writes, and as who; null until it has recovered. */
  #leadership: Prepare | null = null;
  /** Whether a majority still answers; null where no master is elected, or before it took over. */
  #check: QuorumCheck | null = null;
  /** The higher epoch that was met; null if none. */
  #fencedBy: number | null = null;
  /** When it ends the waits that are left; null while it does not stop. */
  #stopAt: number | null = null;
  /** Until when a stop waits for secondaries that lack something. */
  #flushUntil = Number.POSITIVE_INFINITY;

  /**
   * @param applier how frames enter this replica
   * @param ends null if it is a candidate until it is the master, and then the master for good
   */
  constructor(
    config: MasterConfig,
    effects: MasterEffects,
    replica = new Replica(),
    applier = new Applier(replica, config.writer, (event) => effects.logEvent(event)),
    ends: MasterEnds | null = null,
  ) {
    super(replica);
    this.#ends = ends;
    this.#config = config;
    this.#effects = effects;
    this.#tracker = new WriteConcernTracker(config.secondaries.length + 1);
    // A master that stops lets no entry linger: it waits for all that some secondary lacks.
    const lastAwaited = () =>
      this.#stopAt === null ? this.#tracker.lastAwaited : Number.POSITIVE_INFINITY;
    this.#cluster = new Cluster(config, this.replica, lastAwaited, effects);
    this.#appends = new Appends(config, this.replica, this.#tracker);
    const { peers } = this.#cluster;
    this.#candidacy = new Candidacy(config, replica, applier, peers, effects, {
      tookOver: (leadership, now) => this.#takeOver(leadership, now),
      failed: (reason) => {
        if (ends !== null) this.stepDown(reason);
      },
    });
    this.#recount();
  }

  get length(): number {
    return this.log.length;
  }

  /** How many nodes the cluster has, the master included. */
  get nodes(): number {
    return this.#cluster.nodes;
  }

  /** What it writes, and as who; null until it has recovered. */
  get leadership(): Prepare | null {
    return this.#leadership;
  }

  /** The higher epoch it has met: it must not write any more. Null if there is none. */
  get fencedBy(): number | null {
    return this.#fencedBy;
  }

  /** Why it has not recovered yet, for people; null once it has. */
  get recoveryReason(): string | null {
    if (this.#leadership !== null) return null;
    return this.#candidacy.failure ?? 'the secondaries are being asked what they hold';
  }

  /** How many clients wait for acks. */
  get waiting(): number {
    return this.#tracker.waiting;
  }

  /** How long the client that has waited longest has done so, in ms; 0 if nobody waits. */
  oldestWaitMs(now: number): number {
    return Math.max(0, now - this.#tracker.oldestSince);
  }

  quorum(): Quorum {
    return this.#cluster.quorum();
  }

  status(): 'ok' | 'degraded' | 'read-only' | 'recovering' {
    if (this.#fencedBy !== null) return 'read-only';
    if (this.#leadership === null) return 'recovering';
    if (this.#lacksQuorum()) return 'read-only';
    return this.#cluster.peers.every((peer) => peer.status === 'Healthy') ? 'ok' : 'degraded';
  }

  secondaries(now: number): SecondaryHealth[] {
    return this.#cluster.peers.map((peer) => peer.health(now));
  }

  /** Which nodes hold the entry at `seq` now. */
  holders(seq: number): Holders {
    return this.#cluster.holders(seq);
  }

  // --- clients ---------------------------------------------------------------------------------

  /**
   * Appends, or refuses and changes nothing. Checks, positions and the wait are one synchronous
   * step, so no two appends can interleave. `onEnd` is called later only if `wait` is a waiter.
   */
  append(request: AppendRequest, now: number, onEnd: (end: WaitEnd) => void): Accepted | Refusal {
    const w = nodesRequired(request.w, this.nodes);
    const answer =
      this.#unready(w) ??
      this.#appends.repeat(request, w, now, onEnd) ??
      this.writeRefusal() ??
      this.#appends.write(request, w, this.#leadership as Prepare, now);
    if (answer !== null) return answer;
    this.#recount();
    const count = request.messages.ends.length;
    const place = { seq: this.length - count + 1, count, w, isDuplicate: false };
    return this.#appends.accept(place, request.deadline, now, onEnd);
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
    const place = { seq, count: 1, w: required, isDuplicate: false };
    return this.#unready(required) ?? this.#appends.accept(place, deadline, now, onEnd);
  }

  /** A client went away: it stops waiting, its message stays. */
  cancel(waiter: Waiter): void {
    this.#tracker.remove(waiter);
  }

  /**
   * A linearizable read has arrived. Calls `onEnd` once, perhaps at once, when all that was acknowledged before is
   * committed and no newer master was at work, or when that cannot be waited for any longer. Asks the secondaries, so
   * `tick` must follow.
   */
  confirmRead(deadline: number, now: number, onEnd: (end: ConfirmEnd) => void): ReadWait | Refusal {
    const refusal = this.#unready();
    if (refusal !== null) return refusal;
    if (this.#reads.waiting >= this.#config.waitingMax) {
      return { kind: 'refused', problem: 'overloaded', limit: this.#config.waitingMax };
    }
    const wait = { question: this.#cluster.questions.last, length: this.length, deadline, onEnd };
    this.#reads.add(wait);
    this.#cluster.wantAnswers(now);
    this.#settleReads();
    return wait;
  }

  /** The reader went away. */
  cancelConfirmation(wait: ReadWait): void {
    this.#reads.cancel(wait);
  }

  /** Why no append is accepted now, whatever it contains; null if appends are accepted. */
  writeRefusal(): Refusal | null {
    if (this.#stopAt !== null) return { kind: 'refused', problem: 'shutting-down' };
    const unready = this.#unready();
    if (unready !== null) return unready;
    if (!this.#lacksQuorum()) return null;
    const { required, available } = this.quorum();
    const missing = this.#cluster.peers.filter((peer) => !peer.isAvailable).map(({ id }) => id);
    return { kind: 'refused', problem: 'read-only', required, available, missing };
  }

  // --- replication -----------------------------------------------------------------------------

  /** Sends what is new to every secondary that can take it. Call it soon after appends and acks. */
  flush(now: number): void {
    for (const peer of this.#cluster.peers) peer.pump(now);
  }

  /** An ack arrived on a stream. `random` in [0, 1) is for the backoff if the ack is not valid. */
  acked(secondary: number, stream: number, ack: Ack, now: number, random: number): void {
    const newerEpoch = this.#cluster.acked(secondary, stream, ack, this.#leadership, now, random);
    if (newerEpoch !== null) this.#fence(newerEpoch);
    else {
      this.#admit(now);
      this.#recount();
    }
  }

  /** A stream has taken bytes that waited for it: what is in flight gets further. */
  advanced(secondary: number, stream: number, now: number): void {
    this.#cluster.advanced(secondary, stream, now);
  }

  /** A stream ended. Whatever the reason, it counts as no answer. */
  streamFailed(
    secondary: number,
    stream: number,
    failure: StreamFailure,
    now: number,
    random: number,
  ): void {
    const newerEpoch = this.#cluster.streamFailed(secondary, stream, failure, now, random);
    if (newerEpoch !== null) this.#fence(newerEpoch);
  }

  /** A heartbeat was answered with something well-formed. */
  heartbeatAnswered(secondary: number, answer: Heartbeat, now: number): void {
    if (this.#fencedBy !== null) return;
    const { leadership } = this;
    if (leadership !== null && answer.logId === leadership.logId) {
      if (compareBallots(ballotOf(answer), leadership) > 0) {
        this.#fence(answer.epoch);
        return;
      }
    }
    const { bootId, nodeId } = answer;
    const duplicate = this.#cluster.findDuplicate(this.#peer(secondary), bootId, nodeId);
    const { election } = this.#config;
    const { id } = this.#peer(secondary);
    const stranger = election && problemOfMember(answer, id, election.members);
    const problem = duplicate ?? stranger ?? null;
    this.#heard(secondary, problem ?? answer, false, now);
    this.#admit(now);
    this.#recount();
  }

  /** Admits members that were incomplete when they were met. */
  #admit(now: number): void {
    if (this.#leadership === null) return;
    for (const { id } of this.#cluster.admit(now)) {
      const fields = { secondary: id, epoch: this.epoch };
      this.#effects.logEvent({ level: 'info', event: 'member-admitted', fields });
    }
  }

  /**
   * A heartbeat was not answered, or with nonsense. `isDown`: no process is there that could answer, since the
   * address refuses the connection or cannot be reached, or the name has no address.
   */
  heartbeatMissed(secondary: number, reason: string, isDown: boolean, now: number): void {
    if (this.#fencedBy === null) this.#heard(secondary, reason, isDown, now);
  }

  /** A part of a secondary's log has come. Returns whether to go on with this fetch. */
  fetched(fetch: number, frame: Frame): boolean {
    return this.#fencedBy === null && this.#candidacy.fetched(fetch, frame);
  }

  /** A fetch is over; `reason` says why it broke, null if it was complete. */
  fetchOver(fetch: number, reason: string | null, now: number): void {
    if (this.#fencedBy === null) this.#candidacy.fetchOver(fetch, reason, now);
  }

  /** More of what was written has become durable: clients that waited for that are answered. */
  synced(): void {
    this.#recount();
  }

  // --- time ------------------------------------------------------------------------------------

  /** Does whatever is due. `random()` gives numbers in [0, 1) for backoffs. */
  tick(now: number, random: () => number): void {
    this.#tracker.expire(now);
    this.#reads.expire(now);
    if (this.#stopAt !== null && now >= this.#stopAt) {
      this.#tracker.endAll('stopping');
      this.#reads.endAll('stopping');
    }
    if (now >= this.#flushUntil) this.#flushUntil = Number.NEGATIVE_INFINITY;
    if (this.#fencedBy !== null) return;
    if (this.#leadership === null) this.#candidacy.tick(now, random);
    else if (this.#hasLostQuorum(now)) this.stepDown('no majority has answered in time');
    else for (const peer of this.#cluster.peers) peer.tick(now, random);
  }

  /** Whether no majority, or not its own disk, has answered for the election time-out. */
  #hasLostQuorum(now: number): boolean {
    if (this.#check === null) return false;
    const { askedAt } = this.#cluster.answered();
    return this.#check.isLost(now, askedAt, this.replica.durableLength, this.length);
  }

  nextWakeAt(): number {
    let at = this.#tracker.nextDeadline;
    if (this.#stopAt !== null && !this.isDrained) {
      at = Math.min(at, this.waiting > 0 ? this.#stopAt : this.#flushUntil);
    }
    if (this.#fencedBy !== null) return at;
    at = Math.min(at, this.#reads.nextDeadline);
    if (this.#leadership === null) return Math.min(at, this.#candidacy.nextWakeAt);
    at = Math.min(at, this.#check?.nextAt ?? at);
    for (const peer of this.#cluster.peers) at = Math.min(at, peer.nextWakeAt());
    return at;
  }

  /**
   * Refuses appends from now on, and sends healthy secondaries at once what they lack. The waits that are
   * left after `graceMs` end as `stopping`.
   */
  stop(now: number, graceMs: number): void {
    if (this.#stopAt !== null) return;
    this.#stopAt = now + graceMs;
    this.#flushUntil = now + Math.min(graceMs, FLUSH_ON_STOP_MS_MAX);
    this.flush(now);
  }

  /**
   * Lets a member stand at once, if it is complete and has all that is in the log: the one of this name, or the first.
   * Returns whom; null if nobody may.
   */
  offerHandover(to: string | null, now: number): string | null {
    if (this.replica.committed < this.length) return null;
    return this.#cluster.offerHandover(to, this.#leadership as Prepare, now);
  }

  /** Whether some other member could take over: it is Healthy and complete. */
  get hasSuccessor(): boolean {
    return this.#cluster.peers.some(({ status, progress }) => {
      return status === 'Healthy' && progress.isComplete === true;
    });
  }

  /** The handover is over, and this is still the master: no member may stand by it any more. */
  withdrawHandover(): void {
    for (const peer of this.#cluster.peers) peer.withdrawHandover();
  }

  /** Whether a master that stops has nothing left to do: no client waits, and nothing is on its way. */
  get isDrained(): boolean {
    if (this.waiting > 0) return false;
    const isFlushed = this.#flushUntil === Number.NEGATIVE_INFINITY;
    return isFlushed || !this.#cluster.peers.some((peer) => peer.isCatchingUp);
  }

  // --- inside ----------------------------------------------------------------------------------

  #takeOver(leadership: Prepare, now: number): void {
    this.#leadership = leadership;
    const { election } = this.#config;
    if (election !== undefined) this.#check = new QuorumCheck(election.timeoutMs, now);
    this.#recount();
    if (this.#ends === null) return;
    // All are told at once who the master is.
    this.#cluster.wantAnswers(now);
    this.#ends.tookOver();
  }

  /** There is a newer master: this one must not write any more, for good. */
  #fence(epoch: number): void {
    if (this.#ends === null) {
      const fields = { epoch: this.epoch, by: epoch };
      this.#effects.logEvent({ level: 'error', event: 'fenced', fields });
    }
    this.#end(epoch, 'it has met a newer ballot');
  }

  /** Stops being a candidate or the master, for good: whatever comes for it later changes nothing. */
  stepDown(reason: string): void {
    if (this.#fencedBy === null) this.#end(this.epoch, reason);
  }

  #end(epoch: number, reason: string): void {
    this.#fencedBy = epoch;
    for (const peer of this.#cluster.peers) peer.end();
    this.#tracker.endAll('fenced');
    this.#reads.endAll('fenced');
    this.#recount();
    this.#ends?.over(reason);
  }

  #peer(secondary: number): Peer {
    return this.#cluster.peers[secondary] as Peer;
  }

  /** A heartbeat of a secondary is over: with its answer, or with a reason why none counts. */
  #heard(secondary: number, outcome: Heartbeat | string, isDown: boolean, now: number): void {
    const peer = this.#peer(secondary);
    const from = peer.status;
    if (this.#leadership === null) this.#candidacy.pollAnswered(secondary, outcome, isDown, now);
    else if (typeof outcome === 'string') peer.heartbeatMissed(outcome, now);
    else peer.heartbeatAnswered(outcome, now);
    const to = peer.status;
    // A candidate is new with each attempt, several times a second: that somebody answers it is no change.
    const isAttempt = this.#ends !== null && this.#leadership === null;
    if (to === from || isAttempt) return;
    this.#effects.logEvent({
      level: to === 'Healthy' ? 'info' : 'warn',
      event: 'secondary-status',
      fields: { secondary: peer.id, from, to, cluster: this.status() },
    });
  }

  /** Why no client that asks for `w` nodes can be served, whatever else it asks for; null if it can. */
  #unready(w = 1): Refusal | null {
    if (w > this.nodes) return { kind: 'refused', problem: 'w-exceeds-cluster', n: this.nodes };
    if (this.#fencedBy !== null) {
      return { kind: 'refused', problem: 'fenced', epoch: this.#fencedBy };
    }
    if (this.#leadership !== null) return null;
    return { kind: 'refused', problem: 'recovering', reason: this.#candidacy.failure };
  }

  /** Whether appends need a quorum that is not there. */
  #lacksQuorum(): boolean {
    const { required, available } = this.quorum();
    return this.#config.quorumAppend && available < required;
  }

  /** Counts again who holds what, and ends the waits that this completes. */
  #recount(): void {
    this.#tracker.update(this.#cluster.countedLengths());
    if (this.#leadership === null) return;
    this.replica.commit(this.#tracker.lengthHeldBy(majorityOf(this.nodes)));
    if (this.#reads.waiting > 0) this.#settleReads();
  }

  #settleReads(): void {
    const { question } = this.#cluster.confirmed();
    this.#reads.settle(question, this.#tracker.lengthHeldBy(majorityOf(this.nodes)));
  }
}
