/** The judge of a simulation: sees every event on every machine, and holds the invariants. */
import type { Master } from '../../../src/lib/core/master.ts';
import type { Frame, Heartbeat, HeartbeatRequest } from '../../../src/lib/core/protocol.ts';
import { type Ballot, compareBallots } from '../../../src/lib/core/recovery/ballot.ts';
import type { Refusal } from '../../../src/lib/core/refusal.ts';
import type { FrameAnswer } from '../../../src/lib/core/secondary.ts';
import { must } from '../invariant-ids.ts';
import { Commitments } from './commitments.ts';
import type { Machine } from './machine.ts';
import { Stickiness } from './stickiness.ts';
import { type Question, Terms } from './terms.ts';
import type { World } from './world.ts';

export class Judge {
  readonly commitments: Commitments;
  readonly stickiness: Stickiness;
  readonly terms: Terms;
  readonly #world: World;
  /** By machine: its newest ballot, in this memory. */
  readonly #ballots = new Map<Machine, Ballot & { readonly memory: number }>();
  #frame: Frame | null = null;
  /** The length of the log when a master took over last. */
  #lengthBefore = -1;

  constructor(world: World) {
    this.#world = world;
    this.commitments = new Commitments(world);
    this.stickiness = new Stickiness(world);
    this.terms = new Terms(world);
  }

  started(machine: Machine): void {
    this.stickiness.forget(machine);
    this.look(machine);
  }

  look(machine: Machine): void {
    this.commitments.look(machine);
    this.terms.look(machine);
    this.stickiness.look(machine);
    const { node, memory } = machine;
    const ballot = { epoch: node.epoch, writer: node.secondary.writer, memory };
    const before = this.#ballots.get(machine);
    const isKept = before?.memory !== memory || compareBallots(ballot, before) >= 0;
    // While a disk is full a promise is only in memory.
    const what = `${machine.id} goes back from epoch ${before?.epoch} to ${ballot.epoch}`;
    must('epoch-never-falls', isKept || this.#world.hasBeenFull.has(machine), what);
    this.#ballots.set(machine, ballot);
    for (const tail of this.#world.tails) tail.look(machine);
  }

  ticked(machine: Machine): void {
    this.terms.look(machine);
    this.terms.ticked(machine);
  }

  frameComes(to: Machine, frame: Frame): void {
    this.#frame = frame;
    this.stickiness.frameComes(to);
  }

  frameCame(to: Machine): void {
    this.stickiness.frameCame(to, this.#frame as Frame);
  }

  frameAnswered(to: Machine, { epoch, writer }: Frame, answer: FrameAnswer): void {
    if (answer.kind === 'ack' && answer.ack.isLogMatched !== false) {
      this.terms.acked(to, { epoch, writer }, answer.ack);
    }
  }

  requestComes(to: Machine, _request: HeartbeatRequest): void {
    this.stickiness.requestComes(to);
  }

  requestCame(to: Machine, request: HeartbeatRequest, answer: Heartbeat | Refusal): void {
    this.stickiness.requestCame(to, request, answer);
    if ('kind' in answer || request.prepare === null || !answer.prepareReply?.isLogMatched) return;
    this.terms.said(answer.bootId, request.prepare, answer.length);
  }

  asks(machine: Machine, to: Machine, master: Master, request: HeartbeatRequest): Question {
    const isAccepting = this.#world.isAccepting === machine;
    if (request.isCandidate && request.prepare !== null && !isAccepting) {
      this.stickiness.prepares(machine, request.handover);
    }
    return this.terms.asks(machine, to, master, request);
  }

  answerComes(
    machine: Machine,
    to: Machine,
    master: Master,
    question: Question,
    request: HeartbeatRequest,
    answer: Heartbeat,
  ): void {
    this.terms.answerComes(machine, to, master, question, request, answer);
  }

  probed(machine: Machine, to: Machine, outcome: object): void {
    this.stickiness.probed(machine, to, outcome);
  }

  logged(machine: Machine, event: string, fields: Readonly<Record<string, unknown>>): void {
    const { node } = machine;
    if (event === 'elected') this.#elected(machine);
    if (event === 'elected' || event === 'not-elected' || event === 'stepped-down') {
      this.stickiness.forget(machine);
    }
    if (event === 'member-admitted') this.terms.admitted(machine, fields.secondary as string);
    if (event === 'stepped-down' && fields.reason === 'no majority has answered in time') {
      this.#world.reached('no-majority');
      if (machine.hungUntil > this.#world.now) this.#world.reached('master-disk-hangs');
      const isHeard = this.#world.machines.some((other) => {
        const heard = other.isUp && other !== machine ? this.stickiness.heardBy(other) : null;
        return heard?.id === machine.id;
      });
      if (isHeard) this.#world.reached('no-quorum-but-heard');
    }
    if (event === 'handover-over' && 'reason' in fields) this.#world.reached('handover-broke');
    if (event === 'handover-over' && 'to' in fields) this.#world.reached('handover-done');
    if (event === 'log-cut' && node.role !== 'secondary') this.#world.reached('candidate-cut');
  }

  #elected(machine: Machine): void {
    const { length, epochs } = machine.node.log;
    this.commitments.look(machine);
    this.commitments.tookOver(machine);
    this.terms.tookOver(machine);
    if (this.#lengthBefore === length) this.#world.reached('masters-write-nothing');
    this.#lengthBefore = length;
    if (length > this.commitments.length && epochs.length > 1) {
      this.#world.reached('older-epoch-uncommitted');
    }
  }
}
