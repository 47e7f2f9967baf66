/**
 * A secondary: takes frames, shows the contiguous prefix, states what it shows. Frames are applied
 * in the order of arrival and answered in that order, each when what it brought is as safe as this
 * node can make it. A state machine of (event, now) -> answers, with the artificial delays and
 * errors that make replication visible. What a frame does to the log is in `applier.ts`.
 */

import { Applier } from './log/apply.ts';
import type { HashKey } from './log/half-sip-hash.ts';
import { type Journal, MEMORY } from './log/journal.ts';
import { copyMessages } from './log/messages.ts';
import { Replica, type Restored } from './log/replica.ts';
import { NodeView } from './node-view.ts';
import type { Ack, Frame, Heartbeat, HeartbeatRequest, PrepareReply } from './protocol.ts';
import { compareBallots } from './recovery/ballot.ts';
import type { LogEvent, Refusal } from './refusal.ts';

/** Bytes of frames that may wait for their delay; beyond it frames are refused. */
export const DELAYED_BYTES_MAX = 64 * 1024 * 1024;
/** What a frame that waits costs beside its messages: without it, empty ones would be free. */
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
  /** Hides from clients how their keys are found. */
  readonly hashKey?: HashKey;
  readonly faults: Faults;
}

/** Who wrote a frame, in which log, and whether it is a part of a list of epochs only. */
type FrameWriter = Pick<Frame, 'logId' | 'epoch' | 'writer' | 'part'>;

interface Delayed {
  readonly frame: Frame;
  readonly arrivedAt: number;
  readonly draws: FaultDraws;
  readonly onAnswer: (answer: FrameAnswer) => void;
}

/** A frame that was applied, or refused, and has no answer yet. */
interface Unanswered {
  readonly writer: FrameWriter;
  /** The length that must be durable before an ack. */
  readonly length: number;
  readonly refusal: Refusal | null;
  readonly onAnswer: (answer: FrameAnswer) => void;
}

export class Secondary extends NodeView {
  readonly #config: SecondaryConfig;
  readonly #logEvent: (event: LogEvent) => void;
  readonly #applier: Applier;
  /** Frames that wait for their delay, in order of arrival. */
  readonly #delayed: Delayed[] = [];
  #delayedBytes = 0;
  /** Frames behind one whose entries are not durable yet, in order of arrival. */
  readonly #unanswered: Unanswered[] = [];
  #faults: Faults;
  #hasHeardMaster = false;
  #receivedBytes = 0;
  #applied = 0;
  #refused = 0;

  /** @param restored what the journal had of an earlier run, if there is one */
  constructor(
    config: SecondaryConfig,
    logEvent: (event: LogEvent) => void,
    journal: Journal = MEMORY,
    restored: Restored | null = null,
  ) {
    super(new Replica(journal, restored, config.hashKey));
    this.#config = config;
    this.#faults = config.faults;
    this.#logEvent = logEvent;
    this.#applier = new Applier(this.replica, config.bootId, logEvent);
  }

  /** How many messages it shows: what it would also show after a crash, if anything outlives one. */
  get length(): number {
    return this.replica.durableLength;
  }

  /** Who wrote under the highest epoch it has seen, if anybody said. */
  get writer(): string | null {
    return this.replica.ballot.writer;
  }

  get bootId(): string {
    return this.#config.bootId;
  }

  /** How many messages it has received that are not visible yet. */
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

  /** Frames taken in, and refused or failed, in this run; entries that were here already. */
  get counts(): { applied: number; refused: number; duplicates: number } {
    const { duplicates } = this.#applier;
    return { applied: this.#applied, refused: this.#refused, duplicates };
  }

  get faults(): Faults {
    return this.#faults;
  }

  /** Whether a master has asked or pushed anything in this run. */
  get hasHeardMaster(): boolean {
    return this.#hasHeardMaster;
  }

  /** Answers a heartbeat, and takes note of the prepare that came with it; null: nobody in particular asks. */
  heartbeat(request: HeartbeatRequest | null = null): Heartbeat {
    this.#hasHeardMaster = true;
    if (request !== null) {
      this.#applier.hear(request);
      this.#settle();
    }
    const { logId, length } = this;
    const { nodeId, bootId } = this.#config;
    // Not what it has heard, but what it would still know tomorrow: a master relies on it.
    const { epoch } = this.replica.durableBallot;
    const statement = { nodeId, bootId, logId, epoch, length };
    if (request === null) return { ...statement, prepareReply: null };
    const receivedBytes = this.#receivedBytes;
    const received = receivedBytes === 0 ? {} : { receivedBytes };
    return {
      ...statement,
      prepareReply: this.#prepareReply(request),
      held: this.held,
      ...received,
    };
  }

  #prepareReply({ prepare }: HeartbeatRequest): PrepareReply {
    const { newest, isComplete, durableBallot } = this.replica;
    const isLogMatched =
      prepare !== null && prepare.logId === this.logId && this.#applier.isLogMatchedBy(prepare);
    const { epoch: lastEpoch, writer: lastWriter } = newest;
    return { writer: durableBallot.writer, lastEpoch, lastWriter, isLogMatched, isComplete };
  }

  /** So many bytes have come of a frame that goes on: its master learns from heartbeats that it arrives. */
  received(bytes: number): void {
    this.#receivedBytes += bytes;
  }

  /** Changes the faults; frames that wait already obey the new delay as well. */
  setFaults(faults: Partial<Faults>): void {
    this.#faults = { ...this.#faults, ...faults };
    this.#logEvent({ level: 'info', event: 'faults-set', fields: { ...this.#faults } });
  }

  /**
   * A frame arrived. `onAnswer` is called once: after the delay and in order of arrival, or at once
   * if too much waits already. The frame's bytes are the caller's again afterwards.
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
      if (refusal === null) this.#applied += 1;
      else this.#refused += 1;
      if (refusal === null) this.#logTraces(frame);
      const writer = writerOf(frame);
      this.#unanswered.push({ writer, length: this.log.length, refusal, onAnswer });
      this.#settle();
    }
  }

  /** More of what was written has become durable: answers the frames that waited for it. */
  synced(): void {
    this.#applier.settle();
    this.#settle();
  }

  /** When `tick` has something to do next, in ms; Infinity for never. */
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

  /** Says where entries went that belong to a trace. */
  #logTraces({ traces = [], epoch }: Frame): void {
    const { length } = this.log;
    for (const { seq, parent, isSampled } of traces) {
      const fields = { seq, epoch, shown: seq <= length, traceparent: parent };
      this.#logEvent({ level: isSampled ? 'info' : 'debug', event: 'entry-received', fields });
    }
  }

  /** Answers, in order, all frames that need wait no longer. */
  #settle(): void {
    for (let first = this.#unanswered[0]; first !== undefined; first = this.#unanswered[0]) {
      const { writer, length, refusal, onAnswer } = first;
      const answer = refusal ?? this.#answerOf(writer, length);
      if (answer === null) return;
      this.#unanswered.shift();
      onAnswer(answer);
    }
  }

  /** The answer to an applied frame; null while what it brought is not durable. */
  #answerOf(writer: FrameWriter, length: number): FrameAnswer | null {
    // A newer master may have been heard meanwhile, and have cut off what this frame brought.
    const { ballot } = this.replica;
    if (compareBallots(writer, ballot) < 0) {
      return { kind: 'refused', problem: 'stale-epoch', epoch: ballot.epoch };
    }
    if (this.length < Math.min(length, this.log.length)) return null;
    const { logId, epoch, part } = writer;
    const ack = { bootId: this.bootId, logId, epoch, length: this.length };
    return { kind: 'ack', ack: part?.hasMore ? { ...ack, isLogMatched: false } : ack };
  }
}

/** What is needed of an applied frame: its bytes are the caller's again. */
function writerOf({ logId, epoch, writer, part }: Frame): FrameWriter {
  return part === undefined ? { logId, epoch, writer } : { logId, epoch, writer, part };
}

/** Bytes of memory that a waiting frame takes, roughly. */
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
