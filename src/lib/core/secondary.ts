/**
 * A secondary: it applies frames, and shows the contiguous prefix of the log. Frames are applied in the order of
 * arrival and answered in the same order, each once its entries are durable (in memory, at once). A state
 * machine of (event, now) -> answers, with the artificial delays and errors that make replication
 * visible. What a frame does to the log is in `log/apply.ts`.
 */

import { Applier } from './log/apply.ts';
import { copyMessages } from './log/messages.ts';
import { Replica } from './log/replica.ts';
import type { Ack, Frame, Heartbeat, HeartbeatRequest, PrepareReply } from './protocol.ts';
import { type Ballot, compareBallots } from './recovery/ballot.ts';
import type { LogEvent, Refusal } from './refusal.ts';
import { Role } from './role.ts';

/** Bytes of frames that may wait for their delay; further frames are refused. */
export const DELAYED_BYTES_MAX = 64 * 1024 * 1024;
/** Bytes that a delayed frame counts beside its messages, so that empty frames are not free. */
export const FRAME_OVERHEAD_BYTES = 512;

/** The artificial faults; see the configuration of the same names. */
export interface Faults {
  /** Wait before a frame is applied, from its arrival, in ms. */
  readonly delayMs: number;
  /** Probability, 0..1, to fail before applying a frame. */
  readonly errorRate: number;
  /** Probability, 0..1, to apply a frame and fail then. */
  readonly errorAfterApplyRate: number;
}

/** Two numbers in [0, 1), one for each rate, drawn when the frame arrived. */
export type FaultDraws = readonly [before: number, after: number];

export type FrameAnswer = { readonly kind: 'ack'; readonly ack: Ack } | Refusal;

export interface SecondaryConfig {
  readonly nodeId: string;
  readonly bootId: string;
  readonly faults: Faults;
}

interface Delayed {
  readonly frame: Frame;
  readonly arrivedAt: number;
  readonly draws: FaultDraws;
  readonly onAnswer: (answer: FrameAnswer) => void;
}

/** What is remembered of a frame that was applied, or refused, and has no answer yet. */
interface Unanswered extends Ballot {
  readonly logId: string;
  /** Whether more parts of its list of epochs follow, so that no length counts yet. */
  readonly isPartial: boolean;
  /** The length that must be durable before an ack. */
  readonly length: number;
  readonly refusal: Refusal | null;
  readonly onAnswer: (answer: FrameAnswer) => void;
}

export class Secondary extends Role {
  readonly #config: SecondaryConfig;
  readonly #logEvent: (event: LogEvent) => void;
  readonly #applier: Applier;
  /** Frames that wait for their delay, in order of arrival. */
  readonly #delayed: Delayed[] = [];
  #delayedBytes = 0;
  /** In order of arrival; the entries of the first are not durable yet. */
  readonly #unanswered: Unanswered[] = [];
  #faults: Faults;
  #hasHeardMaster = false;
  #receivedBytes = 0;
  #applied = 0;
  #refused = 0;

  /** @param applier how frames enter this replica */
  constructor(
    config: SecondaryConfig,
    logEvent: (event: LogEvent) => void,
    replica = new Replica(),
    applier = new Applier(replica, config.bootId, logEvent),
  ) {
    super(replica);
    this.#config = config;
    this.#faults = config.faults;
    this.#logEvent = logEvent;
    this.#applier = applier;
  }

  /** How many messages it shows: with a disk, only those that would survive a crash. */
  get length(): number {
    return this.replica.durableLength;
  }

  /** Who wrote under the highest epoch it has seen; empty if nobody said. */
  get writer(): string {
    return this.replica.ballot.writer;
  }

  get bootId(): string {
    return this.#config.bootId;
  }

  /** How many messages it has received and does not show yet: delayed, behind a gap, or not durable. */
  get held(): number {
    const { length, log } = this;
    if (this.#delayed.length === 0 && log.length === length) return this.#applier.heldCount;
    const ranges = Array.from(this.#applier.heldSeqs(), (seq) => [seq, seq] as const);
    ranges.push([length + 1, log.length]);
    for (const { frame } of this.#delayed) {
      const to = frame.from + frame.messages.ends.length - 1;
      ranges.push([Math.max(frame.from, length + 1), to]);
    }
    return countDistinct(ranges);
  }

  /** Frames applied, and frames refused or failed, in this run; entries that were already in the log. */
  get counts(): { applied: number; refused: number; duplicates: number } {
    const { duplicates } = this.#applier;
    return { applied: this.#applied, refused: this.#refused, duplicates };
  }

  get faults(): Faults {
    return this.#faults;
  }

  /** Whether a heartbeat or a frame has come in this run. */
  get hasHeardMaster(): boolean {
    return this.#hasHeardMaster;
  }

  /** Answers a heartbeat, and promises the prepare in it; null if somebody asks who is no master. */
  heartbeat(request: HeartbeatRequest | null = null): Heartbeat {
    this.#hasHeardMaster = true;
    if (request !== null) {
      this.#applier.hear(request);
      this.#settle();
    }
    const { logId, length } = this;
    const { nodeId, bootId } = this.#config;
    // Report the durable ballot: a master relies on it even after this node has crashed.
    const { epoch } = this.replica.durableBallot;
    const statement = { nodeId, bootId, logId, epoch, length };
    if (request === null) return { ...statement, prepareReply: null };
    const receivedBytes = this.#receivedBytes;
    const prepareReply = this.#prepareReply(request);
    const answer = { ...statement, prepareReply, held: this.held };
    return receivedBytes === 0 ? answer : { ...answer, receivedBytes };
  }

  #prepareReply({ prepare }: HeartbeatRequest): PrepareReply {
    const { newest, isComplete, durableBallot } = this.replica;
    const isLogMatched =
      prepare !== null && prepare.logId === this.logId && this.#applier.isLogMatchedBy(prepare);
    const { epoch: lastEpoch, writer: lastWriter } = newest;
    return { writer: durableBallot.writer, lastEpoch, lastWriter, isLogMatched, isComplete };
  }

  /** More bytes of an unfinished frame have come. Heartbeats tell the master, so that it waits for the rest. */
  received(bytes: number): void {
    this.#receivedBytes += bytes;
  }

  /** Changes the faults. A new delay also counts for frames that are waiting. */
  setFaults(faults: Partial<Faults>): void {
    this.#faults = { ...this.#faults, ...faults };
    this.#logEvent({ level: 'info', event: 'faults-set', fields: { ...this.#faults } });
  }

  /**
   * A frame arrived. `onAnswer` is called once: in order of arrival, after the delay, when the entries are
   * durable; or at once, if too much is waiting. The caller may reuse the frame's bytes when this returns.
   */
  receive(
    frame: Frame,
    draws: FaultDraws,
    now: number,
    onAnswer: (answer: FrameAnswer) => void,
  ): void {
    this.#hasHeardMaster = true;
    const bytes = costOf(frame);
    if (this.#delayedBytes + bytes > DELAYED_BYTES_MAX && this.#delayed.length > 0) {
      onAnswer({ kind: 'refused', problem: 'overloaded', limit: DELAYED_BYTES_MAX });
      return;
    }
    this.#delayedBytes += bytes;
    const isDue = this.#delayed.length === 0 && this.#faults.delayMs === 0;
    const own = isDue ? frame : { ...frame, messages: copyMessages(frame.messages) };
    this.#delayed.push({ frame: own, arrivedAt: now, draws, onAnswer });
    this.tick(now);
  }

  /** Applies the frames whose delay is over. */
  tick(now: number): void {
    while (this.nextWakeAt() <= now) {
      const { frame, draws, onAnswer } = this.#delayed.shift() as Delayed;
      this.#delayedBytes -= costOf(frame);
      const refusal = this.#applyWithFaults(frame, draws);
      if (refusal === null) {
        this.#applied += 1;
        this.#logTraces(frame);
      } else this.#refused += 1;
      const { logId, part } = frame;
      // A frame that names no writer counts as one of the master that is listened to.
      const { epoch, writer } = this.replica.ballot;
      const isPartial = part?.hasMore === true;
      const { length } = this.log;
      this.#unanswered.push({ logId, epoch, writer, isPartial, length, refusal, onAnswer });
      this.#settle();
    }
  }

  /** More of what was written has become durable: answers the frames that waited for it. */
  synced(): void {
    this.#applier.settle();
    this.#settle();
  }

  nextWakeAt(): number {
    const first = this.#delayed[0];
    return first === undefined ? Number.POSITIVE_INFINITY : first.arrivedAt + this.#faults.delayMs;
  }

  #applyWithFaults(frame: Frame, [before, after]: FaultDraws): Refusal | null {
    if (before < this.#faults.errorRate) {
      this.#logEvent({ level: 'debug', event: 'fault-before-apply', fields: { from: frame.from } });
      return { kind: 'refused', problem: 'injected-fault', applied: false };
    }
    const refusal = this.#applier.take(frame);
    if (refusal !== null) {
      const { kind: _, ...fields } = refusal;
      const { from } = frame;
      this.#logEvent({ level: 'warn', event: 'frame-refused', fields: { from, ...fields } });
      return refusal;
    }
    if (after >= this.#faults.errorAfterApplyRate) return null;
    this.#logEvent({ level: 'debug', event: 'fault-after-apply', fields: { from: frame.from } });
    return { kind: 'refused', problem: 'injected-fault', applied: true };
  }

  /** Logs the arrival of each entry that belongs to a trace. */
  #logTraces({ traces = [], epoch }: Frame): void {
    const { length } = this.log;
    for (const { seq, parent, isSampled } of traces) {
      const fields = { seq, epoch, shown: seq <= length, traceparent: parent };
      this.#logEvent({ level: isSampled ? 'info' : 'debug', event: 'entry-received', fields });
    }
  }

  /** Answers frames in order, up to the first whose entries are not durable. */
  #settle(): void {
    for (let first = this.#unanswered[0]; first !== undefined; first = this.#unanswered[0]) {
      const answer = first.refusal ?? this.#answerTo(first);
      if (answer === null) return;
      this.#unanswered.shift();
      first.onAnswer(answer);
    }
  }

  /** The answer to an applied frame; null while its entries are not durable. */
  #answerTo(frame: Unanswered): FrameAnswer | null {
    // Since it was applied, a newer master may have cut its entries off.
    const { ballot } = this.replica;
    if (compareBallots(frame, ballot) < 0) {
      return { kind: 'refused', problem: 'stale-epoch', epoch: ballot.epoch };
    }
    if (this.length < Math.min(frame.length, this.log.length)) return null;
    const { logId, epoch } = frame;
    const ack = { bootId: this.bootId, logId, epoch, length: this.length };
    return { kind: 'ack', ack: frame.isPartial ? { ...ack, isLogMatched: false } : ack };
  }
}

/** Bytes of memory that a delayed frame takes, roughly. */
function costOf({ messages, keys, epochs }: Frame): number {
  const parts = 1 + keys.length + (epochs?.length ?? 0);
  return messages.bytes.length + parts * FRAME_OVERHEAD_BYTES;
}

/** How many numbers are in at least one of the ranges, both ends included. */
function countDistinct(ranges: (readonly [from: number, to: number])[]): number {
  let count = 0;
  let counted = 0;
  for (const [from, to] of ranges.sort(([a], [b]) => a - b)) {
    count += Math.max(0, to - Math.max(from, counted + 1) + 1);
    counted = Math.max(counted, to);
  }
  return count;
}
