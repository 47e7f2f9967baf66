/**
 * One secondary as the master sees it. One number, the acked length, decides what to send next, who
 * counts for a write concern and how far it lags; the rest here is about the stream in which
 * frames travel. `0 <= acked`, `acked < next`, and `next - 1 <= the master's length`.
 *
 * Every statement of a secondary (an ack, a heartbeat) was asked for at some moment, and statements
 * of two connections can overtake each other. So: any statement may raise the acked length, but only
 * one that is below what was known WHEN IT WAS ASKED may lower it, and one that was asked before a
 * new incarnation of the secondary was met says nothing at all.
 */

/** What was known of a secondary at the moment it was asked something. */
export interface Asked {
  readonly at: number;
  readonly acked: number;
  readonly incarnations: number;
}

/** A frame on its way: `from..to` was sent, its ack is not here yet. */
export interface SentFrame {
  readonly from: number;
  readonly to: number;
  readonly asked: Asked;
  /** Whether it brings a part of the list of epochs, after which nothing is compared yet. */
  readonly isPartial: boolean;
}

/** What a statement changed: the acked length, the incarnation that speaks and its length, or nothing. */
export type Learned = 'nothing' | 'raised' | 'lowered' | 'met' | 'new-incarnation' | 'outdated';

export class Progress {
  /** How many messages the secondary has stated to show. */
  acked = 0;
  /** The seq the next frame begins with. */
  next = 1;
  /** Which incarnation of the secondary speaks; null before it ever spoke. */
  bootId: string | null = null;
  /** Whether the log of this incarnation was compared with ours: only then its length counts. */
  isLogMatched = false;
  /** What it calls itself, by its last heartbeat; null before. */
  nodeId: string | null = null;
  /** How many incarnations were met. */
  #incarnations = 0;

  /** The open stream, or null. Numbers are never used twice. */
  stream: number | null = null;
  #streams = 0;
  /** Frames of this stream without an ack, oldest first. */
  readonly inFlight: SentFrame[] = [];
  /** When the last frame was sent. */
  sentAt = Number.NEGATIVE_INFINITY;
  /** Up to where the list of epochs was told in this stream, or need not be told. */
  epochsTold = 0;
  /** No ack yet in this stream: one frame at a time, until it tells where the secondary is. */
  probing = true;
  /** When the oldest frame in flight last got further, or when an idle stream last heard an ack. */
  quietSince = 0;
  /** When what is in flight last got further without an ack. */
  #advancedAt = Number.NEGATIVE_INFINITY;
  /** How many bytes of frames that were not whole yet this incarnation of the secondary has received, as it says. */
  receivedBytes = 0;
  /** Whether that time was begun anew once, because the master itself was paused. */
  wasExcused = false;

  /** Consecutive streams that ended in time without any ack, while heartbeats were answered. */
  mute = 0;

  /** Consecutive failed attempts. */
  failures = 0;
  /** When the next attempt may be made; 0 for at once. */
  retryAt = 0;
  lastError: string | null = null;
  /** When the secondary last said something well-formed; null for never. */
  lastSeenAt: number | null = null;

  /**
   * Opens a stream that begins behind the acked length, and behind the first `epochsTold` epochs of
   * the list; returns its number.
   */
  open(now: number, epochsTold = 0): number {
    this.#streams += 1;
    this.stream = this.#streams;
    this.next = this.acked + 1;
    this.epochsTold = epochsTold;
    this.probing = true;
    this.quietSince = now;
    this.wasExcused = false;
    return this.stream;
  }

  /** Forgets the open stream and what it had in flight. */
  close(): void {
    this.stream = null;
    this.inFlight.length = 0;
    this.next = this.acked + 1;
  }

  /** The stream's first ack has told where the secondary is: go on from there, in a window. */
  locate(): void {
    this.probing = false;
    this.mute = 0;
    this.next = this.acked + 1;
  }

  /** Whether its log, empty or not, must be compared with ours before anything else. */
  get mustCompare(): boolean {
    return !this.isLogMatched && this.bootId !== null;
  }

  /** Whether nothing was sent in this stream yet. */
  get isFresh(): boolean {
    return this.probing && this.inFlight.length === 0;
  }

  /** Whether another frame may be sent now, of a log of `length` and at most `windowFrames`. */
  maySend(length: number, windowFrames: number): boolean {
    if (this.stream === null || this.next > length) return false;
    return this.inFlight.length < (this.probing ? 1 : windowFrames);
  }

  /** Notes that `next..to` was sent. */
  sent(to: number, now: number, isPartial = false): void {
    if (this.inFlight.length === 0) this.quietSince = now;
    this.sentAt = now;
    this.inFlight.push({ from: this.next, to, asked: this.asking(now), isPartial });
    this.next = to + 1;
  }

  /** The oldest frame in flight is getting further, though there is no ack yet. */
  advanced(now: number): void {
    if (this.inFlight.length === 0) return;
    this.quietSince = now;
    this.#advancedAt = now;
    this.wasExcused = false;
  }

  /**
   * How long the oldest frame in flight may stand still, in ms: `timeoutMs`, and where it has been getting
   * further for longer than that, as long as that. For what the socket has taken may be in buffers on
   * the way, megabytes of them, and comes out of there no faster than it went in.
   */
  patienceMs(timeoutMs: number): number {
    const { asked } = this.inFlight[0] as SentFrame;
    return Math.max(timeoutMs, this.#advancedAt - asked.at);
  }

  /** What is known now, to be kept with a question. */
  asking(now: number): Asked {
    return { at: now, acked: this.acked, incarnations: this.#incarnations };
  }

  /**
   * Takes note of a statement: this incarnation of the secondary shows `length` messages. They count only
   * if its log was compared with ours (`isLogMatched`); it may hold what we have never written.
   */
  learn(bootId: string, length: number, isLogMatched: boolean, asked: Asked): Learned {
    const isOutdated = asked.incarnations !== this.#incarnations;
    if (bootId !== this.bootId) {
      if (isOutdated) return 'outdated';
      const isFirst = this.bootId === null;
      this.bootId = bootId;
      // What the incarnation before called itself says nothing of this one: another node may answer here.
      this.nodeId = null;
      this.receivedBytes = 0;
      this.#incarnations += 1;
      this.isLogMatched = isLogMatched;
      this.#setAcked(isLogMatched ? length : 0);
      return isFirst ? 'met' : 'new-incarnation';
    }
    if (!isLogMatched) return 'nothing';
    this.isLogMatched = true;
    if (length > this.acked) {
      this.#setAcked(length);
      return 'raised';
    }
    if (length >= asked.acked || length === this.acked || isOutdated) return 'nothing';
    this.#setAcked(length);
    return 'lowered';
  }

  #setAcked(length: number): void {
    this.acked = length;
    this.next = Math.max(this.next, length + 1);
  }

  /** It turned out to be a node that is known by another name: nothing is known of this one. */
  forgetIdentity(): void {
    this.bootId = null;
    this.isLogMatched = false;
    this.#incarnations += 1;
    this.acked = 0;
    this.next = 1;
  }

  /** An attempt failed: wait `delayMs` before the next one. */
  failed(reason: string, now: number, delayMs: number): void {
    this.failures += 1;
    this.lastError = reason;
    this.retryAt = now + delayMs;
  }

  /** The secondary is back or has acked: the next failure starts the backoff anew. */
  resetBackoff(): void {
    this.mute = 0;
    this.failures = 0;
    this.retryAt = 0;
    this.lastError = null;
  }
}
