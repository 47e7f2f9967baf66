/**
 * One secondary, as the master deals with it: when to open an exchange, what to send, which acks and
 * heartbeats to believe, when to give up and when to try again. It knows nothing of the others.
 */
import { backoffMs } from './backoff.ts';
import { FailureDetector, type FailureDetectorConfig, type Status } from './failure-detector.ts';
import { type HeartbeatConfig, HeartbeatSchedule, PAUSE_MS } from './heartbeat.ts';
import type { Log } from './log.ts';
import { Progress } from './progress.ts';
import type { Ack, Heartbeat } from './protocol.ts';
import type { Note } from './refusal.ts';

/** Bytes of messages in one frame; a larger message travels alone. */
export const FRAME_MESSAGE_BYTES_MAX = 1024 * 1024;
/** Messages in one frame; bounds what their idempotency keys add to it. */
export const FRAME_MESSAGES_MAX = 16_384;
/** Frames of one exchange that may be without an ack. */
export const WINDOW_FRAMES_MAX = 8;
/** An exchange without work for this long ends; the next append opens another. */
export const EXCHANGE_IDLE_MS = 60_000;

export interface PeerConfig {
  readonly logId: string;
  readonly epoch: number;
  readonly heartbeat: HeartbeatConfig;
  readonly failureDetector: FailureDetectorConfig;
  /** No ack for the oldest frame in flight for this long ends the exchange, in ms. */
  readonly replicationTimeoutMs: number;
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  /** Bytes of messages in one frame; default `FRAME_MESSAGE_BYTES_MAX`. */
  readonly frameBytesMax?: number;
}

/** What a peer asks of the world. Secondaries are named by their index in the configuration. */
export interface PeerEffects {
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

/** What `GET /health` tells of a secondary. */
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

export class Peer {
  readonly id: string;
  readonly progress = new Progress();
  readonly #index: number;
  readonly #url: string;
  readonly #config: PeerConfig;
  readonly #log: Log;
  readonly #effects: PeerEffects;
  readonly #detector: FailureDetector;
  readonly #heartbeat: HeartbeatSchedule;

  constructor(
    index: number,
    id: string,
    url: string,
    config: PeerConfig,
    log: Log,
    effects: PeerEffects,
  ) {
    this.#index = index;
    this.id = id;
    this.#url = url;
    this.#config = config;
    this.#log = log;
    this.#effects = effects;
    this.#detector = new FailureDetector(config.failureDetector);
    this.#heartbeat = new HeartbeatSchedule(config.heartbeat);
  }

  get status(): Status {
    return this.#detector.status;
  }

  /** Whether it counts for the quorum; a Suspected node does. */
  get isAvailable(): boolean {
    return this.status !== 'Unhealthy';
  }

  /** Opens an exchange if there is work and it is time, and fills its window. */
  pump(now: number): void {
    const { progress } = this;
    if (now >= this.#attemptAt()) this.#effects.openExchange(this.#index, progress.open(now));
    while (progress.maySend(this.#log.length, WINDOW_FRAMES_MAX)) {
      const from = progress.next;
      const last = Math.min(this.#log.length, from + FRAME_MESSAGES_MAX - 1);
      const bytesMax = this.#config.frameBytesMax ?? FRAME_MESSAGE_BYTES_MAX;
      const to = this.#log.pageEnd(from, last, bytesMax);
      progress.sent(to, now);
      this.#effects.sendFrame(this.#index, from, to);
    }
  }

  /** An ack arrived on the open exchange. */
  acked(ack: Ack, now: number, random: number): void {
    const { progress } = this;
    const problem = this.#problemOf(ack);
    const frame = progress.inFlight[0];
    if (problem !== null || frame === undefined) {
      this.fail(problem ?? 'an ack without a frame', now, random);
      return;
    }
    const learned = progress.learn(ack.bootId, ack.length, frame.asked);
    progress.inFlight.shift();
    progress.lastSeenAt = now;
    progress.quietSince = now;
    progress.wasExcused = false;
    if (learned === 'new-life') this.#noteNewLife();
    // The first ack of an exchange may tell of any place: the next frame goes there. After that
    // frames build on each other, and an ack that falls short of its frame says they no longer do.
    const isLanded = ack.length >= frame.to && learned !== 'new-life';
    if (isLanded || (progress.probing && learned !== 'nothing')) {
      if (progress.probing) progress.locate();
      if (isLanded) progress.resetBackoff();
    } else {
      this.fail(`ack of length ${ack.length} for a frame up to ${frame.to}`, now, random);
    }
    this.pump(now);
  }

  /** Ends the exchange as "no answer", whatever the reason, and plans the next attempt. */
  fail(reason: string, now: number, random: number): void {
    const { progress } = this;
    const { backoffBaseMs, backoffMaxMs } = this.#config;
    this.#drop();
    const delayMs = backoffMs(progress.failures + 1, backoffBaseMs, backoffMaxMs, random);
    progress.failed(reason, now, delayMs);
    // Is it gone, or was only the ack lost? A heartbeat tells at once, and repairs the latter.
    // Asked once, not after every failure, so that a node in trouble is not asked ever faster.
    const isFirst = progress.failures === 1;
    if (isFirst && this.status === 'Healthy') this.#heartbeat.hasten(now);
    const { failures } = progress;
    this.#effects.note({
      level: isFirst ? 'warn' : 'debug',
      event: 'replication-failed',
      fields: { secondary: this.id, reason, failures, retryInMs: Math.round(delayMs) },
    });
  }

  /** A heartbeat was answered with something well-formed. */
  heartbeatAnswered(answer: Heartbeat, now: number): void {
    const problem = this.#problemOfHeartbeat(answer);
    if (problem !== null) {
      this.heartbeatMissed(problem, now);
      return;
    }
    const asked = this.#heartbeat.answered();
    if (asked === null) return;
    const { progress } = this;
    const statusBefore = this.status;
    this.#detector.answered();
    progress.lastSeenAt = now;
    progress.nodeId = answer.nodeId;
    const learned = progress.learn(answer.bootId, answer.length, asked);
    if (learned === 'new-life') this.#noteNewLife();
    // A new or shorter life cannot go on with an old exchange, and one towards a node that could
    // not be reached may hang until its time-out: begin anew instead.
    const isStale = learned === 'lowered' || learned === 'new-life';
    const wasAway =
      statusBefore === 'Unhealthy' || (statusBefore === 'Suspected' && progress.probing);
    const mayHang = wasAway && progress.inFlight.length > 0;
    if (isStale || mayHang) this.#drop();
    // Back from where nobody reached it, or found to hold what was thought lost: begin anew. A new
    // life of a node that was never away is worth an attempt now, but no more than that.
    if (statusBefore !== 'Healthy' || learned === 'raised') progress.resetBackoff();
    else if (learned === 'new-life') progress.retryAt = now;
    if (progress.failures === 0) progress.lastError = null;
    this.pump(now);
  }

  /** A heartbeat was not answered, or with nonsense. */
  heartbeatMissed(reason: string, now: number): void {
    if (!this.#heartbeat.missed(now)) return;
    this.#detector.missed();
    this.progress.lastError = reason;
  }

  /** It turned out to be a node that is known by another name: nothing is known of this one. */
  disown(): void {
    this.#drop();
    this.progress.disown();
  }

  /** Does whatever is due. */
  tick(now: number, random: () => number): void {
    if (now >= this.#heartbeat.nextAt) {
      this.#heartbeat.ask(this.progress.asking(now));
      this.#effects.askHeartbeat(this.#index);
    }
    if (now >= this.#exchangeDueAt()) this.#exchangeDue(now, random());
    this.pump(now);
  }

  /** When `tick` has something to do next, in ms; Infinity for never. */
  nextWakeAt(): number {
    return Math.min(this.#heartbeat.nextAt, this.#exchangeDueAt(), this.#attemptAt());
  }

  health(now: number): SecondaryHealth {
    const { acked, failures, lastError, lastSeenAt } = this.progress;
    const attemptAt = this.#attemptAt();
    const hasAttempt = Number.isFinite(attemptAt);
    return {
      id: this.id,
      url: this.#url,
      status: this.status,
      length: acked,
      lag: this.#log.length - acked,
      lastSeenMsAgo: lastSeenAt === null ? null : Math.round(now - lastSeenAt),
      failures,
      nextAttemptInMs: hasAttempt ? Math.max(0, Math.round(attemptAt - now)) : null,
      lastError,
    };
  }

  /** When to open an exchange; Infinity while one is open or nothing is to be sent. */
  #attemptAt(): number {
    const { progress } = this;
    const hasWork = progress.exchange === null && progress.acked < this.#log.length;
    return hasWork ? progress.retryAt : Number.POSITIVE_INFINITY;
  }

  /** When the open exchange has been quiet for too long. */
  #exchangeDueAt(): number {
    const { exchange, inFlight, quietSince } = this.progress;
    if (exchange === null) return Number.POSITIVE_INFINITY;
    return (
      quietSince + (inFlight.length === 0 ? EXCHANGE_IDLE_MS : this.#config.replicationTimeoutMs)
    );
  }

  #exchangeDue(now: number, random: number): void {
    const { progress } = this;
    if (progress.inFlight.length === 0) {
      progress.close();
      this.#effects.restExchange(this.#index);
    } else if (now - this.#exchangeDueAt() > PAUSE_MS && !progress.wasExcused) {
      // The master itself was paused: what the peer sent meanwhile has not been read yet. Once, so
      // that a master that is always late gives up all the same.
      progress.quietSince = now;
      progress.wasExcused = true;
    } else {
      this.fail(`no ack within ${this.#config.replicationTimeoutMs} ms`, now, random);
    }
  }

  /** Cuts the exchange off, without blame. */
  #drop(): void {
    if (this.progress.exchange !== null) this.#effects.dropExchange(this.#index);
    this.progress.close();
  }

  #problemOf(ack: Ack): string | null {
    const { logId, epoch } = this.#config;
    if (ack.logId !== logId) return 'an ack for another log';
    if (ack.epoch !== epoch) return `an ack for epoch ${ack.epoch}, not ${epoch}`;
    if (ack.length <= this.#log.length) return null;
    return `an ack of length ${ack.length}, beyond the log's ${this.#log.length}`;
  }

  #problemOfHeartbeat(answer: Heartbeat): string | null {
    const isVirgin = answer.logId === null && answer.epoch === 0 && answer.length === 0;
    if (isVirgin) return null;
    const { logId } = this.#config;
    if (answer.logId !== logId) return 'log-mismatch: it holds another log';
    return this.#problemOf({ ...answer, logId });
  }

  #noteNewLife(): void {
    const { bootId, acked } = this.progress;
    const fields = { secondary: this.id, bootId, length: acked };
    this.#effects.note({ level: 'info', event: 'secondary-restarted', fields });
  }
}
