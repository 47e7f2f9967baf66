/**
 * What each candidate and master was told, written down as it came: who promised it, whose acks may count, who has
 * answered when. So its decisions are judged by the rules of the contract, and not by its own code.
 */
import type { Master } from '../../../src/lib/core/master.ts';
import type { Ack, Heartbeat, HeartbeatRequest } from '../../../src/lib/core/protocol.ts';
import { type Ballot, compareBallots } from '../../../src/lib/core/recovery/ballot.ts';
import { must } from '../invariant-ids.ts';
import { majorityOf } from '../oracle.ts';
import { type Machine, TIMES } from './machine.ts';
import type { World } from './world.ts';

/** How late an elected master may look whether a majority has answered, in ms. */
const LOOK_MS = 300;

/** A question, by its number among all of one master, and when it was asked. */
export interface Question {
  readonly number: number;
  readonly at: number;
}

const NEVER: Question = { number: 0, at: Number.NEGATIVE_INFINITY };

interface Told {
  bootId: string;
  isComplete: boolean;
  answered: Question;
}

interface Term {
  readonly told: Map<string, Told>;
  readonly promises: Map<string, Heartbeat>;
  readonly admitted: Set<string>;
  questions: number;
  /** The last question that was asked before an incomplete incarnation was met. */
  metAfter: number;
  wasComplete: boolean;
  tookOverAt: number;
  /** Up to where it has committed, or knew it when it took over. */
  committed: number;
}

export class Terms {
  readonly #world: World;
  readonly #terms = new Map<Master, Term>();
  /** How far each incarnation has said to hold the log of a ballot. */
  readonly #held = new Map<string, number>();
  readonly #completeBoots = new Set<string>();
  readonly #syncedAt = new Map<Machine, number>();
  readonly #durable = new Map<Machine, number>();
  /** By member: the newest ballot that an earlier memory of it has promised. */
  readonly #forgotten = new Map<string, Ballot>();

  constructor(world: World) {
    this.#world = world;
  }

  #termOf(master: Master): Term {
    let term = this.#terms.get(master);
    if (term === undefined) {
      term = {
        told: new Map(),
        promises: new Map(),
        admitted: new Set(),
        questions: 0,
        metAfter: 0,
        wasComplete: false,
        tookOverAt: Number.NEGATIVE_INFINITY,
        committed: 0,
      };
      this.#terms.set(master, term);
    }
    return term;
  }

  /** After each event on a machine. */
  look(machine: Machine): void {
    const { node, clock } = machine;
    if (node.isComplete && !this.#completeBoots.has(node.bootId)) this.#completed(machine);
    const durable = node.secondary.length;
    const isSynced = durable > (this.#durable.get(machine) ?? 0) || durable >= node.log.length;
    if (isSynced) this.#syncedAt.set(machine, clock);
    this.#durable.set(machine, durable);
    if (node.role === 'master') this.#committed(machine);
  }

  /** What a master commits is on a majority that has all of the log that it took over: copies alone do not count. */
  #committed(machine: Machine): void {
    const { node } = machine;
    const { committed, log } = node;
    const term = this.#termOf(node.master as Master);
    if (committed <= term.committed) return;
    term.committed = committed;
    const firstSeq = log.epochs.at(-1)?.firstSeq ?? 1;
    const { size } = this.#holders(machine, Math.max(committed, firstSeq - 1));
    const what = `${machine.id} commits ${committed}, and ${size} members hold what it took over`;
    must('committed-is-final', size >= majorityOf(this.#world.machines.length), what);
  }

  /** It was complete before this run, takes over, or was admitted. */
  #completed({ id, node, startedComplete }: Machine): void {
    this.#completeBoots.add(node.bootId);
    const isAdmitted = [...this.#terms.values()].some(({ admitted }) => admitted.has(node.bootId));
    const mayBe = startedComplete || node.role === 'master' || isAdmitted;
    must('complete-is-admitted', mayBe, `${id} is complete, and nobody has admitted it`);
  }

  asks(machine: Machine, to: Machine, master: Master, request: HeartbeatRequest): Question {
    const term = this.#termOf(master);
    const { node } = machine;
    term.wasComplete = node.isComplete;
    term.questions += 1;
    if (request.isCandidate && request.prepare !== null) {
      const { ballot = { epoch: 0, writer: '' } } = machine.disk.load() ?? {};
      const what = `${machine.id} asks for what it has not promised on its disk`;
      must('promised-before-asked', compareBallots(ballot, request.prepare) >= 0, what);
    } else if (request.handover !== undefined && request.bootId === to.node.bootId && to.isUp) {
      const isWhole = to.node.isComplete && to.node.secondary.length >= node.length;
      must('handover-to-the-whole', isWhole, `${machine.id} hands over to ${to.id}`);
    }
    return { number: term.questions, at: machine.clock };
  }

  answerComes(
    { digest }: Machine,
    to: Machine,
    master: Master,
    question: Question,
    { prepare, isCandidate, bootId }: HeartbeatRequest,
    answer: Heartbeat,
  ): void {
    const term = this.#termOf(master);
    const { prepareReply } = answer;
    const isComplete = prepareReply?.isComplete === true;
    const isOfUs = answer.nodeId === to.id && answer.members === digest;
    if (!isOfUs) return;
    let isPromise = false;
    if (isCandidate) {
      if (!isComplete) this.#world.reached('incomplete-answers');
      if (answer.master !== undefined) this.#world.reached('there-is-a-master');
      const isMeant = answer.master === undefined && answer.bootId === bootId;
      isPromise = isMeant && prepare !== null && prepareReply?.writer === prepare.writer;
      if (isPromise) term.promises.set(to.id, answer);
    } else {
      const ballot = { epoch: answer.epoch, writer: prepareReply?.writer ?? '' };
      if (prepare !== null && compareBallots(ballot, prepare) > 0) return;
    }
    const known = term.told.get(to.id);
    const isNew = known?.bootId !== answer.bootId;
    if (isNew && known !== undefined) this.#world.reached('one-member-across-restart');
    if (isNew && !isComplete) term.metAfter = term.questions;
    // A promise is an answer as well: no newer ballot was promised until then.
    // What is answered to a prepare after the takeover counts like the answer to a heartbeat: no newer ballot is told.
    const isLate = prepare !== null && master.leadership !== null;
    const answered = isCandidate && !isPromise && !isLate ? NEVER : question;
    term.told.set(to.id, { bootId: answer.bootId, isComplete, answered });
  }

  /** A statement of what an incarnation holds of the log of this ballot. */
  said(bootId: string, ballot: Ballot, length: number): void {
    const id = `${bootId} ${ballot.epoch}/${ballot.writer}`;
    this.#held.set(id, Math.max(this.#held.get(id) ?? 0, length));
  }

  acked(to: Machine, ballot: Ballot, ack: Ack): void {
    this.said(ack.bootId, ballot, ack.length);
    const forgotten = this.#forgotten.get(to.id);
    if (forgotten !== undefined && compareBallots(ballot, forgotten) < 0) {
      this.#world.reached('promise-forgotten');
    }
  }

  wiped(machine: Machine): void {
    const { epoch, secondary } = machine.node;
    this.#forgotten.set(machine.id, { epoch, writer: secondary.writer });
  }

  /** It is the master now: by enough promises of complete members, or all have none and promise. */
  tookOver(machine: Machine): void {
    const { node } = machine;
    const term = this.#termOf(node.master as Master);
    term.tookOverAt = machine.clock;
    term.committed = node.committed;
    if (this.#world.isAccepting === machine) return;
    const nodes = this.#world.machines.length;
    const promises = [...term.promises.values()];
    const hasLog = ({ length, prepareReply }: Heartbeat) =>
      length > 0 || (prepareReply?.lastEpoch ?? 0) > 0;
    const votes = promises.filter(
      (one) => one.prepareReply?.isComplete && one.logId === node.logId,
    );
    const isElected = term.wasComplete && 1 + votes.length >= nodes - majorityOf(nodes) + 1;
    const isBirth = promises.length === nodes - 1 && !promises.some(hasLog) && !term.wasComplete;
    const what = `${machine.id} takes over with ${promises.length} promises, ${votes.length} votes`;
    must('takeover-by-rule', isElected || isBirth, what);
    if (isElected && votes.length < promises.length) this.#world.reached('incomplete-no-vote');
  }

  /** A master admits a member: all others have answered since it met an incomplete one last. */
  admitted(machine: Machine, id: string): void {
    const term = this.#termOf(machine.node.master as Master);
    for (const { id: other } of this.#world.machines) {
      if (other === machine.id || other === id) continue;
      const { number } = term.told.get(other)?.answered ?? { number: 0 };
      const what = `${machine.id} admits ${id}, and ${other} has not answered since`;
      must('admitted-by-rule', number > term.metAfter, what);
    }
    const { bootId } = term.told.get(id) as Told;
    term.admitted.add(bootId);
  }

  /** Clients are told that `w` nodes hold the entry at `seq`: so many, of those whose acks count, have said so. */
  holds(machine: Machine, seq: number, w: number): void {
    const held = this.#holders(machine, seq);
    const what = `${machine.id}: ${seq} is on ${[...held]}, and ${w} are said to hold it`;
    must('w-is-held', held.size >= w, what);
  }

  /** The members that have said to hold the entry at `seq` of this master's log, of those whose acks count. */
  #holders(machine: Machine, seq: number): ReadonlySet<string> {
    const { node } = machine;
    const term = this.#termOf(node.master as Master);
    const ballot = (node.master as Master).leadership as Ballot;
    const name = `${ballot.epoch}/${ballot.writer}`;
    const held = new Set<string>();
    if (node.secondary.length >= seq) held.add(machine.id);
    for (const [id, length] of this.#held) {
      const [bootId = '', of] = id.split(' ');
      const isVoter = this.#completeBoots.has(bootId) || term.admitted.has(bootId);
      if (of === name && length >= seq && isVoter) held.add(bootId.split('/')[0] as string);
    }
    return held;
  }

  /** A master that no majority, or its own disk, has answered for the time-out is none any more. */
  ticked(machine: Machine): void {
    const { node, clock } = machine;
    if (node.role !== 'master') return;
    const term = this.#termOf(node.master as Master);
    const since = clock - TIMES.electionTimeoutMs - LOOK_MS;
    const mustHave = majorityOf(this.#world.machines.length) - 1;
    const told = [...term.told.values()];
    // Those that have lost their disks count as well: while they are refilled, nobody else could be elected.
    const heard = told.filter(({ answered }) => answered.at >= since);
    const hasMajority = heard.length >= mustHave || term.tookOverAt >= since;
    must('steps-down', hasMajority, `${machine.id} is the master, and no majority answers it`);
    const isSynced = (this.#syncedAt.get(machine) ?? clock) >= since;
    must('steps-down', isSynced, `${machine.id} is the master, and its disk hangs`);
  }
}
