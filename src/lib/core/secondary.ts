/**
 * A secondary: takes frames, shows the contiguous prefix, states what it shows. A frame is applied
 * whole or refused whole, in the order of arrival; what it has already is acknowledged again and
 * stored once; what is ahead of its turn is held back. A state machine of (event, now) -> answers,
 * with the artificial delays and errors that make replication visible.
 */
import { HoldBack } from './hold-back.ts';
import { KeyIndex } from './idempotency.ts';
import { Log } from './log.ts';
import { dropMessages, sameBytes } from './messages.ts';
import type { Ack, Frame, Heartbeat } from './protocol.ts';
import type { Note, Refusal } from './refusal.ts';

/** Bytes of frames that may wait for their delay; beyond it frames are refused. */
export const DELAYED_BYTES_MAX = 64 * 1024 * 1024;

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

export class Secondary {
  readonly log = new Log();
  readonly keys = new KeyIndex();
  readonly #config: SecondaryConfig;
  readonly #note: (note: Note) => void;
  readonly #held = new HoldBack();
  /** Frames that wait for their delay, in order of arrival. */
  readonly #delayed: Delayed[] = [];
  #delayedBytes = 0;
  #faults: Faults;
  #logId: string | null = null;
  #epoch = 0;
  #hasHeardMaster = false;

  constructor(config: SecondaryConfig, note: (note: Note) => void) {
    this.#config = config;
    this.#faults = config.faults;
    this.#note = note;
  }

  /** Which log this is; null while virgin. */
  get logId(): string | null {
    return this.#logId;
  }

  /** The highest epoch it has seen; 0 while virgin. */
  get epoch(): number {
    return this.#epoch;
  }

  get bootId(): string {
    return this.#config.bootId;
  }

  /** How many messages it has received that are not visible yet: held back, or still delayed. */
  get held(): number {
    if (this.#delayed.length === 0) return this.#held.size;
    const ranges = Array.from(this.#held.seqs(), (seq) => [seq, seq] as const);
    for (const { frame } of this.#delayed) {
      const to = frame.from + frame.messages.ends.length - 1;
      ranges.push([Math.max(frame.from, this.log.length + 1), to]);
    }
    return countDistinct(ranges);
  }

  get faults(): Faults {
    return this.#faults;
  }

  /** Whether a master has asked or pushed anything in this life. */
  get hasHeardMaster(): boolean {
    return this.#hasHeardMaster;
  }

  /** Answers a heartbeat. */
  heartbeat(): Heartbeat {
    this.#hasHeardMaster = true;
    return {
      nodeId: this.#config.nodeId,
      bootId: this.bootId,
      logId: this.#logId,
      epoch: this.#epoch,
      length: this.log.length,
    };
  }

  /** Changes the faults; frames that wait already obey the new delay as well. */
  setFaults(faults: Partial<Faults>): void {
    this.#faults = { ...this.#faults, ...faults };
    this.#note({ level: 'info', event: 'faults-set', fields: { ...this.#faults } });
  }

  /**
   * A frame arrived. `onAnswer` is called once: after the delay and in order of arrival, or at once
   * if too much waits already.
   */
  receive(
    frame: Frame,
    draws: FaultDraws,
    now: number,
    onAnswer: (answer: FrameAnswer) => void,
  ): void {
    this.#hasHeardMaster = true;
    const bytes = frame.messages.bytes.length;
    if (this.#delayedBytes + bytes > DELAYED_BYTES_MAX && this.#delayed.length > 0) {
      onAnswer({ kind: 'refused', problem: 'overloaded', limit: DELAYED_BYTES_MAX });
      return;
    }
    this.#delayedBytes += bytes;
    this.#delayed.push({ frame, arrivedAt: now, draws, onAnswer });
    this.tick(now);
  }

  /** Applies the frames whose delay is over. */
  tick(now: number): void {
    while (this.nextWakeAt() <= now) {
      const { frame, draws, onAnswer } = this.#delayed.shift() as Delayed;
      this.#delayedBytes -= frame.messages.bytes.length;
      onAnswer(this.#applyWithFaults(frame, draws));
    }
  }

  /** When `tick` has something to do next, in ms; Infinity for never. */
  nextWakeAt(): number {
    const first = this.#delayed[0];
    return first === undefined ? Number.POSITIVE_INFINITY : first.arrivedAt + this.#faults.delayMs;
  }

  #applyWithFaults(frame: Frame, [before, after]: FaultDraws): FrameAnswer {
    if (before < this.#faults.errorRate) {
      this.#note({ level: 'debug', event: 'fault-before-apply', fields: { from: frame.from } });
      return { kind: 'refused', problem: 'injected-fault', applied: false };
    }
    const refusal = this.#apply(frame);
    if (refusal !== null) {
      const { kind: _, ...fields } = refusal;
      this.#note({
        level: 'warn',
        event: 'frame-refused',
        fields: { from: frame.from, ...fields },
      });
      return refusal;
    }
    if (after < this.#faults.errorAfterApplyRate) {
      this.#note({ level: 'debug', event: 'fault-after-apply', fields: { from: frame.from } });
      return { kind: 'refused', problem: 'injected-fault', applied: true };
    }
    const { logId, epoch } = frame;
    return { kind: 'ack', ack: { bootId: this.bootId, logId, epoch, length: this.log.length } };
  }

  /** Takes in a frame whole, or says why not and changes nothing. */
  #apply(frame: Frame): Refusal | null {
    const refusal = this.#refusalOf(frame);
    if (refusal !== null) return refusal;
    if (this.#logId === null) {
      this.#note({ level: 'info', event: 'joined-log', fields: { logId: frame.logId } });
    }
    this.#logId = frame.logId;
    if (frame.epoch > this.#epoch) {
      // What was held came from an earlier life of the master, which may never have placed it.
      this.#held.clear();
      this.#epoch = frame.epoch;
    }
    const known = this.log.length + 1 - frame.from;
    if (known < 0) this.#hold(frame);
    else if (known < frame.messages.ends.length) this.#show(frame, known);
    return null;
  }

  #refusalOf(frame: Frame): Refusal | null {
    const length = this.log.length;
    if (this.#logId !== null && frame.logId !== this.#logId) {
      return { kind: 'refused', problem: 'log-mismatch', logId: this.#logId };
    }
    if (frame.epoch < this.#epoch) {
      return { kind: 'refused', problem: 'stale-epoch', epoch: this.#epoch };
    }
    // What was held under a lower epoch does not count any more; `#apply` forgets it.
    const held = frame.epoch > this.#epoch ? new HoldBack() : this.#held;
    const seq = this.log.differsAt(frame.from, frame.messages) ?? differsFromHeld(frame, held);
    if (seq !== null) return { kind: 'refused', problem: 'diverged', seq, length };
    const isAhead = frame.from > length + 1;
    if (isAhead && !fits(frame, held, length)) return { kind: 'refused', problem: 'gap', length };
    return null;
  }

  #hold(frame: Frame): void {
    const keys = new Map(frame.keys);
    for (let i = 0; i < frame.messages.ends.length; i += 1) {
      const seq = frame.from + i;
      this.#held.put(seq, { text: withComma(frame, i), key: keys.get(seq) });
    }
  }

  /** Appends what the frame has from index `known` on, and what was held and is next then. */
  #show(frame: Frame, known: number): void {
    this.log.append(dropMessages(frame.messages, known), frame.epoch);
    for (const [seq, key] of frame.keys) if (seq >= frame.from + known) this.keys.record(key, seq);
    if (this.#held.size === 0) return;
    for (let seq = frame.from + known; seq <= this.log.length; seq += 1) this.#held.take(seq);
    for (let next = this.#held.take(this.log.length + 1); next !== undefined; ) {
      const seq = this.log.append({ bytes: next.text, ends: [next.text.length] }, this.#epoch);
      if (next.key !== undefined) this.keys.record(next.key, seq);
      next = this.#held.take(this.log.length + 1);
    }
  }
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

/** The first seq at which the frame says something else than what is held; null if none. */
function differsFromHeld(frame: Frame, held: HoldBack): number | null {
  if (held.size === 0) return null;
  for (let i = 0; i < frame.messages.ends.length; i += 1) {
    const text = held.get(frame.from + i)?.text;
    if (text !== undefined && !sameBytes(text, withComma(frame, i))) return frame.from + i;
  }
  return null;
}

/** Whether there is room to hold back what of the frame is not held yet. */
function fits(frame: Frame, held: HoldBack, length: number): boolean {
  const count = frame.messages.ends.length;
  let bytes = 0;
  for (let i = 0; i < count; i += 1) {
    if (held.get(frame.from + i) === undefined) bytes += withComma(frame, i).length;
  }
  return held.hasRoom(frame.from + count - 1, bytes, length);
}

/** The JSON text and the comma of the frame's message `index`; a view. */
function withComma(frame: Frame, index: number): Uint8Array {
  const { bytes, ends } = frame.messages;
  return bytes.subarray(index === 0 ? 0 : ends[index - 1], ends[index]);
}
