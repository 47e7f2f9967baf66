/**
 * Whom each machine hears as the master, written again in the plainest way: a member that hears a master promises no
 * candidate anything, and does not stand, unless that master hands over.
 */
import type { Frame, Heartbeat, HeartbeatRequest } from '../../../src/lib/core/protocol.ts';
import { type Ballot, compareBallots } from '../../../src/lib/core/recovery/ballot.ts';
import type { Refusal } from '../../../src/lib/core/refusal.ts';
import { must, mustEqual } from '../invariant-ids.ts';
import { type Machine, TIMES } from './machine.ts';
import type { World } from './world.ts';

interface Heard extends Ballot {
  readonly id: string;
  readonly bootId: string;
  at: number;
}

/** What a machine was before a request came. */
interface Before {
  readonly ballot: Ballot;
  readonly isMaster: boolean;
  readonly heard: Heard | null;
  readonly state: readonly unknown[];
}

const isSame = (a: Ballot | undefined, b: Ballot) => a !== undefined && compareBallots(a, b) === 0;

export class Stickiness {
  readonly #world: World;
  readonly #heard = new Map<Machine, Heard>();
  #before: Before | null = null;

  constructor(world: World) {
    this.#world = world;
  }

  /** The master that this machine has heard within the time-out; null if there is none. */
  heardBy(machine: Machine): Heard | null {
    const heard = this.#heard.get(machine);
    const isLate = heard === undefined || machine.clock >= heard.at + TIMES.electionTimeoutMs;
    return isLate ? null : heard;
  }

  /** After each event on a machine: who was not heard in time is heard no more, whatever comes of it later. */
  look(machine: Machine): void {
    if (this.heardBy(machine) === null) this.forget(machine);
  }

  forget(machine: Machine): void {
    this.#heard.delete(machine);
  }

  requestComes(to: Machine): void {
    this.#before = {
      ballot: ballotOf(to),
      isMaster: to.node.role === 'master',
      heard: this.heardBy(to),
      state: stateOf(to),
    };
  }

  requestCame(to: Machine, request: HeartbeatRequest, answer: Heartbeat | Refusal): void {
    const { prepare, sender, bootId, isCandidate, handover } = request;
    const { ballot, isMaster, heard, state } = this.#before as Before;
    const isMeant = bootId === null || bootId === to.node.bootId;
    if (prepare === null || !isMeant) {
      const what = `${to.id}: a poll, and what is said to another incarnation, changes nothing`;
      mustEqual('meant-for-one-run', stateOf(to), state, what);
      return;
    }
    if ('kind' in answer || sender === undefined || !isSame(prepare, ballotOf(to))) return;
    if (!isCandidate) {
      const { epoch, writer } = prepare;
      this.#heard.set(to, { id: sender.id, bootId: sender.bootId, epoch, writer, at: to.clock });
      return;
    }
    if (isSame(prepare, ballot)) return;
    const isListening = isMaster
      ? isSame(handover, ballot)
      : heard === null || isSame(handover, heard);
    const who = isMaster ? 'is the master' : `hears ${heard?.id}`;
    must(
      'sticky',
      isListening,
      `${to.id} ${who}, and promises ${sender.id} epoch ${prepare.epoch}`,
    );
    this.forget(to);
  }

  /** A candidate prepares: it hears no master, but for one that hands over to it. */
  prepares(machine: Machine, handover: Ballot | undefined): void {
    const heard = this.heardBy(machine);
    const mayStand = heard === null || isSame(handover, heard);
    must('sticky', mayStand, `${machine.id} prepares, and hears ${heard?.id}`);
  }

  frameComes(to: Machine): void {
    this.requestComes(to);
  }

  frameCame(to: Machine, frame: Frame): void {
    if (frame.bootId !== undefined && frame.bootId !== to.node.bootId) {
      const what = `${to.id}: a stream for another incarnation changes nothing`;
      mustEqual('meant-for-one-run', stateOf(to), this.#before?.state, what);
      return;
    }
    const heard = this.#heard.get(to);
    const isListening = isSame(frame, ballotOf(to));
    if (heard !== undefined && isListening && isSame(frame, heard)) heard.at = to.clock;
  }

  /** The outcome of a probe of a member. */
  probed(machine: Machine, to: Machine, outcome: object): void {
    const heard = this.heardBy(machine);
    if (heard === null || heard.id !== to.id) return;
    const isGone =
      'bootId' in outcome
        ? outcome.bootId !== heard.bootId
        : (outcome as { readonly isDown: boolean }).isDown;
    if (isGone) this.forget(machine);
    if (isGone) this.#world.reached('probe-finds-master-gone');
  }
}

function ballotOf({ node }: Machine): Ballot {
  return { epoch: node.epoch, writer: node.secondary.writer };
}

function stateOf({ node }: Machine): readonly unknown[] {
  const { epoch, logId, isComplete, committed, length } = node;
  return [epoch, logId, isComplete, committed, length, node.secondary.writer, node.role];
}
