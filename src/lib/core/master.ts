/**
 * The master: gives every message its place, pushes it to the secondaries, counts who holds it,
 * judges their health, and ends the clients' waits. A state machine of (event, now) -> effects:
 * no I/O, no clock, no randomness of its own, so that the same code runs in the process and under a
 * virtual clock.
 *
 *   events    append, await, cancel, flush, acked, exchangeFailed, heartbeatAnswered/Missed, tick, stop
 *   effects   MasterEffects: open/send/rest/drop an exchange, ask for a heartbeat, note for the log
 *
 * What concerns one secondary alone is in `peer.ts`; here is what concerns them together.
 */
import type { Status } from './failure-detector.ts';
import { KeyIndex } from './idempotency.ts';
import { Log } from './log.ts';
import type { PackedMessages } from './messages.ts';
import { Peer, type PeerConfig, type PeerEffects, type SecondaryHealth } from './peer.ts';
import type { Ack, Heartbeat } from './protocol.ts';
import { majorityOf } from './quorum.ts';
import type { Refusal } from './refusal.ts';
import {
  nodesRequired,
  type WaitEnd,
  type Waiter,
  type WriteConcern,
  WriteConcernTracker,
} from './write-concern.ts';

export interface MasterConfig extends PeerConfig {
  readonly nodeId: string;
  readonly secondaries: readonly { readonly id: string; readonly url: string }[];
  readonly quorumAppend: boolean;
  /** Bytes of messages the log may hold; 0 for no limit. */
  readonly logBytesMax: number;
  /** Clients that may wait at once. */
  readonly waitingMax: number;
}

/** What the core asks of the world. */
export type MasterEffects = PeerEffects;

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
  readonly log = new Log();
  readonly keys = new KeyIndex();
  readonly #config: MasterConfig;
  readonly #effects: MasterEffects;
  readonly #peers: Peer[];
  readonly #tracker: WriteConcernTracker;
  #stopAt: number | null = null;

  constructor(config: MasterConfig, effects: MasterEffects) {
    this.#config = config;
    this.#effects = effects;
    this.#peers = config.secondaries.map(
      ({ id, url }, index) => new Peer(index, id, url, config, this.log, effects),
    );
    this.#tracker = new WriteConcernTracker(this.nodes);
  }

  /** How many nodes the cluster has, the master included. */
  get nodes(): number {
    return this.#config.secondaries.length + 1;
  }

  get logId(): string {
    return this.#config.logId;
  }

  get epoch(): number {
    return this.#config.epoch;
  }

  /** How many clients wait for acks. */
  get waiting(): number {
    return this.#tracker.waiting;
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
    const earlier = key === null ? undefined : this.keys.find(key);
    if (earlier !== undefined) {
      if (!this.#isRepeat(earlier, messages)) {
        return { kind: 'refused', problem: 'idempotency-key-reused', seq: earlier.seq };
      }
      return this.#accept({ ...earlier, w, isDuplicate: true }, deadline, now, onEnd);
    }
    const willWait = w > 1 && deadline > now;
    const refusal = this.#refusalOf(messages) ?? (willWait ? this.#refusalToWait() : null);
    if (refusal !== null) return refusal;
    const count = messages.ends.length;
    const seq = this.log.append(messages, this.epoch);
    if (key !== null) for (let i = 0; i < count; i += 1) this.keys.record(key, seq + i);
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
    const place = { seq, count: 1, w: required, isDuplicate: false };
    return this.#accept(place, deadline, now, onEnd);
  }

  /** A client went away: it stops waiting, its message stays. */
  cancel(waiter: Waiter): void {
    this.#tracker.remove(waiter);
  }

  /** Who holds the entry at `seq` now. */
  holders(seq: number): Holders {
    const acked = [this.#config.nodeId];
    const pending: string[] = [];
    for (const peer of this.#peers) {
      (peer.progress.acked >= seq ? acked : pending).push(peer.id);
    }
    return { acked, pending };
  }

  /** Why nothing may be appended now, whatever it is; null if appends are welcome. */
  writeRefusal(): Refusal | null {
    if (this.#stopAt !== null) return { kind: 'refused', problem: 'shutting-down' };
    if (!this.#lacksQuorum()) return null;
    const { required, available } = this.quorum();
    const missing = this.#peers.filter((peer) => !peer.isAvailable).map((peer) => peer.id);
    return { kind: 'refused', problem: 'read-only', required, available, missing };
  }

  // --- replication -----------------------------------------------------------------------------

  /** Sends what is new to every secondary that can take it. Call it soon after appends. */
  flush(now: number): void {
    for (const peer of this.#peers) peer.pump(now);
  }

  /** An ack arrived on an exchange. `random` in [0, 1) is for the backoff if the ack is no good. */
  acked(secondary: number, exchange: number, ack: Ack, now: number, random: number): void {
    const peer = this.#peers[secondary] as Peer;
    if (peer.progress.exchange !== exchange) return;
    const { bootId, nodeId } = peer.progress;
    // A life this name was not met by yet may be any node's, whatever the last one called itself.
    const claimed = this.#disownTwin(peer, ack.bootId, ack.bootId === bootId ? nodeId : null);
    if (claimed === null) peer.acked(ack, now, random);
    else peer.fail(claimed, now, random);
    this.#recount();
  }

  /** An exchange ended, for whatever reason: no answer. */
  exchangeFailed(
    secondary: number,
    exchange: number,
    reason: string,
    now: number,
    random: number,
  ): void {
    const peer = this.#peers[secondary] as Peer;
    if (peer.progress.exchange === exchange) peer.fail(reason, now, random);
  }

  /** A heartbeat was answered with something well-formed. */
  heartbeatAnswered(secondary: number, answer: Heartbeat, now: number): void {
    const peer = this.#peers[secondary] as Peer;
    const statusBefore = peer.status;
    const claimed = this.#disownTwin(peer, answer.bootId, answer.nodeId);
    if (claimed === null) peer.heartbeatAnswered(answer, now);
    else peer.heartbeatMissed(claimed, now);
    this.#noteStatus(peer, statusBefore);
    this.#recount();
  }

  /** A heartbeat was not answered, or with nonsense. */
  heartbeatMissed(secondary: number, reason: string, now: number): void {
    const peer = this.#peers[secondary] as Peer;
    const statusBefore = peer.status;
    peer.heartbeatMissed(reason, now);
    this.#noteStatus(peer, statusBefore);
  }

  // --- time ------------------------------------------------------------------------------------

  /** Does whatever is due. `random()` gives numbers in [0, 1) for backoffs. */
  tick(now: number, random: () => number): void {
    this.#tracker.expire(now);
    if (this.#stopAt !== null && now >= this.#stopAt) this.#tracker.stop();
    for (const peer of this.#peers) peer.tick(now, random);
  }

  /** When `tick` has something to do next, in ms; Infinity for never. */
  nextWakeAt(): number {
    const stopAt = this.waiting > 0 ? this.#stopAt : null;
    let at = Math.min(this.#tracker.nextDeadline, stopAt ?? Number.POSITIVE_INFINITY);
    for (const peer of this.#peers) at = Math.min(at, peer.nextWakeAt());
    return at;
  }

  /** Refuses appends from now on; who still waits in `graceMs` is sent away with what it has. */
  stop(now: number, graceMs: number): void {
    this.#stopAt ??= now + graceMs;
  }

  // --- what others may know --------------------------------------------------------------------

  quorum(): { required: number; available: number; nodes: number } {
    const available = 1 + this.#peers.filter((peer) => peer.isAvailable).length;
    return { required: majorityOf(this.nodes), available, nodes: this.nodes };
  }

  status(): 'ok' | 'degraded' | 'read-only' {
    if (this.#lacksQuorum()) return 'read-only';
    return this.#peers.every((peer) => peer.status === 'Healthy') ? 'ok' : 'degraded';
  }

  secondaries(now: number): SecondaryHealth[] {
    return this.#peers.map((peer) => peer.health(now));
  }

  // --- inside ----------------------------------------------------------------------------------

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
    const wait: Waiter = { seq: last, w, deadline, onEnd };
    this.#tracker.add(wait);
    return { ...accepted, wait };
  }

  #tooMany(): Refusal {
    return { kind: 'refused', problem: 'w-exceeds-cluster', n: this.nodes };
  }

  #refusalOf(messages: PackedMessages): Refusal | null {
    const refusal = this.writeRefusal();
    if (refusal !== null) return refusal;
    const bytes = messages.bytes.length - 3 * messages.ends.length;
    const { logBytesMax } = this.#config;
    if (logBytesMax === 0 || this.log.messageBytes + bytes <= logBytesMax) return null;
    return {
      kind: 'refused',
      problem: 'log-full',
      limit: logBytesMax,
      used: this.log.messageBytes,
    };
  }

  #refusalToWait(): Refusal | null {
    const { waitingMax } = this.#config;
    if (this.waiting < waitingMax) return null;
    return { kind: 'refused', problem: 'overloaded', limit: waitingMax };
  }

  #recount(): void {
    this.#tracker.update([this.log.length, ...this.#peers.map((peer) => peer.progress.acked)]);
  }

  /**
   * The same node must never count twice. One life that answers under two names (an address given in
   * two spellings, say) counts under the name it was met by first; here, nothing is known of it.
   * Heartbeats tell two nodes apart that chose the same bootId. Returns why, or null if it is none.
   */
  #disownTwin(peer: Peer, bootId: string, nodeId: string | null): string | null {
    const claims = ({ progress }: Peer) =>
      progress.bootId === bootId &&
      (progress.nodeId === nodeId || progress.nodeId === null || nodeId === null);
    const other = this.#peers.find((candidate) => candidate !== peer && claims(candidate));
    if (other === undefined) return null;
    peer.disown();
    return `it is the same node as ${other.id}`;
  }

  #noteStatus(peer: Peer, before: Status): void {
    const status = peer.status;
    if (status === before) return;
    this.#effects.note({
      level: status === 'Healthy' ? 'info' : 'warn',
      event: 'secondary-status',
      fields: { secondary: peer.id, from: before, to: status, cluster: this.status() },
    });
  }
}
