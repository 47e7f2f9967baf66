/**
 * One secondary, as the master deals with it: when to open a stream, which acks and heartbeats to believe, when to
 * give up and when to try again. It knows nothing of the others.
 *
 * Its state: UNKNOWN, which incarnation answers is to be asked first; IDLE, nothing to send; BACKOFF, the next attempt is
 * not due yet; PROBE and REPLICATE, a stream is open (`outgoing-stream.ts`).
 */

import { type Answered, NEVER_ANSWERED, type Questions } from '../election/questions.ts';
import type { Replica } from '../log/replica.ts';
import type { Ack, Heartbeat, OutgoingFrame, Prepare } from '../protocol.ts';
import { type Ballot, compareBallots } from '../recovery/ballot.ts';
import { ballotOf } from '../recovery/best-log.ts';
import { Attempts } from './attempts.ts';
import { FailureDetector, type Status } from './failure-detector.ts';
import { HeartbeatSchedule } from './heartbeat.ts';
import { OutgoingStream } from './outgoing-stream.ts';
import type { PeerConfig, PeerEffects, SecondaryHealth } from './peer-ports.ts';
import { type Asked, type Learned, Progress } from './progress.ts';
import { isLogMatched, problemOfAck, problemOfHeartbeat } from './statements.ts';

export class Peer {
  readonly id: string;
  readonly progress: Progress;
  readonly #index: number;
  readonly #url: string;
  readonly #config: PeerConfig;
  readonly #replica: Replica;
  readonly #lastAwaited: () => number;
  readonly #effects: PeerEffects;
  readonly #detector: FailureDetector;
  readonly #heartbeat: HeartbeatSchedule;
  readonly #attempts: Attempts;
  readonly #questions: Questions;
  /** The number of the question that was asked last. */
  #asked = 0;
  /** The ballot that is handed over to it; undefined if none is. */
  #offered: Ballot | undefined;
  /** The last question that this incarnation has answered. */
  #answered = NEVER_ANSWERED;
  /** The last question that was asked, of anybody, before this incarnation was met. */
  #metAfter = 0;
  /** What the candidate has asked it to promise; null while it polls. */
  #asksFor: Prepare | null = null;
  /** What the master writes, and as who; null until it has recovered. */
  #leadership: Prepare | null = null;
  #stream: OutgoingStream | null = null;
  /** How many streams were opened. */
  #streams = 0;
  /** The pause before the next attempt to meet it, should the running one fail, in ms; null if none is running. */
  #meetingDelayMs: number | null = null;
  /** When the secondary last said something well-formed; null for never. */
  #lastSeenAt: number | null = null;
  #held: number | null = null;

  /** @param lastAwaited gives the largest seq that a client waits for; 0 if none does */
  constructor(
    index: number,
    id: string,
    url: string,
    config: PeerConfig,
    replica: Replica,
    lastAwaited: () => number,
    questions: Questions,
    effects: PeerEffects,
  ) {
    this.#index = index;
    this.id = id;
    this.#url = url;
    this.#config = config;
    this.#replica = replica;
    this.progress = new Progress(() => replica.log.length, config.needsAdmission);
    this.#questions = questions;
    this.#lastAwaited = lastAwaited;
    this.#effects = effects;
    this.#detector = new FailureDetector(config.failureDetector);
    this.#heartbeat = new HeartbeatSchedule(config.heartbeat);
    this.#attempts = new Attempts(id, config, (event) => effects.logEvent(event));
  }

  /**
   * How many of its messages count: none before it has everything that the master had when it took over. An entry of
   * an older epoch could be replaced by one of an epoch in between until then (Raft, figure 8).
   */
  get countedLength(): number {
    const start = this.#replica.newest;
    const { acked } = this.progress;
    return acked >= start.firstSeq - 1 && this.progress.isVoter ? acked : 0;
  }

  /** The last question that it has answered; it has promised no newer ballot when it was asked. */
  get answered(): Answered {
    return this.#answered;
  }

  /** The last question that was asked, of anybody, before this incarnation was met. */
  get metAfter(): number {
    return this.#metAfter;
  }

  /** Whether it is Healthy and complete, and holds all entries up to `length`. */
  mayTakeOver(length: number): boolean {
    const { isComplete } = this.progress;
    return this.status === 'Healthy' && isComplete === true && this.countedLength >= length;
  }

  /** Tells it, with the next question, that it may stand by the handover of this ballot. */
  offerHandover(ballot: Ballot, now: number): void {
    this.#offered = { epoch: ballot.epoch, writer: ballot.writer };
    this.#heartbeat.hasten(now);
  }

  /** The handover is over: what it was not told of it yet it is not told any more. */
  withdrawHandover(): void {
    this.#offered = undefined;
  }

  /** Asks it a new question at once; if one is open, when that is over. */
  wantAnswer(now: number): void {
    this.#heartbeat.hasten(now);
  }

  get status(): Status {
    return this.#detector.status;
  }

  /** Whether it counts for the quorum; a Suspected node does. */
  get isAvailable(): boolean {
    return this.status !== 'Unhealthy';
  }

  /** Whether `stream` is the number of the stream that is open. */
  hasStream(stream: number): boolean {
    return this.#stream?.number === stream;
  }

  /** Whether it is Healthy and still lacks entries that are on their way. */
  get isCatchingUp(): boolean {
    const isBehind = this.progress.acked < this.#replica.log.length;
    return this.status === 'Healthy' && this.#stream !== null && isBehind;
  }

  /** A candidate polls, or prepares with the leadership: asks what the secondary holds. */
  poll(leadership: Prepare | null, timeoutMs: number, now: number, handover?: Ballot): void {
    this.#asksFor = leadership;
    this.#ask(leadership, timeoutMs, now, handover);
  }

  /** The outcome of the candidate's question: an answer, or a few words why there is none. */
  pollAnswered(outcome: Heartbeat | string, now: number): void {
    if (typeof outcome === 'string') {
      this.#heartbeat.missed(now);
      this.#detector.missed();
      this.#attempts.lastError = outcome;
      return;
    }
    const asked = this.#heartbeat.answered();
    if (asked === null) return;
    this.#detector.answered();
    this.#lastSeenAt = now;
    this.#attempts.lastError = null;
    const learned = this.#learn(outcome, false, asked);
    // Who was met before and promises now has promised no newer ballot, as one that answers a master.
    const ballot = this.#asksFor;
    const isPromise = ballot !== null && compareBallots(ballotOf(outcome), ballot) === 0;
    if (learned === 'nothing' && isPromise) {
      this.#answered = { question: this.#asked, askedAt: asked.at };
    }
  }

  /** The master has recovered: from now on its log goes to the secondary. */
  begin(leadership: Prepare, answer: Heartbeat | undefined, now: number): void {
    this.#leadership = leadership;
    // An incarnation that was met before is complete once it has the log that was taken over.
    this.progress.completeFrom = this.#replica.log.length;
    const problem = problemOfHeartbeat(answer, leadership, this.#replica.log.length);
    if (problem !== null) {
      this.#detector.forgetIdentity();
      this.#attempts.lastError = problem;
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
    if (this.#leadership === null) return;
    // A stream is for one incarnation, so that must be known first.
    if (now >= this.#attemptAt() && this.progress.bootId !== null) {
      this.#open(this.#leadership, now);
    }
    this.#stream?.fill(now, isFullOnly);
  }

  #open(leadership: Prepare, now: number): void {
    this.#streams += 1;
    // What is known of its epochs may be outdated, so after a failure every other attempt tells all of them.
    const tellsAllEpochs = this.#attempts.failures % 2 === 1;
    const context = {
      config: this.#config,
      leadership,
      replica: this.#replica,
      progress: this.progress,
      lastAwaited: this.#lastAwaited,
      sendFrame: (frame: OutgoingFrame) => this.#effects.sendFrame(this.#index, frame),
    };
    this.#stream = new OutgoingStream(this.#streams, context, tellsAllEpochs, now);
    this.#effects.openStream(this.#index, this.#streams);
  }

  /** An ack arrived on the open stream. */
  acked(ack: Ack, now: number, random: number): void {
    const { progress } = this;
    const stream = this.#stream as OutgoingStream;
    const frame = stream.inFlight[0];
    const problem = problemOfAck(ack, this.#leadership as Prepare, this.#replica.log.length);
    const { isLogMatched = true } = ack;
    if (problem !== null || frame === undefined || frame.isPartial === isLogMatched) {
      this.fail(problem ?? 'an ack without a frame', now, random);
      return;
    }
    const { acked, completeFrom } = progress;
    const learned = progress.learn(ack.bootId, ack.length, isLogMatched, frame.asked);
    this.#meet(learned);
    // This ack has most likely made it complete: ask it once.
    const mayBeComplete = isLogMatched && ack.length >= completeFrom;
    const isNews = mayBeComplete && (stream.isProbing || acked < completeFrom);
    if (isNews && progress.isComplete === false) this.#heartbeat.hasten(now);
    stream.acked(now);
    this.#lastSeenAt = now;
    if (learned === 'new-incarnation') this.#logRestart();
    // The first ack of a stream may tell any length: the next frame begins there. After that each frame continues the
    // one before, and an ack that falls short of its frame ends the stream.
    const isLanded = ack.length >= frame.to && learned !== 'new-incarnation';
    const isLocated = stream.isProbing && learned !== 'nothing';
    if (frame.isPartial) {
      this.#attempts.heard();
    } else if (isLanded || isLocated) {
      this.#attempts.heard();
      stream.replicate();
      if (isLanded) this.#attempts.reset();
    } else {
      this.fail(`ack of length ${ack.length} for a frame up to ${frame.to}`, now, random);
    }
    // The clients that are answered now may append again at once: the next `flush` sends that along.
    this.pump(now, true);
  }

  /** The connection of the open stream has taken bytes that were waiting. */
  advanced(now: number): void {
    this.#stream?.advanced(now);
  }

  /**
   * Ends the stream as "no answer", whatever the reason, and plans the next attempt.
   *
   * @param isRestarted it was refused because it was for an incarnation that is over
   */
  fail(reason: string, now: number, random: number, isRestarted = false): void {
    this.#abort();
    this.#failed(reason, now, this.#attempts.delayMs(random));
    // The new incarnation must be met first.
    if (isRestarted) this.#heartbeat.hasten(now);
  }

  #failed(reason: string, now: number, delayMs: number): void {
    this.#attempts.failed(reason, now, delayMs);
    // A heartbeat tells whether the node is gone or only the ack was lost, and repairs the latter. It is asked once and
    // not after every failure, so that a node in trouble is not asked ever faster.
    const isFirst = this.#attempts.failures === 1;
    if (isFirst && this.status === 'Healthy') this.#heartbeat.hasten(now);
  }

  /** A heartbeat was answered with something well-formed. */
  heartbeatAnswered(answer: Heartbeat, now: number): void {
    const leadership = this.#leadership as Prepare;
    const problem = problemOfHeartbeat(answer, leadership, this.#replica.log.length);
    if (problem !== null) {
      // It may have held entries of ours in an earlier run, but does not now.
      if (answer.logId !== leadership.logId) this.forgetIdentity();
      this.heartbeatMissed(problem, now);
      return;
    }
    const asked = this.#heartbeat.answered();
    if (asked === null) return;
    this.#meetingDelayMs = null;
    const statusBefore = this.status;
    this.#detector.answered();
    this.#lastSeenAt = now;
    this.#held = answer.held ?? null;
    const learned = this.#learn(answer, isLogMatched(answer, leadership), asked);
    if (learned === 'new-incarnation') this.#logRestart();
    const isNew = learned === 'met' || learned === 'new-incarnation';
    // A member was only polled until it was met: it learns now who the master is.
    if (isNew && this.#config.needsAdmission) this.#heartbeat.hasten(now);
    const isArriving = this.#isArriving(answer, now);
    // A new or shorter incarnation cannot go on with an old stream, and one towards a node that could
    // not be reached may hang until its time-out: begin anew instead.
    const isStale = learned === 'lowered' || learned === 'new-incarnation';
    if (isStale || (!isArriving && this.#mayHang(statusBefore))) this.#abort();
    // Back from where nobody reached it, or found to hold what was thought lost: begin anew. A new
    // incarnation of a node that was never away is worth an attempt now, but no more than that.
    if (statusBefore !== 'Healthy' || learned === 'raised') this.#attempts.reset();
    else if (learned === 'new-incarnation') this.#attempts.retryAt = now;
    if (this.#attempts.failures === 0) this.#attempts.lastError = null;
    this.#answered = { question: this.#asked, askedAt: asked.at };
    this.pump(now);
  }

  /** Whether it has received more of the frames that are on their way. */
  #isArriving({ receivedBytes = 0 }: Heartbeat, now: number): boolean {
    const isArriving = receivedBytes > this.progress.receivedBytes;
    if (isArriving) this.advanced(now);
    this.progress.receivedBytes = receivedBytes;
    return isArriving;
  }

  /** Whether what was sent before it was heard again may never arrive. */
  #mayHang(statusBefore: Status): boolean {
    if (this.#stream === null || this.#stream.inFlight.length === 0) return false;
    return statusBefore === 'Unhealthy' || (statusBefore === 'Suspected' && this.#stream.isProbing);
  }

  /** A heartbeat was not answered, or with nonsense. */
  heartbeatMissed(reason: string, now: number): void {
    const meetingDelayMs = this.#meetingDelayMs;
    this.#meetingDelayMs = null;
    if (meetingDelayMs !== null) this.#failed(reason, now, meetingDelayMs);
    if (!this.#heartbeat.missed(now)) return;
    this.#detector.missed();
    this.#held = null;
    this.#attempts.lastError = reason;
  }

  /** Asks for a heartbeat; with the leadership only who is known, for it is made to one incarnation. */
  #ask(leadership: Prepare | null, timeoutMs: number, now: number, handover = this.#offered): void {
    const { progress } = this;
    this.#offered = undefined;
    this.#asked = this.#questions.next();
    const { bootId } = progress;
    this.#heartbeat.ask(progress.asking(now));
    const isWriting = this.#leadership !== null && bootId !== null;
    const request = {
      prepare: bootId === null ? null : leadership,
      bootId,
      completeFrom: isWriting ? progress.completeFromTold : null,
      committed: isWriting ? this.#replica.committed : 0,
      ...(this.#isCandidate ? { isCandidate: true } : {}),
      ...(handover === undefined ? {} : { handover }),
    };
    this.#effects.askHeartbeat(this.#index, request, timeoutMs);
  }

  /** Whether it asks for a candidate of an election. */
  get #isCandidate(): boolean {
    return this.#config.needsAdmission === true && this.#leadership === null;
  }

  /** Takes note of what an answer says, of which incarnation. */
  #learn(answer: Heartbeat, isLogMatched: boolean, asked: Asked): Learned {
    const { progress } = this;
    const learned = progress.learn(answer.bootId, answer.length, isLogMatched, asked);
    this.#meet(learned);
    if (progress.bootId !== answer.bootId) return learned;
    const { nodeId, prepareReply } = answer;
    progress.nodeId = nodeId;
    progress.isComplete = prepareReply?.isComplete ?? null;
    if (prepareReply !== null) {
      progress.newest = { epoch: prepareReply.lastEpoch, writer: prepareReply.lastWriter };
    }
    return learned;
  }

  #meet(learned: Learned): void {
    if (learned !== 'met' && learned !== 'new-incarnation') return;
    this.#metAfter = this.#questions.last;
    // A handover was offered to the run before.
    this.#offered = undefined;
  }

  /** It turned out to be a node that is known by another name: nothing is known of this one. */
  forgetIdentity(): void {
    this.#answered = NEVER_ANSWERED;
    this.#abort();
    this.progress.forgetIdentity();
  }

  /** Does whatever is due. */
  tick(now: number, random: () => number): void {
    const mustMeet = this.progress.bootId === null && now >= this.#attemptAt();
    if (mustMeet) {
      this.#heartbeat.hasten(now);
      this.#meetingDelayMs = this.#attempts.delayMs(random());
    }
    if (now >= this.#heartbeat.nextAt) {
      this.#ask(this.#leadership, this.#config.heartbeat.timeoutMs, now);
    }
    const stream = this.#stream;
    if (stream !== null && now >= stream.quietUntil) this.#endQuiet(stream, now, random());
    this.pump(now);
  }

  /** When `tick` has something to do next, in ms; Infinity for never. */
  nextWakeAt(): number {
    const { quietUntil = Number.POSITIVE_INFINITY, frameAt = Number.POSITIVE_INFINITY } =
      this.#stream ?? {};
    return Math.min(this.#heartbeat.nextAt, this.#attemptAt(), quietUntil, frameAt);
  }

  health(now: number): SecondaryHealth {
    const { acked, isComplete } = this.progress;
    const attemptInMs = Math.max(0, Math.round(this.#attemptAt() - now));
    return {
      id: this.id,
      url: this.#url,
      status: this.status,
      length: acked,
      complete: isComplete === true,
      sent: this.#stream === null ? acked : this.#stream.next - 1,
      held: this.#held,
      lag: this.#replica.log.length - acked,
      lastSeenMsAgo: this.#lastSeenAt === null ? null : Math.round(now - this.#lastSeenAt),
      failures: this.#attempts.failures,
      nextAttemptInMs: Number.isFinite(attemptInMs) ? attemptInMs : null,
      lastError: this.#attempts.lastError,
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
    const hasWork = this.#stream === null && isBehind && !isAsking;
    return hasWork ? this.#attempts.retryAt : Number.POSITIVE_INFINITY;
  }

  /** Ends a stream that was quiet for too long, unless the master itself was paused. */
  #endQuiet(stream: OutgoingStream, now: number, random: number): void {
    const [oldest] = stream.inFlight;
    if (oldest === undefined) {
      this.#stream = null;
      this.#effects.closeStream(this.#index);
    } else if (!stream.isExcused(now)) {
      const reason = `no ack within ${Math.round(stream.patienceMs)} ms`;
      const isHeard = this.#lastSeenAt !== null && this.#lastSeenAt > oldest.asked.at;
      const isSilent = stream.isProbing && isHeard;
      this.fail(isSilent ? this.#attempts.silent(reason) : reason, now, random);
    }
  }

  /** Aborts the stream, without blame. */
  #abort(): void {
    if (this.#stream === null) return;
    this.#stream = null;
    this.#effects.abortStream(this.#index);
  }

  #logRestart(): void {
    const { bootId, acked } = this.progress;
    const fields = { secondary: this.id, bootId, length: acked };
    this.#effects.logEvent({ level: 'info', event: 'secondary-restarted', fields });
  }
}
