/**
 * The master: gives every message its place, pushes it to the secondaries, counts who holds it,
 * judges their health, and ends the clients' waits. A state machine of (event, now) -> effects:
 * no I/O, no clock, no randomness of its own, so that the same code runs in the process and under a
 * virtual clock.
 *
 *   events    append, await, cancel, flush, acked, exchangeFailed, heartbeatAnswered/Missed, tick, stop
 *   effects   MasterEffects: open/send/rest/drop an exchange, ask for a heartbeat, note for the log
 */
import { backoffMs } from './backoff.ts';
import { FailureDetector, type FailureDetectorConfig, type Status } from './failure-detector.ts';
import { type HeartbeatConfig, HeartbeatSchedule, PAUSE_MS } from './heartbeat.ts';
import { KeyIndex } from './idempotency.ts';
import { Log } from './log.ts';
import type { PackedMessages } from './messages.ts';
import { Progress } from './progress.ts';
import type { Ack, Heartbeat } from './protocol.ts';
import { majorityOf } from './quorum.ts';
import type { Note, Refusal } from './refusal.ts';
import {
  nodesRequired,
  type WaitEnd,
  type Waiter,
  type WriteConcern,
  WriteConcernTracker,
} from './write-concern.ts';

/** Bytes of messages in one frame; a larger message travels alone. */
export const FRAME_MESSAGE_BYTES_MAX = 1024 * 1024;
/** Messages in one frame; bounds what their idempotency keys add to it. */
export const FRAME_MESSAGES_MAX = 16_384;
/** Frames of one exchange that may be without an ack. */
export const WINDOW_FRAMES_MAX = 8;
/** An exchange without work for this long ends; the next append opens another. */
export const EXCHANGE_IDLE_MS = 60_000;

export interface MasterConfig {
  readonly nodeId: string;
  readonly logId: string;
  readonly epoch: number;
  readonly secondaries: readonly { readonly id: string; readonly url: string }[];
  readonly quorumAppend: boolean;
  readonly heartbeat: HeartbeatConfig;
  readonly failureDetector: FailureDetectorConfig;
  /** No ack for the oldest frame in flight for this long ends the exchange, in ms. */
  readonly replicationTimeoutMs: number;
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  /** Bytes of messages the log may hold; 0 for no limit. */
  readonly logBytesMax: number;
  /** Clients that may wait at once. */
  readonly waitingMax: number;
  /** Bytes of messages in one frame; default `FRAME_MESSAGE_BYTES_MAX`. */
  readonly frameBytesMax?: number;
}

/** What the core asks of the world. Secondaries are named by their index in the configuration. */
export interface MasterEffects {
  /** Open exchange number `exchange`; its outcome comes back as `acked` or `exchangeFailed`. */
  openExchange(secondary: number, exchange: number): void;
  /** Send the entries `from..to` as one frame on the open exchange. */
  sendFrame(secondary: number, from: number, to: number): void;
  /** End the exchange in peace: everything sent was acked. */
  restExchange(secondary: number): void;
  /** Cut the exchange off; it has nothing to say any more. */
  dropExchange(secondary: number): void;
  /** Ask for a heartbeat; exactly one `heartbeatAnswered` or `heartbeatMissed` follows. */
  askHeartbeat(secondary: number): void;
  note(note: Note): void;
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

export interface SecondaryHealth {
  readonly id: string;
  readonly url: string;
  readonly status: Status;
  readonly length: number;
  readonly lag: number;
  readonly lastSeenMsAgo: number | null;
  readonly failures: number;
  readonly nextAttemptInMs: number | null;
  readonly lastError: string | null;
}

interface Peer {
  readonly index: number;
  readonly id: string;
  readonly url: string;
  readonly progress: Progress;
  readonly detector: FailureDetector;
  readonly heartbeat: HeartbeatSchedule;
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
    this.#peers = config.secondaries.map(({ id, url }, index) => ({
      index,
      id,
      url,
      progress: new Progress(),
      detector: new FailureDetector(config.failureDetector),
      heartbeat: new HeartbeatSchedule(config.heartbeat),
    }));
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
    const { required, available } = this.quorum();
    if (!this.#config.quorumAppend || available >= required) return null;
    const missing = this.#peers.filter((peer) => !isAvailable(peer)).map((peer) => peer.id);
    return { kind: 'refused', problem: 'read-only', required, available, missing };
  }

  // --- replication -----------------------------------------------------------------------------

  /** Sends what is new to every secondary that can take it. Call it soon after appends. */
  flush(now: number): void {
    for (const peer of this.#peers) this.#pump(peer, now);
  }

  /** An ack arrived on an exchange. `random` in [0, 1) is for the backoff if the ack is no good. */
  acked(secondary: number, exchange: number, ack: Ack, now: number, random: number): void {
    const peer = this.#peers[secondary] as Peer;
    const { progress } = peer;
    if (progress.exchange !== exchange) return;
    const problem =
      this.#problemOf(ack) ?? this.#claimedByAnother(peer, ack.bootId, progress.nodeId);
    const frame = progress.inFlight[0];
    if (problem !== null || frame === undefined) {
      this.#fail(peer, problem ?? 'an ack without a frame', now, random);
      this.#recount();
      return;
    }
    const learned = progress.learn(ack.bootId, ack.length, frame.asked);
    progress.inFlight.shift();
    progress.lastSeenAt = now;
    progress.quietSince = now;
    if (learned === 'new-life') this.#noteNewLife(peer);
    // The first ack of an exchange may tell of any place: the next frame goes there. After that
    // frames build on each other, and an ack that falls short of its frame says they no longer do.
    const isNews = learned !== 'nothing' && learned !== 'outdated';
    const isLanded = ack.length >= frame.to && learned !== 'new-life' && learned !== 'outdated';
    if (progress.probing ? isNews || isLanded : isLanded) {
      if (progress.probing) progress.locate();
      if (isLanded) progress.resetBackoff();
    } else {
      this.#fail(peer, `ack of length ${ack.length} for a frame up to ${frame.to}`, now, random);
    }
    this.#recount();
    this.#pump(peer, now);
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
    if (peer.progress.exchange !== exchange) return;
    this.#fail(peer, reason, now, random);
  }

  /** A heartbeat was answered with something well-formed. */
  heartbeatAnswered(secondary: number, answer: Heartbeat, now: number): void {
    const peer = this.#peers[secondary] as Peer;
    const problem =
      this.#problemOfHeartbeat(answer) ??
      this.#claimedByAnother(peer, answer.bootId, answer.nodeId);
    if (problem !== null) {
      this.#recount();
      this.heartbeatMissed(secondary, problem, now);
      return;
    }
    const asked = peer.heartbeat.answered();
    if (asked === null) return;
    const statusBefore = peer.detector.status;
    peer.detector.answered();
    const { progress } = peer;
    progress.lastSeenAt = now;
    progress.nodeId = answer.nodeId;
    const learned = progress.learn(answer.bootId, answer.length, asked);
    if (learned === 'new-life') this.#noteNewLife(peer);
    // A new or shorter life cannot go on with an old exchange, and one towards a node that could
    // not be reached may hang until its time-out: begin anew instead.
    const isStale = learned === 'lowered' || learned === 'new-life';
    const wasAway =
      statusBefore === 'Unhealthy' || (statusBefore === 'Suspected' && progress.probing);
    const mayHang = wasAway && progress.inFlight.length > 0;
    if (progress.exchange !== null && (isStale || mayHang)) this.#drop(peer);
    // Back from where nobody reached it, or found to hold what was thought lost: begin anew. A new
    // life of a node that was never away is worth an attempt now, but no more than that.
    if (statusBefore !== 'Healthy' || learned === 'raised') progress.resetBackoff();
    else if (learned === 'new-life') progress.retryAt = now;
    if (progress.failures === 0) progress.lastError = null;
    this.#noteStatus(peer, statusBefore);
    this.#recount();
    this.#pump(peer, now);
  }

  /** A heartbeat was not answered, or with nonsense. */
  heartbeatMissed(secondary: number, reason: string, now: number): void {
    const peer = this.#peers[secondary] as Peer;
    if (!peer.heartbeat.missed(now)) return;
    const statusBefore = peer.detector.status;
    peer.detector.missed();
    peer.progress.lastError = reason;
    this.#noteStatus(peer, statusBefore);
  }

  // --- time ------------------------------------------------------------------------------------

  /** Does whatever is due. `random()` gives numbers in [0, 1) for backoffs. */
  tick(now: number, random: () => number): void {
    this.#tracker.expire(now);
    if (this.#stopAt !== null && now >= this.#stopAt) this.#tracker.stop();
    for (const peer of this.#peers) {
      if (now >= peer.heartbeat.nextAt) {
        peer.heartbeat.ask(peer.progress.asking(now));
        this.#effects.askHeartbeat(peer.index);
      }
      if (now >= this.#exchangeDueAt(peer)) this.#exchangeDue(peer, now, random());
      this.#pump(peer, now);
    }
  }

  /** When `tick` has something to do next, in ms; Infinity for never. */
  nextWakeAt(): number {
    const stopAt = this.waiting > 0 ? this.#stopAt : null;
    let at = Math.min(this.#tracker.nextDeadline, stopAt ?? Number.POSITIVE_INFINITY);
    for (const peer of this.#peers) {
      at = Math.min(at, peer.heartbeat.nextAt, this.#exchangeDueAt(peer), this.#attemptAt(peer));
    }
    return at;
  }

  /** Refuses appends from now on; who still waits in `graceMs` is sent away with what it has. */
  stop(now: number, graceMs: number): void {
    this.#stopAt ??= now + graceMs;
  }

  // --- what others may know --------------------------------------------------------------------

  quorum(): { required: number; available: number; nodes: number } {
    const available = 1 + this.#peers.filter(isAvailable).length;
    return { required: majorityOf(this.nodes), available, nodes: this.nodes };
  }

  status(): 'ok' | 'degraded' | 'read-only' {
    const { required, available } = this.quorum();
    if (this.#config.quorumAppend && available < required) return 'read-only';
    return this.#peers.every((peer) => peer.detector.status === 'Healthy') ? 'ok' : 'degraded';
  }

  secondaries(now: number): SecondaryHealth[] {
    return this.#peers.map((peer) => {
      const { id, url, progress, detector } = peer;
      const attemptAt = this.#attemptAt(peer);
      return {
        id,
        url,
        status: detector.status,
        length: progress.acked,
        lag: this.log.length - progress.acked,
        lastSeenMsAgo: progress.lastSeenAt === null ? null : Math.round(now - progress.lastSeenAt),
        failures: progress.failures,
        nextAttemptInMs: Number.isFinite(attemptAt)
          ? Math.max(0, Math.round(attemptAt - now))
          : null,
        lastError: progress.lastError,
      };
    });
  }

  // --- inside ----------------------------------------------------------------------------------

  #isRepeat(earlier: { seq: number; count: number }, messages: PackedMessages): boolean {
    return earlier.count === messages.ends.length && this.log.agreesWith(earlier.seq, messages);
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

  /** Opens an exchange if there is work and it is time, and fills its window. */
  #pump(peer: Peer, now: number): void {
    const { progress } = peer;
    if (now >= this.#attemptAt(peer)) {
      const exchange = progress.open(now);
      this.#effects.openExchange(peer.index, exchange);
    }
    while (progress.maySend(this.log.length, WINDOW_FRAMES_MAX)) {
      const from = progress.next;
      const bytesMax = this.#config.frameBytesMax ?? FRAME_MESSAGE_BYTES_MAX;
      const last = Math.min(this.log.length, from + FRAME_MESSAGES_MAX - 1);
      const to = this.log.pageEnd(from, last, bytesMax);
      progress.sent(to, now);
      this.#effects.sendFrame(peer.index, from, to);
    }
  }

  /** When to open an exchange; Infinity while one is open or nothing is to be sent. */
  #attemptAt({ progress }: Peer): number {
    const hasWork = progress.exchange === null && progress.acked < this.log.length;
    return hasWork ? progress.retryAt : Number.POSITIVE_INFINITY;
  }

  /** When the open exchange has been quiet for too long. */
  #exchangeDueAt({ progress }: Peer): number {
    if (progress.exchange === null) return Number.POSITIVE_INFINITY;
    const isIdle = progress.inFlight.length === 0;
    return progress.quietSince + (isIdle ? EXCHANGE_IDLE_MS : this.#config.replicationTimeoutMs);
  }

  #exchangeDue(peer: Peer, now: number, random: number): void {
    const { progress } = peer;
    if (progress.inFlight.length === 0) {
      progress.close();
      this.#effects.restExchange(peer.index);
    } else if (now - this.#exchangeDueAt(peer) > PAUSE_MS) {
      // The master itself was paused: what the peer sent meanwhile has not been read yet.
      progress.quietSince = now;
    } else {
      this.#effects.dropExchange(peer.index);
      const timeoutMs = this.#config.replicationTimeoutMs;
      this.#forget(peer, `no ack within ${timeoutMs} ms`, now, random);
    }
  }

  #fail(peer: Peer, reason: string, now: number, random: number): void {
    this.#effects.dropExchange(peer.index);
    this.#forget(peer, reason, now, random);
  }

  /** Ends the exchange as "no answer", whatever the reason, and plans the next attempt. */
  #forget(peer: Peer, reason: string, now: number, random: number): void {
    const { progress } = peer;
    const { backoffBaseMs, backoffMaxMs } = this.#config;
    progress.close();
    const delayMs = backoffMs(progress.failures + 1, backoffBaseMs, backoffMaxMs, random);
    progress.failed(reason, now, delayMs);
    // Is it gone, or was only the ack lost? A heartbeat tells at once, and repairs the latter.
    // Asked once, not after every failure, so that a node in trouble is not asked ever faster.
    const isFirst = progress.failures === 1;
    if (isFirst && peer.detector.status === 'Healthy') peer.heartbeat.hasten(now);
    this.#effects.note({
      level: isFirst ? 'warn' : 'debug',
      event: 'replication-failed',
      fields: {
        secondary: peer.id,
        reason,
        failures: progress.failures,
        retryInMs: Math.round(delayMs),
      },
    });
  }

  /** Cuts the exchange off without blame; the next attempt may follow at once. */
  #drop(peer: Peer): void {
    this.#effects.dropExchange(peer.index);
    peer.progress.close();
  }

  #problemOf(ack: Ack): string | null {
    if (ack.logId !== this.logId) return 'an ack for another log';
    if (ack.epoch !== this.epoch) return `an ack for epoch ${ack.epoch}, not ${this.epoch}`;
    if (ack.length > this.log.length) {
      return `an ack of length ${ack.length}, beyond the log's ${this.log.length}`;
    }
    return null;
  }

  #problemOfHeartbeat(answer: Heartbeat): string | null {
    const isVirgin = answer.logId === null && answer.epoch === 0 && answer.length === 0;
    if (isVirgin) return null;
    if (answer.logId !== this.logId) return 'log-mismatch: it holds another log';
    return this.#problemOf({ ...answer, logId: answer.logId });
  }

  /**
   * The same node must never count twice. One life that answers under two names (an address given in
   * two spellings, say) counts under the name it was met by first; here, nothing is known of it.
   * Heartbeats tell two nodes apart that chose the same bootId.
   */
  #claimedByAnother(peer: Peer, bootId: string, nodeId: string | null): string | null {
    const claims = ({ progress }: Peer) =>
      progress.bootId === bootId &&
      (progress.nodeId === nodeId || progress.nodeId === null || nodeId === null);
    const other = this.#peers.find((candidate) => candidate !== peer && claims(candidate));
    if (other === undefined) return null;
    this.#drop(peer);
    peer.progress.disown();
    return `it is the same node as ${other.id}`;
  }

  #noteNewLife({ id, progress }: Peer): void {
    const fields = { secondary: id, bootId: progress.bootId, length: progress.acked };
    this.#effects.note({ level: 'info', event: 'secondary-restarted', fields });
  }

  #noteStatus(peer: Peer, before: Status): void {
    const status = peer.detector.status;
    if (status === before) return;
    this.#effects.note({
      level: status === 'Healthy' ? 'info' : 'warn',
      event: 'secondary-status',
      fields: { secondary: peer.id, from: before, to: status, cluster: this.status() },
    });
  }
}

function isAvailable(peer: Peer): boolean {
  return peer.detector.status !== 'Unhealthy';
}
