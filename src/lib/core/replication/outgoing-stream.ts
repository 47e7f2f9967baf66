/**
 * The stream that is open to one secondary: which frames to send on it and when, and when it has been quiet for too
 * long. It is in one of two states, named as in etcd's raft: `Probe` until the first ack tells where the secondary is,
 * one frame at a time; then `Replicate`, a window of frames in which each continues the one before.
 */
import {
  countStarts,
  type EpochStart,
  type EpochsPart,
  indexOfEpoch,
  WHOLE,
} from '../log/epochs.ts';
import type { Replica } from '../log/replica.ts';
import type { OutgoingFrame, Prepare } from '../protocol.ts';
import { frameEnd } from './frame-end.ts';
import { LINGER, type Linger, lingersUntil } from './linger.ts';
import { PauseExcuse } from './pause.ts';
import type { Asked, Progress } from './progress.ts';

/** Epochs in one frame. A longer list is sent in several frames, of which only the last has messages. */
export const FRAME_EPOCHS_MAX = 2048;
/** Frames of one stream that may be without an ack. */
export const WINDOW_FRAMES_MAX = 8;
/** How long after the last frame a new committed length is sent in a frame of its own, in ms. */
export const COMMIT_NOTICE_MS = 10;
/** A stream without work for this long ends; the next append opens another. */
export const STREAM_IDLE_MS = 60_000;

export interface StreamConfig {
  /** The stream ends when its oldest frame in flight makes no progress for so long, in ms. */
  readonly replicationTimeoutMs: number;
  /** Bytes of messages in one frame; default `FRAME_MESSAGE_BYTES_MAX`. */
  readonly frameBytesMax?: number;
  /** Epochs in one frame; default `FRAME_EPOCHS_MAX`. */
  readonly frameEpochsMax?: number;
  /** Default `LINGER`. */
  readonly linger?: Linger;
  /** Default `COMMIT_NOTICE_MS`. */
  readonly commitNoticeMs?: number;
}

/** A frame on its way: `from..to` was sent, its ack is not here yet. */
export interface SentFrame {
  readonly from: number;
  readonly to: number;
  readonly asked: Asked;
  /** Whether it brings a part of the list of epochs, after which nothing is compared yet. */
  readonly isPartial: boolean;
}

/** What a stream sends, for whom, and where to. */
export interface StreamContext {
  readonly config: StreamConfig;
  readonly leadership: Prepare;
  readonly replica: Replica;
  readonly progress: Progress;
  /** The largest seq that a client waits for; 0 if none does. */
  readonly lastAwaited: () => number;
  readonly sendFrame: (frame: OutgoingFrame) => void;
}

export class OutgoingStream {
  /** Numbers are never used twice. */
  readonly number: number;
  /** Frames without an ack, oldest first. */
  readonly inFlight: SentFrame[] = [];
  readonly #context: StreamContext;
  readonly #excuse = new PauseExcuse();
  #state: 'Probe' | 'Replicate' = 'Probe';
  /** Behind the last entry that was sent. */
  #next: number;
  /** Up to where the list of epochs was told, or need not be told. */
  #epochsTold: number;
  /** The committed length that was sent last. */
  #committedTold = 0;
  #sentAt = Number.NEGATIVE_INFINITY;
  /** When the oldest frame in flight last got further, or when an idle stream last heard an ack. */
  #quietSince: number;
  /** When what is in flight last got further without an ack. */
  #advancedAt = Number.NEGATIVE_INFINITY;

  /** @param tellsAllEpochs whether epochs are told as well that the secondary is known to have */
  constructor(number: number, context: StreamContext, tellsAllEpochs: boolean, now: number) {
    this.number = number;
    this.#context = context;
    this.#epochsTold = tellsAllEpochs ? 0 : this.#sharedEpochs();
    this.#next = context.progress.acked + 1;
    this.#quietSince = now;
  }

  get isProbing(): boolean {
    return this.#state === 'Probe';
  }

  /** The seq the next frame begins with: also what a heartbeat has shown to be there is not sent. */
  get next(): number {
    return Math.max(this.#next, this.#context.progress.acked + 1);
  }

  /** Fills the window. With `isFullOnly` only full frames are sent; otherwise also one whose linger time is over. */
  fill(now: number, isFullOnly: boolean): void {
    const { log } = this.#context.replica;
    if (this.isProbing) this.#probe(now);
    while (this.#maySend) {
      const to = this.#frameEnd();
      const isFull = to < log.length;
      if (!isFull && (isFullOnly || now < this.#lingersUntil())) return;
      this.#send(to, now);
    }
    if (!isFullOnly && now >= this.#commitNoticeAt) this.#send(this.next - 1, now);
  }

  /** The oldest frame in flight was acked. */
  acked(now: number): void {
    this.inFlight.shift();
    this.#quietSince = now;
    this.#excuse.renew();
  }

  /** The first ack has told where the secondary is: go on from there, in a window. */
  replicate(): void {
    if (!this.isProbing) return;
    this.#state = 'Replicate';
    this.#next = this.#context.progress.acked + 1;
  }

  /** The oldest frame in flight is getting further, though there is no ack yet. */
  advanced(now: number): void {
    if (this.inFlight.length === 0) return;
    this.#quietSince = now;
    this.#advancedAt = now;
    this.#excuse.renew();
  }

  /** When a frame is due that waits for company, in ms; Infinity for never. */
  get frameAt(): number {
    return Math.min(
      this.#maySend ? this.#lingersUntil() : Number.POSITIVE_INFINITY,
      this.#commitNoticeAt,
    );
  }

  /** When the stream has been quiet for too long, in ms. */
  get quietUntil(): number {
    if (this.inFlight.length === 0) return this.#quietSince + STREAM_IDLE_MS;
    return this.#quietSince + this.patienceMs;
  }

  /**
   * How long the oldest frame in flight may stand still, in ms: the time-out, and where it has been getting
   * further for longer than that, as long as that. For what the socket has taken may be in buffers on
   * the way, megabytes of them, and comes out of there no faster than it went in.
   */
  get patienceMs(): number {
    const { asked } = this.inFlight[0] as SentFrame;
    return Math.max(this.#context.config.replicationTimeoutMs, this.#advancedAt - asked.at);
  }

  /** Whether the silence that is noticed now is excused by the master's own pause; then its time begins anew. */
  isExcused(now: number): boolean {
    const isExcused = this.#excuse.excuses(now - this.quietUntil);
    if (isExcused) this.#quietSince = now;
    return isExcused;
  }

  /** How many of our epochs need not be told: as far as we know, it has them and the one behind them. */
  #sharedEpochs(): number {
    const { replica, progress } = this.#context;
    const { acked, isLogMatched, newest } = progress;
    const { epochs } = replica.log;
    if (epochs.length <= this.#epochsMax) return 0;
    if (isLogMatched) return Math.max(0, countStarts(epochs, acked) - 1);
    return newest === null ? 0 : Math.max(0, indexOfEpoch(epochs, newest));
  }

  get #epochsMax(): number {
    return this.#context.config.frameEpochsMax ?? FRAME_EPOCHS_MAX;
  }

  get #maySend(): boolean {
    if (this.next > this.#context.replica.log.length) return false;
    return this.inFlight.length < (this.isProbing ? 1 : WINDOW_FRAMES_MAX);
  }

  /** When a frame that is not full may go. */
  #lingersUntil(): number {
    const { config, lastAwaited } = this.#context;
    const isAwaited = lastAwaited() >= this.next;
    return lingersUntil(config.linger ?? LINGER, this.#sentAt, this.inFlight.length, isAwaited);
  }

  /**
   * When to send the committed length in a frame without entries; Infinity if the secondary knows it, if another frame
   * is on its way or comes soon, or if it does not understand it.
   */
  get #commitNoticeAt(): number {
    const { config, progress, replica } = this.#context;
    const isIdle = !this.isProbing && this.inFlight.length === 0 && this.next > replica.log.length;
    const isNews = replica.committed > this.#committedTold && progress.isComplete !== null;
    if (!isIdle || !isNews) return Number.POSITIVE_INFINITY;
    return this.#sentAt + (config.commitNoticeMs ?? COMMIT_NOTICE_MS);
  }

  /** The last seq of the next frame: never in the middle of a keyed append. */
  #frameEnd(): number {
    const { config, replica } = this.#context;
    const { log, keys } = replica;
    return frameEnd(log, keys, this.next, log.length, config.frameBytesMax);
  }

  /**
   * Sends all parts but the last of a list of epochs that does not fit one frame. The last one goes with entries, or
   * in a frame of its own if only the logs are to be compared.
   */
  #probe(now: number): void {
    const { replica, progress } = this.#context;
    const { epochs } = replica.log;
    while (
      epochs.length - this.#epochsTold > this.#epochsMax &&
      this.inFlight.length < WINDOW_FRAMES_MAX
    ) {
      const offset = this.#epochsTold;
      this.#epochsTold += this.#epochsMax;
      const starts = epochs.slice(offset, this.#epochsTold);
      this.#sendFrame(this.next - 1, starts, { offset, hasMore: true }, now);
    }
    if (this.inFlight.length === 0 && progress.mustCompare) this.#send(this.next - 1, now);
  }

  #send(to: number, now: number): void {
    if (!this.isProbing || this.inFlight.length > 0) {
      this.#sendFrame(to, null, WHOLE, now);
      return;
    }
    const offset = this.#epochsTold;
    const { epochs } = this.#context.replica.log;
    if (offset === 0) this.#sendFrame(to, epochs, WHOLE, now);
    else this.#sendFrame(to, epochs.slice(offset), { offset, hasMore: false }, now);
  }

  /** A frame with epochs says as well for which incarnation it is, and from which length on that is complete. */
  #sendFrame(
    to: number,
    epochs: readonly EpochStart[] | null,
    part: EpochsPart,
    now: number,
  ): void {
    const { leadership, replica, progress, sendFrame } = this.#context;
    const { logId, epoch, writer } = leadership;
    const { log, keys, committed } = replica;
    const from = this.next;
    if (this.inFlight.length === 0) this.#quietSince = now;
    this.#sentAt = now;
    this.#next = to + 1;
    const isPartial = part.hasMore;
    this.inFlight.push({ from, to, asked: progress.asking(now), isPartial });
    if (!isPartial) this.#committedTold = committed;
    const frame = { logId, epoch, writer, committed, log, keys, from, to, epochs, part };
    const { bootId, completeFromTold } = progress;
    const told = completeFromTold === null ? {} : { completeFrom: completeFromTold };
    sendFrame(epochs === null ? frame : { ...frame, bootId: bootId as string, ...told });
  }
}
