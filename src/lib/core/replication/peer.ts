/**
 * One secondary, as the master deals with it: when to open a stream, what to send, which acks and
 * heartbeats to believe, when to give up and when to try again. It knows nothing of the others.
 */

import {
  countStarts,
  type EpochStart,
  type EpochsPart,
  indexOfEpoch,
  WHOLE,
} from '../log/epochs.ts';
import type { Replica } from '../log/replica.ts';
import type { Ack, Heartbeat, HeartbeatRequest, OutgoingFrame, Prepare } from '../protocol.ts';
import type { Ballot } from '../recovery/ballot.ts';
import type { LogEvent } from '../refusal.ts';
import { backoffMs } from './backoff.ts';
import { FailureDetector, type FailureDetectorConfig, type Status } from './failure-detector.ts';
import { frameEnd } from './frame-end.ts';
import { type HeartbeatConfig, HeartbeatSchedule, PAUSE_MS } from './heartbeat.ts';
import { LINGER, type Linger, lingersUntil } from './linger.ts';
import { type Asked, type Learned, Progress, type SentFrame } from './progress.ts';

/** Epochs in one frame. A longer list is sent in several frames, of which only the last has messages. */
export const FRAME_EPOCHS_MAX = 2048;
/** Frames of one stream that may be without an ack. */
export const WINDOW_FRAMES_MAX = 8;
/** How long after the last frame a new committed length is sent in a frame of its own, in ms. */
export const COMMIT_NOTICE_MS = 10;
/** After so many streams in a row without an ack, while heartbeats are answered, a warning is logged. */
export const SILENT_STREAMS_MIN = 2;
/** A stream without work for this long ends; the next append opens another. */
export const STREAM_IDLE_MS = 60_000;

export interface PeerConfig {
  readonly heartbeat: HeartbeatConfig;
  readonly failureDetector: FailureDetectorConfig;
  /** The stream ends when its oldest frame in flight makes no progress for so long, in ms. */
  readonly replicationTimeoutMs: number;
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  /** Bytes of messages in one frame; default `FRAME_MESSAGE_BYTES_MAX`. */
  readonly frameBytesMax?: number;
  /** Epochs in one frame; default `FRAME_EPOCHS_MAX`. */
  readonly frameEpochsMax?: number;
  /** Default `LINGER`. */
  readonly linger?: Linger;
  /** Default `COMMIT_NOTICE_MS`. */
  readonly commitNoticeMs?: number;
}

/** What a peer asks of its environment. Secondaries are named by their index in the configuration. */
export interface PeerEffects {
  /** Open stream number `stream`; its outcome comes back as `acked` or `streamFailed`. */
  openStream(secondary: number, stream: number): void;
  /** Send this frame on the open stream. */
  sendFrame(secondary: number, frame: OutgoingFrame): void;
  /** Close the stream: everything that was sent is acked. */
  closeStream(secondary: number): void;
  /** Abort the stream; none of its outcomes is reported any more. */
  abortStream(secondary: number): void;
  /** Ask for a heartbeat; exactly one `heartbeatAnswered` or `heartbeatMissed` follows. */
  askHeartbeat(secondary: number, request: HeartbeatRequest, timeoutMs: number): void;
  logEvent(event: LogEvent): void;
}

/** What `GET /health` tells of a secondary. */
export interface SecondaryHealth {
  readonly id: string;
  readonly url: string;
  readonly status: Status;
  readonly length: number;
  /** Whether it is complete, by its last heartbeat; false before the first one. */
  readonly complete: boolean;
  /** Up to where entries were sent or are there; not below `length`. */
  readonly sent: number;
  /** How many it has received and does not show, as of its last heartbeat; null if it does not say. */
  readonly held: number | null;
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
  readonly #replica: Replica;
  /** The largest seq that a client waits for; 0 if none does. */
  readonly #lastAwaited: () => number;
  readonly #effects: PeerEffects;
  readonly #detector: FailureDetector;
  readonly #heartbeat: HeartbeatSchedule;
  /** What the master writes, and as who; null until it has recovered. */
  #leadership: Prepare | null = null;
  #held: number | null = null;
  /** Whether its present incarnation is complete, as it said last; null if it does not say. */
  #isComplete: boolean | null = null;
  /** From which length on that incarnation is complete: L of the contract. */
  #completeFrom = 0;
  /** The committed length that was sent last in this stream. */
  #committedTold = 0;
  /** The pause before the next attempt to meet it, should the running one fail, in ms; null if none is running. */
  #meetingDelayMs: number | null = null;
  /** The newest epoch whose starting log it has in full, as this incarnation of it has said. */
  #newest: { readonly bootId: string; readonly ballot: Ballot } | null = null;

  constructor(
    index: number,
    id: string,
    url: string,
    config: PeerConfig,
    replica: Replica,
    lastAwaited: () => number,
    effects: PeerEffects,
  ) {
    this.#index = index;
    this.id = id;
    this.#url = url;
    this.#config = config;
    this.#replica = replica;
    this.#lastAwaited = lastAwaited;
    this.#effects = effects;
    this.#detector = new FailureDetector(config.failureDetector);
    this.#heartbeat = new HeartbeatSchedule(config.heartbeat);
  }

  /**
   * How many of its messages count: none before it has everything that the master had when it took over. An entry of
   * an older epoch could be replaced by one of an epoch in between until then (Raft, figure 8).
   */
  get countedLength(): number {
    const start = this.#replica.newest;
    const { acked } = this.progress;
    return acked >= start.firstSeq - 1 ? acked : 0;
  }

  get status(): Status {
    return this.#detector.status;
  }

  /** Whether it counts for the quorum; a Suspected node does. */
  get isAvailable(): boolean {
    return this.status !== 'Unhealthy';
  }

  /** Whether it is Healthy and still lacks entries that are on their way. */
  get isCatchingUp(): boolean {
    const { stream, acked } = this.progress;
    return this.status === 'Healthy' && stream !== null && acked < this.#replica.log.length;
  }

  /** A candidate polls, or prepares with the leadership: asks what the secondary holds. */
  poll(leadership: Prepare | null, timeoutMs: number, now: number): void {
    this.#ask(leadership, timeoutMs, now);
  }

  /** The outcome of the candidate's question: an answer, or a few words why there is none. */
  pollAnswered(outcome: Heartbeat | string, now: number): void {
    const { progress } = this;
    if (typeof outcome === 'string') {
      this.#heartbeat.missed(now);
      this.#detector.missed();
      progress.lastError = outcome;
      return;
    }
    const asked = this.#heartbeat.answered();
    if (asked === null) return;
    this.#detector.answered();
    progress.lastSeenAt = now;
    progress.lastError = null;
    this.#learn(outcome, false, asked);
  }

  /** The master has recovered: from now on its log goes to the secondary. */
  begin(leadership: Prepare, answer: Heartbeat | undefined, now: number): void {
    this.#leadership = leadership;
    // An incarnation that was met before is complete once it has the log that was taken over.
    this.#completeFrom = this.#replica.log.length;
    const problem = answer === undefined ? null : this.#problemOfHeartbeat(answer);
    if (problem !== null) {
      this.#detector.forgetIdentity();
      this.progress.lastError = problem;
    } else if (answer?.length === 0 && answer.prepareReply === null) {
      // It has no entries that could differ, and sends no prepare reply.
      this.progress.isLogMatched = true;
    }
    this.pump(now);
  }

  /** The master is fenced: what it knows about the secondary is outdated. */
  end(): void {
    this.forgetIdentity();
    this.#leadership = null;
  }

  /**
   * Opens a stream if there is work and it is time, and fills its window. With `isFullOnly` only full frames are sent;
   * otherwise also one that is not full, if its linger time is over.
   */
  pump(now: number, isFullOnly = false): void {
    const { progress } = this;
    const { log } = this.#replica;
    if (this.#leadership === null) return;
    // A stream is for one incarnation, so that must be known first.
    if (now >= this.#attemptAt() && progress.bootId !== null) {
      this.#committedTold = 0;
      this.#effects.openStream(this.#index, progress.open(now, this.#sharedEpochs()));
    }
    if (progress.stream !== null && progress.probing) this.#tellEpochs(now);
    if (progress.stream !== null && progress.isFresh && progress.mustCompare) {
      this.#send(progress.next - 1, now);
    }
    while (progress.maySend(log.length, WINDOW_FRAMES_MAX)) {
      const to = this.#frameEnd();
      const isFull = to < log.length;
      if (!isFull && (isFullOnly || now < this.#lingersUntil())) return;
      this.#send(to, now);
    }
    if (!isFullOnly && now >= this.#commitNoticeAt()) this.#send(progress.next - 1, now);
  }

  /**
   * When to send the committed length in a frame without entries; Infinity if the secondary knows it, if another frame
   * is on its way or comes soon, or if it does not understand it.
   */
  #commitNoticeAt(): number {
    const { stream, inFlight, probing, sentAt, next } = this.progress;
    const { committed, log } = this.#replica;
    const isIdle = stream !== null && !probing && inFlight.length === 0 && next > log.length;
    const isNews = committed > this.#committedTold && this.#isComplete !== null;
    if (!isIdle || !isNews) return Number.POSITIVE_INFINITY;
    return sentAt + (this.#config.commitNoticeMs ?? COMMIT_NOTICE_MS);
  }

  /** When a frame that is not full may go. */
  #lingersUntil(): number {
    const { sentAt, inFlight, next } = this.progress;
    const isAwaited = this.#lastAwaited() >= next;
    return lingersUntil(this.#config.linger ?? LINGER, sentAt, inFlight.length, isAwaited);
  }

  /** The last seq of the next frame: never in the middle of a keyed append. */
  #frameEnd(): number {
    const { log, keys } = this.#replica;
    return frameEnd(log, keys, this.progress.next, log.length, this.#config.frameBytesMax);
  }

  #send(to: number, now: number): void {
    const { progress } = this;
    const from = progress.next;
    const offset = progress.isFresh ? progress.epochsTold : 0;
    const { epochs } = this.#replica.log;
    const told = progress.isFresh ? (offset === 0 ? epochs : epochs.slice(offset)) : null;
    progress.sent(to, now);
    this.#committedTold = this.#replica.committed;
    const part = offset === 0 ? WHOLE : { offset, hasMore: false };
    this.#effects.sendFrame(this.#index, this.#frame(from, to, told, part));
  }

  /** A frame with epochs says as well for which incarnation it is, and from which length on that is complete. */
  #frame(
    from: number,
    to: number,
    epochs: readonly EpochStart[] | null,
    part: EpochsPart,
  ): OutgoingFrame {
    const { logId, epoch, writer } = this.#leadership as Prepare;
    const { log, keys, committed } = this.#replica;
    const frame = { logId, epoch, writer, committed, log, keys, from, to, epochs, part };
    if (epochs === null) return frame;
    return { ...frame, bootId: this.progress.bootId as string, completeFrom: this.#completeFrom };
  }

  /** Sends all parts but the last of a list of epochs that does not fit one frame; the last one goes with entries. */
  #tellEpochs(now: number): void {
    const { progress } = this;
    const { epochs } = this.#replica.log;
    const countMax = this.#epochsMax;
    while (
      epochs.length - progress.epochsTold > countMax &&
      progress.inFlight.length < WINDOW_FRAMES_MAX
    ) {
      const offset = progress.epochsTold;
      const to = progress.next - 1;
      progress.epochsTold += countMax;
      progress.sent(to, now, true);
      const starts = epochs.slice(offset, progress.epochsTold);
      const part = { offset, hasMore: true };
      this.#effects.sendFrame(this.#index, this.#frame(to + 1, to, starts, part));
    }
  }

  get #epochsMax(): number {
    return this.#config.frameEpochsMax ?? FRAME_EPOCHS_MAX;
  }

  /** How many of our epochs need not be sent: as far as we know, it has them and the one behind them. */
  #sharedEpochs(): number {
    const { acked, isLogMatched, bootId, failures } = this.progress;
    const { epochs } = this.#replica.log;
    // What we know may be outdated, so after a failure every other attempt sends the whole list.
    if (epochs.length <= this.#epochsMax || failures % 2 === 1) return 0;
    if (isLogMatched) return Math.max(0, countStarts(epochs, acked) - 1);
    if (this.#newest === null || this.#newest.bootId !== bootId) return 0;
    return Math.max(0, indexOfEpoch(epochs, this.#newest.ballot));
  }

  /** Records the newest epoch whose starting log an incarnation of it has in full. */
  #stands({ bootId, prepareReply }: Heartbeat): void {
    if (prepareReply === null) return;
    const { lastEpoch: epoch, lastWriter: writer } = prepareReply;
    this.#newest = { bootId, ballot: { epoch, writer } };
  }

  /** An ack arrived on the open stream. */
  acked(ack: Ack, now: number, random: number): void {
    const { progress } = this;
    const frame = progress.inFlight[0];
    const problem = this.#problemOf(ack);
    const { isLogMatched = true } = ack;
    if (problem !== null || frame === undefined || frame.isPartial === isLogMatched) {
      this.fail(problem ?? 'an ack without a frame', now, random);
      return;
    }
    const { isPartial, asked } = frame;
    const { acked, probing } = progress;
    const learned = progress.learn(ack.bootId, ack.length, isLogMatched, asked);
    // This ack has most likely made it complete: ask it once.
    const mayBeComplete = isLogMatched && ack.length >= this.#completeFrom;
    const isNews = mayBeComplete && (probing || acked < this.#completeFrom);
    if (isNews && this.#isComplete === false) this.#heartbeat.hasten(now);
    if (learned === 'new-incarnation') this.#met();
    progress.inFlight.shift();
    progress.lastSeenAt = now;
    progress.quietSince = now;
    progress.wasExcused = false;
    if (learned === 'new-incarnation') this.#logRestart();
    if (isPartial) {
      progress.mute = 0;
      this.pump(now, true);
      return;
    }
    // The first ack of a stream may tell any length: the next frame begins there. After that each frame continues the
    // one before, and an ack that falls short of its frame ends the stream.
    const isLanded = ack.length >= frame.to && learned !== 'new-incarnation';
    if (isLanded || (progress.probing && learned !== 'nothing')) {
      if (progress.probing) progress.locate();
      if (isLanded) progress.resetBackoff();
    } else {
      this.fail(`ack of length ${ack.length} for a frame up to ${frame.to}`, now, random);
    }
    // The clients that are answered now may append again at once: the next `flush` sends that along.
    this.pump(now, true);
  }

  /** The connection of the open stream has taken bytes that were waiting. */
  advanced(now: number): void {
    this.progress.advanced(now);
  }

  /**
   * Ends the stream as "no answer", whatever the reason, and plans the next attempt.
   *
   * @param isRestarted it was refused because it was for an incarnation that is over
   */
  fail(reason: string, now: number, random: number, isRestarted = false): void {
    this.#drop();
    this.#failed(reason, now, this.#backoffMs(random));
    // The new incarnation must be met first.
    if (isRestarted) this.#heartbeat.hasten(now);
  }

  #backoffMs(random: number): number {
    const { backoffBaseMs, backoffMaxMs } = this.#config;
    return backoffMs(this.progress.failures + 1, backoffBaseMs, backoffMaxMs, random);
  }

  #failed(reason: string, now: number, delayMs: number): void {
    const { progress } = this;
    progress.failed(reason, now, delayMs);
    // A heartbeat tells whether the node is gone or only the ack was lost, and repairs the latter. It is asked once and
    // not after every failure, so that a node in trouble is not asked ever faster.
    const isFirst = progress.failures === 1;
    if (isFirst && this.status === 'Healthy') this.#heartbeat.hasten(now);
    const { failures } = progress;
    this.#effects.logEvent({
      level: isFirst ? 'warn' : 'debug',
      event: 'replication-failed',
      fields: { secondary: this.id, reason, failures, retryInMs: Math.round(delayMs) },
    });
  }

  /** A heartbeat was answered with something well-formed. */
  heartbeatAnswered(answer: Heartbeat, now: number): void {
    const problem = this.#problemOfHeartbeat(answer);
    if (problem !== null) {
      // It may have held entries of ours in an earlier run, but does not now.
      if (answer.logId !== this.#leadership?.logId) this.forgetIdentity();
      this.heartbeatMissed(problem, now);
      return;
    }
    const asked = this.#heartbeat.answered();
    if (asked === null) return;
    this.#meetingDelayMs = null;
    const { progress } = this;
    const statusBefore = this.status;
    this.#detector.answered();
    progress.lastSeenAt = now;
    this.#held = answer.held ?? null;
    const learned = this.#learn(answer, this.#isLogMatched(answer), asked);
    if (learned === 'new-incarnation') this.#logRestart();
    const { receivedBytes = 0 } = answer;
    const isArriving = receivedBytes > progress.receivedBytes;
    if (isArriving) progress.advanced(now);
    progress.receivedBytes = receivedBytes;
    // A new or shorter incarnation cannot go on with an old stream, and one towards a node that could
    // not be reached may hang until its time-out: begin anew instead.
    const isStale = learned === 'lowered' || learned === 'new-incarnation';
    const wasAway =
      statusBefore === 'Unhealthy' || (statusBefore === 'Suspected' && progress.probing);
    const mayHang = wasAway && progress.inFlight.length > 0 && !isArriving;
    if (isStale || mayHang) this.#drop();
    // Back from where nobody reached it, or found to hold what was thought lost: begin anew. A new
    // incarnation of a node that was never away is worth an attempt now, but no more than that.
    if (statusBefore !== 'Healthy' || learned === 'raised') progress.resetBackoff();
    else if (learned === 'new-incarnation') progress.retryAt = now;
    if (progress.failures === 0) progress.lastError = null;
    this.pump(now);
  }

  /** A heartbeat was not answered, or with nonsense. */
  heartbeatMissed(reason: string, now: number): void {
    const meetingDelayMs = this.#meetingDelayMs;
    this.#meetingDelayMs = null;
    if (meetingDelayMs !== null) this.#failed(reason, now, meetingDelayMs);
    if (!this.#heartbeat.missed(now)) return;
    this.#detector.missed();
    this.#held = null;
    this.progress.lastError = reason;
  }

  /** Asks for a heartbeat; with the leadership only who is known, for it is made to one incarnation. */
  #ask(leadership: Prepare | null, timeoutMs: number, now: number): void {
    const { progress } = this;
    const { bootId } = progress;
    this.#heartbeat.ask(progress.asking(now));
    const isWriting = this.#leadership !== null && bootId !== null;
    this.#effects.askHeartbeat(
      this.#index,
      {
        prepare: bootId === null ? null : leadership,
        bootId,
        completeFrom: isWriting ? this.#completeFrom : null,
        committed: isWriting ? this.#replica.committed : 0,
      },
      timeoutMs,
    );
  }

  /** Takes note of what an answer says, of which incarnation. */
  #learn(answer: Heartbeat, isLogMatched: boolean, asked: Asked): Learned {
    const { progress } = this;
    this.#stands(answer);
    const learned = progress.learn(answer.bootId, answer.length, isLogMatched, asked);
    if (learned === 'met' || learned === 'new-incarnation') this.#met();
    if (progress.bootId !== answer.bootId) return learned;
    progress.nodeId = answer.nodeId;
    this.#isComplete = answer.prepareReply?.isComplete ?? null;
    return learned;
  }

  /** "For every bootId it meets, L is the larger of its own length then and when it took over." */
  #met(): void {
    this.#completeFrom = this.#replica.log.length;
    this.#isComplete = null;
  }

  /** It turned out to be a node that is known by another name: nothing is known of this one. */
  forgetIdentity(): void {
    this.#drop();
    this.progress.forgetIdentity();
    this.#isComplete = null;
  }

  /** Does whatever is due. */
  tick(now: number, random: () => number): void {
    const mustMeet = this.progress.bootId === null && now >= this.#attemptAt();
    if (mustMeet) {
      this.#heartbeat.hasten(now);
      this.#meetingDelayMs = this.#backoffMs(random());
    }
    if (now >= this.#heartbeat.nextAt) {
      this.#ask(this.#leadership, this.#config.heartbeat.timeoutMs, now);
    }
    if (now >= this.#streamDueAt()) this.#streamDue(now, random());
    this.pump(now);
  }

  /** When `tick` has something to do next, in ms; Infinity for never. */
  nextWakeAt(): number {
    const frameAt = this.progress.maySend(this.#replica.log.length, WINDOW_FRAMES_MAX)
      ? this.#lingersUntil()
      : Number.POSITIVE_INFINITY;
    return Math.min(
      this.#heartbeat.nextAt,
      this.#streamDueAt(),
      this.#attemptAt(),
      frameAt,
      this.#commitNoticeAt(),
    );
  }

  health(now: number): SecondaryHealth {
    const { acked, stream, next, failures, lastError, lastSeenAt } = this.progress;
    const attemptAt = this.#attemptAt();
    const hasAttempt = Number.isFinite(attemptAt);
    return {
      id: this.id,
      url: this.#url,
      status: this.status,
      length: acked,
      complete: this.#isComplete === true,
      sent: stream === null ? acked : Math.max(acked, next - 1),
      held: this.#held,
      lag: this.#replica.log.length - acked,
      lastSeenMsAgo: lastSeenAt === null ? null : Math.round(now - lastSeenAt),
      failures,
      nextAttemptInMs: hasAttempt ? Math.max(0, Math.round(attemptAt - now)) : null,
      lastError,
    };
  }

  /**
   * When to open a stream, or to meet whom it would be for; Infinity while one is open, while that is
   * being asked, or if nothing is to be sent.
   */
  #attemptAt(): number {
    const { progress } = this;
    const isBehind = progress.acked < this.#replica.log.length || progress.mustCompare;
    const isAsking = progress.bootId === null && this.#heartbeat.isAsking;
    const hasWork = progress.stream === null && isBehind && !isAsking;
    return hasWork ? progress.retryAt : Number.POSITIVE_INFINITY;
  }

  /** When the open stream has been quiet for too long. */
  #streamDueAt(): number {
    const { stream, inFlight, quietSince } = this.progress;
    if (stream === null) return Number.POSITIVE_INFINITY;
    if (inFlight.length === 0) return quietSince + STREAM_IDLE_MS;
    return quietSince + this.progress.patienceMs(this.#config.replicationTimeoutMs);
  }

  #streamDue(now: number, random: number): void {
    const { progress } = this;
    if (progress.inFlight.length === 0) {
      progress.close();
      this.#effects.closeStream(this.#index);
    } else if (now - this.#streamDueAt() > PAUSE_MS && !progress.wasExcused) {
      // The master itself was paused: what the peer sent meanwhile has not been read yet. Once, so
      // that a master that is always late gives up all the same.
      progress.quietSince = now;
      progress.wasExcused = true;
    } else {
      this.fail(this.#reasonOfSilence(), now, random);
    }
  }

  /** Why the open stream has to end that was quiet for too long. */
  #reasonOfSilence(): string {
    const { progress } = this;
    const ms = Math.round(progress.patienceMs(this.#config.replicationTimeoutMs));
    const reason = `no ack within ${ms} ms`;
    const { asked } = progress.inFlight[0] as SentFrame;
    const isHeard = progress.lastSeenAt !== null && progress.lastSeenAt > asked.at;
    if (!progress.probing || !isHeard) return reason;
    progress.mute += 1;
    if (progress.mute < SILENT_STREAMS_MIN) return reason;
    const told = `${reason}, again, though heartbeats are answered: does a proxy buffer request bodies?`;
    if (progress.mute === SILENT_STREAMS_MIN) {
      const fields = { secondary: this.id, reason: told };
      this.#effects.logEvent({ level: 'warn', event: 'frames-not-answered', fields });
    }
    return told;
  }

  /** Cuts the stream off, without blame. */
  #drop(): void {
    if (this.progress.stream !== null) this.#effects.abortStream(this.#index);
    this.progress.close();
  }

  #problemOf(ack: Ack): string | null {
    const { logId, epoch } = this.#leadership as Prepare;
    if (ack.logId !== logId) return 'an ack for another log';
    if (ack.epoch !== epoch) return `an ack for epoch ${ack.epoch}, not ${epoch}`;
    // One that was not compared yet may be longer: it will be cut.
    return ack.isLogMatched === false ? null : this.#problemOfLength(ack.length);
  }

  #problemOfHeartbeat(answer: Heartbeat): string | null {
    const isEmpty = answer.logId === null && answer.epoch === 0 && answer.length === 0;
    if (isEmpty) return null;
    const { logId } = this.#leadership as Prepare;
    // Who has only heard of another log, and taken no frame of it, follows this one.
    const hasNone = answer.prepareReply?.lastEpoch === 0 && answer.length === 0;
    if (answer.logId !== logId) return hasNone ? null : 'log-mismatch: it holds another log';
    return this.#isLogMatched(answer) ? this.#problemOfLength(answer.length) : null;
  }

  #problemOfLength(length: number): string | null {
    const own = this.#replica.log.length;
    return length <= own ? null : `it says it has ${length} messages of a log of ${own}`;
  }

  /** Whether what it holds was compared with our log; one that does not say so has heard our epoch. */
  #isLogMatched({ epoch, length, prepareReply }: Heartbeat): boolean {
    return (
      prepareReply?.isLogMatched ?? (length === 0 || epoch === (this.#leadership as Prepare).epoch)
    );
  }

  #logRestart(): void {
    const { bootId, acked } = this.progress;
    const fields = { secondary: this.id, bootId, length: acked };
    this.#effects.logEvent({ level: 'info', event: 'secondary-restarted', fields });
  }
}
