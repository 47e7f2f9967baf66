/**
 * How frames enter a replica: the entries of one whole or not at all, in order, once. What is there
 * already is stored once; what is ahead of its turn is held back, and becomes visible in one step with
 * the frame that closes the gap; what an older master wrote and the present one does
 * not have is cut off, at the entry where their lists of epochs part and nowhere else.
 */

import type { Frame, HeartbeatRequest, Prepare } from '../protocol.ts';
import { type Ballot, compareBallots, goesWith } from '../recovery/ballot.ts';
import { hasCaughtUp } from '../recovery/completeness.ts';
import type { LogEvent, Refusal } from '../refusal.ts';
import { countStarts, type EpochStart, type EpochsPart, startAt, startsWithin } from './epochs.ts';
import { HoldBack } from './hold-back.ts';
import type { EntryKeys } from './journal.ts';
import {
  joinMessages,
  messageWithComma,
  type PackedMessages,
  sameBytes,
  sliceMessages,
} from './messages.ts';
import type { Replica } from './replica.ts';

const DISK_FULL: Refusal = { kind: 'refused', problem: 'disk-full' };

/** The part of a list that has arrived; the `offset` starts before it were left out. */
interface ToldEpochs {
  readonly offset: number;
  readonly starts: EpochStart[];
}

export class Applier {
  readonly #replica: Replica;
  readonly #bootId: string;
  readonly #logEvent: (event: LogEvent) => void;
  readonly #held = new HoldBack();
  #duplicates = 0;
  /**
   * The epochs of the present master's log, from those on that ours goes on with; null until its list
   * was compared with ours.
   */
  #starts: readonly EpochStart[] | null = null;
  /** The beginning of the present master's list, while it comes in several frames. */
  #told: ToldEpochs | null = null;
  /** From which length on the present master says that this incarnation is complete; null before. */
  #completeFrom: number | null = null;
  /** Up to where the present master says that its log is committed. */
  #committed = 0;

  /** @param bootId which incarnation of a node this is: what is for another one is refused */
  constructor(replica: Replica, bootId: string, logEvent: (event: LogEvent) => void) {
    this.#replica = replica;
    this.#bootId = bootId;
    this.#logEvent = logEvent;
  }

  /** The seqs that are held back, in no order. */
  heldSeqs(): Iterable<number> {
    return this.#held.seqs();
  }

  get heldCount(): number {
    return this.#held.size;
  }

  /** How many entries arrived that were here already. */
  get duplicates(): number {
    return this.#duplicates;
  }

  /** Whether this log was compared with that of the master who writes under this ballot. */
  isLogMatchedBy(ballot: Ballot): boolean {
    return this.#starts !== null && compareBallots(ballot, this.#replica.ballot) === 0;
  }

  /**
   * A master says which log it writes, and under which ballot; from then on this node refuses older ones. What is
   * meant for another incarnation changes nothing: its sender may be dead.
   */
  hear({ prepare, bootId, completeFrom, committed }: HeartbeatRequest): void {
    if (prepare === null || (bootId !== null && bootId !== this.#bootId)) return;
    if (!this.#listenTo(prepare)) return;
    this.#believe(bootId, completeFrom, committed);
  }

  /** Records what the present master says about this node and about its own log. */
  #believe(bootId: string | null, completeFrom: number | null, committed: number): void {
    // A request written by hand names no incarnation, so it makes none complete.
    if (bootId !== null) this.#completeFrom = completeFrom ?? this.#completeFrom;
    this.#committed = Math.max(this.#committed, committed);
    this.settle();
  }

  /** Updates what is committed, and whether this node is complete, after something was applied, told or synced. */
  settle(): void {
    // What the master says about its log is true of ours only once the two were compared.
    if (this.#starts === null) return;
    this.#replica.commit(this.#committed);
    if (this.#replica.isComplete) return;
    const { ballot, newest, durableLength } = this.#replica;
    const completeFrom = this.#completeFrom;
    const standpoint = { promised: ballot, newestMark: newest, durableLength, completeFrom };
    if (!hasCaughtUp(standpoint) || !this.#replica.becomeComplete()) return;
    const fields = { epoch: ballot.epoch, completeFrom };
    this.#logEvent({ level: 'info', event: 'became-complete', fields });
  }

  /** Joins the log of a prepare if there is none here. Returns whether the prepare is listened to. */
  #listenTo(prepare: Prepare): boolean {
    const { logId, ballot, hasLog } = this.#replica;
    if (compareBallots(prepare, ballot) < 0) return false;
    // A node that has taken no frame has no log, so it follows the newer of two masters that begin one.
    if (logId !== prepare.logId && (hasLog || !this.#join(prepare.logId))) return false;
    this.#promise(prepare);
    return true;
  }

  /**
   * The list of epochs that this frame completes; null if it has none, or more parts follow. The list begins with the
   * first entry of the log, or with an entry up to which both logs are the same.
   */
  epochsIn(frame: Frame): readonly EpochStart[] | null {
    const { epochs, part } = frame;
    if (epochs === null || part?.hasMore) return null;
    const told = this.#toldBefore(frame);
    return told === null ? epochs : told.starts.concat(epochs);
  }

  /** Applies a frame whole, or refuses it and changes nothing. */
  take(frame: Frame): Refusal | null {
    const epochs = this.epochsIn(frame);
    const problem = this.#refusalOf(frame, epochs);
    if (problem !== null) return problem;
    if (this.#replica.logId !== frame.logId && !this.#join(frame.logId)) return DISK_FULL;
    this.#promise(frame);
    if (frame.part?.hasMore) {
      this.#tell(frame);
      return null;
    }
    if (epochs !== null) {
      this.#told = null;
      const shared = this.#replica.sharedWith(epochs);
      if (!this.#cutTo(shared, frame)) return DISK_FULL;
      this.#starts = epochs.slice(Math.max(0, countStarts(epochs, shared + 1) - 1));
    }
    const known = this.#replica.log.length + 1 - frame.from;
    this.#duplicates += Math.max(0, Math.min(known, frame.messages.ends.length));
    if (known < 0) this.#hold(frame);
    else if (known < frame.messages.ends.length) {
      const refusal = this.#show(frame, known);
      if (refusal !== null) return refusal;
    }
    if (!this.#beginEpoch()) return DISK_FULL;
    this.#believe(frame.bootId ?? null, frame.completeFrom ?? null, frame.committed ?? 0);
    return null;
  }

  /**
   * Begins the master's epoch once everything is here that it had when it took over, though it may have written
   * nothing yet (the empty entry of a Raft leader).
   */
  #beginEpoch(): boolean {
    const start = this.#starts && startAt(this.#starts, this.#replica.log.length + 1);
    return !start || this.#replica.beginEpoch(start);
  }

  /** The part of the list that goes before the one in this frame; null if this is the first. */
  #toldBefore(frame: Frame): ToldEpochs | null {
    const told = this.#told;
    if (told === null || !goesWith(frame, this.#replica.ballot)) return null;
    return frame.part?.offset === told.offset + told.starts.length ? told : null;
  }

  /** Stores a part of a list until the other parts have arrived. */
  #tell(frame: Frame): void {
    const { epochs, part } = frame as Frame & { epochs: readonly EpochStart[]; part: EpochsPart };
    const before = this.#toldBefore(frame);
    if (before === null) this.#told = { offset: part.offset, starts: [...epochs] };
    else for (const start of epochs) before.starts.push(start);
  }

  /**
   * Whether this node knows what a part of a list leaves out: the part continues the one before, or begins with an
   * entry that this log has under the same ballot, so both logs are the same before it.
   */
  #goesOn(frame: Frame): boolean {
    const { epochs, part } = frame;
    const first = epochs?.[0];
    if (first === undefined || part === undefined || part.offset === 0) return true;
    const last = this.#toldBefore(frame)?.starts.at(-1);
    if (last !== undefined) {
      return compareBallots(first, last) > 0 && first.firstSeq >= last.firstSeq;
    }
    const { log, logId } = this.#replica;
    if (logId === null || log.length < first.firstSeq - 1) return false;
    const own = startAt(log.epochs, first.firstSeq);
    return own !== undefined && compareBallots(own, first) === 0;
  }

  #refusalOf(frame: Frame, epochs: readonly EpochStart[] | null): Refusal | null {
    const { logId, ballot, log } = this.#replica;
    if (frame.bootId !== undefined && frame.bootId !== this.#bootId) {
      return { kind: 'refused', problem: 'boot-mismatch', bootId: this.#bootId };
    }
    // A node without a log joins the log of a master that names its incarnation. A frame by hand names none, and
    // must not exchange one log for another.
    const isBound = this.#replica.hasLog || frame.bootId === undefined;
    if (logId !== null && frame.logId !== logId && isBound) {
      return { kind: 'refused', problem: 'log-mismatch', logId };
    }
    const isKnown = goesWith(frame, ballot);
    if (!isKnown && compareBallots(frame, ballot) < 0) {
      return { kind: 'refused', problem: 'stale-epoch', epoch: ballot.epoch };
    }
    // A master's log may differ from ours in any place until the two lists were compared.
    const isCompared = frame.epochs !== null || (this.#starts !== null && isKnown);
    if ((frame.writer !== '' && !isCompared) || !this.#goesOn(frame)) {
      return { kind: 'refused', problem: 'epochs-missing' };
    }
    const length = epochs === null ? log.length : this.#replica.sharedWith(epochs);
    // Messages buffered under another ballot, or behind a cut, are dropped.
    const held = !isKnown || length < log.length ? new HoldBack() : this.#held;
    const seq = log.differsAt(frame.from, frame.messages, length) ?? differsFromHeld(frame, held);
    if (seq !== null) return { kind: 'refused', problem: 'diverged', seq, length: log.length };
    if (frame.from <= length + 1 || fits(frame, held, length)) return null;
    return { kind: 'refused', problem: 'gap', length: log.length };
  }

  #join(logId: string): boolean {
    if (!this.#replica.begin(logId)) return false;
    this.#forgetMaster();
    this.#logEvent({ level: 'info', event: 'joined-log', fields: { logId } });
    return true;
  }

  #promise({ epoch, writer }: Ballot): void {
    if (!this.#replica.promise({ epoch, writer })) return;
    this.#forgetMaster();
    const fields = { epoch, writer: writer || null };
    this.#logEvent({ level: 'info', event: 'epoch-seen', fields });
  }

  /** This node promises its own ballot: it listens to no other master's frames until a newer one comes. */
  lead(ballot: Ballot): void {
    this.#replica.promise(ballot);
    this.#forgetMaster();
  }

  /** Forgets what an earlier master has sent ahead or said: the present one may not have it. */
  #forgetMaster(): void {
    this.#held.clear();
    this.#starts = null;
    this.#told = null;
    this.#completeFrom = null;
    this.#committed = 0;
  }

  /** Cuts off what the present master does not have; logged at warn. */
  #cutTo(shared: number, { epoch, writer }: Frame): boolean {
    const { length } = this.#replica.log;
    if (shared >= length) return true;
    const newest = this.#replica.newest;
    if (!this.#replica.cut(shared)) return false;
    this.#held.clear();
    const by = { epoch, writer: writer || null };
    const fields = { from: shared + 1, to: length, writtenUnder: newest.epoch, ...by };
    this.#logEvent({ level: 'warn', event: 'log-cut', fields });
    return true;
  }

  #hold(frame: Frame): void {
    const keys = new Map(frame.keys);
    const { messages, from } = frame;
    this.#held.put(
      messages.ends.map((_, i) => [
        from + i,
        { text: messageWithComma(messages, i), key: keys.get(from + i) },
      ]),
    );
  }

  /**
   * Appends the frame's messages from index `known` on and the buffered ones that follow them, and begins an epoch
   * that starts right behind. All in one step, or nothing if there is no room.
   */
  #show(frame: Frame, known: number): Refusal | null {
    const first = frame.from + known;
    const held = this.#heldFrom(frame.from + frame.messages.ends.length);
    const own = sliceMessages(frame.messages, known);
    const messages =
      held.length === 0 ? own : joinMessages([own, ...held.map(({ packed }) => packed)]);
    const keys = keysFrom(frame.keys, first, held);
    const last = first + messages.ends.length - 1;
    const starts = this.#starts ?? [{ epoch: frame.epoch, writer: frame.writer, firstSeq: 1 }];
    const [start, ...later] = startsWithin(starts, first, last + 1);
    if (!this.#replica.append(messages, start as EpochStart, keys, later)) return DISK_FULL;
    if (this.#held.size > 0) for (let seq = first; seq <= last; seq += 1) this.#held.take(seq);
    return null;
  }

  /** The buffered messages at `from` and directly behind it. */
  #heldFrom(from: number): Held[] {
    const run: Held[] = [];
    let message = this.#held.get(from);
    for (let seq = from; message !== undefined; message = this.#held.get(seq)) {
      const { text, key } = message;
      run.push({ seq, key, packed: { bytes: text, ends: [text.length] } });
      seq += 1;
    }
    return run;
  }
}

interface Held {
  readonly seq: number;
  readonly key: string | undefined;
  readonly packed: PackedMessages;
}

/** The keys of a frame from the seq `first` on, and those of the buffered messages behind it. */
function keysFrom(keys: EntryKeys, first: number, held: readonly Held[]): EntryKeys {
  const own = keys.filter(([seq]) => seq >= first);
  const more = held.flatMap(({ seq, key }) => (key === undefined ? [] : [[seq, key] as const]));
  return more.length === 0 ? own : [...own, ...more];
}

/** The first seq at which the frame and a buffered message differ; null if there is none. */
function differsFromHeld(frame: Frame, held: HoldBack): number | null {
  if (held.size === 0) return null;
  for (let i = 0; i < frame.messages.ends.length; i += 1) {
    const text = held.get(frame.from + i)?.text;
    if (text !== undefined && !sameBytes(text, messageWithComma(frame.messages, i)))
      return frame.from + i;
  }
  return null;
}

/** Whether there is room to buffer those messages of the frame that are not buffered yet. */
function fits(frame: Frame, held: HoldBack, length: number): boolean {
  const count = frame.messages.ends.length;
  let bytes = 0;
  for (let i = 0; i < count; i += 1) {
    if (held.get(frame.from + i) === undefined) bytes += messageWithComma(frame.messages, i).length;
  }
  return held.hasRoom(frame.from + count - 1, bytes, length);
}
