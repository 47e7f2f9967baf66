/**
 * One incarnation's end of the network: streams that behave like TCP (in order, until they break or hang), heartbeats,
 * fetches and probes that get one outcome each. What a master asked for is reported to that master, though the node may
 * have another one by then, or none.
 */
import type { Master } from '../../../src/lib/core/master.ts';
import type { NodeEffects } from '../../../src/lib/core/node.ts';
import type {
  Frame,
  Heartbeat,
  HeartbeatRequest,
  OutgoingFrame,
} from '../../../src/lib/core/protocol.ts';
import type { LogEvent } from '../../../src/lib/core/refusal.ts';
import type { FrameAnswer } from '../../../src/lib/core/secondary.ts';
import { frameOf } from '../frames.ts';
import { exportLog } from './export.ts';
import { type Machine, TIMES } from './machine.ts';
import type { World } from './world.ts';

interface Link {
  readonly index: number;
  readonly to: Machine;
  readonly stream: number;
  readonly master: Master;
  readonly incarnation: number;
  isBroken: boolean;
  /** Whether nothing passes any more, and no end learns of it. */
  isHung: boolean;
  /** When the last message in each direction arrives; none overtakes it. */
  thereAt: number;
  backAt: number;
}

type Outcome = Heartbeat | { readonly reason: string; readonly isDown: boolean };

export class Wires implements NodeEffects {
  readonly #world: World;
  readonly #machine: Machine;
  readonly #others: readonly Machine[];
  readonly #links = new Map<number, Link>();
  readonly #incarnation: number;

  constructor(world: World, machine: Machine) {
    this.#world = world;
    this.#machine = machine;
    this.#incarnation = machine.incarnation;
    this.#others = world.machines.filter((one) => one !== machine);
  }

  get #master(): Master {
    return this.#machine.node.master as Master;
  }

  /** In this incarnation, if it still runs then. */
  #later(delayMs: number, run: () => void): void {
    if (this.#machine.incarnation === this.#incarnation) this.#machine.later(delayMs, run);
  }

  // --- streams -----------------------------------------------------------------------------------

  openStream(index: number, stream: number): void {
    const to = this.#others[index] as Machine;
    const link: Link = {
      index,
      to,
      stream,
      master: this.#master,
      incarnation: to.incarnation,
      isBroken: false,
      isHung: false,
      thereAt: 0,
      backAt: 0,
    };
    this.#links.set(index, link);
    if (!to.isUp && this.#world.passes(this.#machine, to)) this.#fail(link, 'refused');
  }

  sendFrame(index: number, outgoing: OutgoingFrame): void {
    const world = this.#world;
    const link = this.#links.get(index) as Link;
    const { log, keys, from, to, epochs, part, ...origin } = outgoing;
    const told = epochs === null ? undefined : part;
    const frame = frameOf({ log, keys }, origin, epochs, from, to, told);
    if (world.chance('breakRate')) {
      this.#fail(link, 'reset');
      this.#tellEnd(link);
    }
    if (link.isBroken || link.isHung) return;
    const at = world.arrival(this.#machine, link.to);
    if (at === null) {
      link.isHung = true;
      return;
    }
    link.thereAt = Math.max(at, link.thereAt);
    world.clock.after(link.thereAt - world.now, () => {
      if (!link.to.isUp || link.to.incarnation !== link.incarnation) return;
      link.to.now(() => this.#arrived(link, frame));
    });
    if (world.chance('twiceRate')) {
      world.deliverLate(link.to, () => this.#receive(link.to, frame, () => {}));
    }
  }

  #arrived(link: Link, frame: Frame): void {
    this.#receive(link.to, frame, (answer) => this.#answered(link, answer));
  }

  #receive(to: Machine, frame: Frame, onAnswer: (answer: FrameAnswer) => void): void {
    const { judge } = this.#world;
    judge.frameComes(to, frame);
    to.node.receive(frame, [1, 1], to.clock, (answer) => {
      judge.frameAnswered(to, frame, answer);
      onAnswer(answer);
    });
    judge.frameCame(to);
  }

  #answered(link: Link, answer: FrameAnswer): void {
    const world = this.#world;
    if (link.isBroken || link.isHung) return;
    const at = world.arrival(link.to, this.#machine);
    if (at === null) {
      link.isHung = true;
      return;
    }
    link.backAt = Math.max(at, link.backAt);
    this.#later(link.backAt - world.now, () => {
      if (link.isBroken) return;
      if (answer.kind === 'refused') {
        const staleBy = answer.problem === 'stale-epoch' ? answer.epoch : null;
        const isRestarted = answer.problem === 'boot-mismatch';
        this.#end(link, answer.problem, staleBy, isRestarted);
        return;
      }
      const { clock } = this.#machine;
      link.master.acked(link.index, link.stream, answer.ack, clock, world.random());
      this.#later(0, () => link.master.flush(this.#machine.clock));
    });
  }

  closeStream(index: number): void {
    this.abortStream(index);
  }

  abortStream(index: number): void {
    const link = this.#links.get(index);
    this.#links.delete(index);
    if (link === undefined) return;
    link.isBroken = true;
    this.#tellEnd(link);
  }

  /** The other end learns that the stream is over, if that gets there. */
  #tellEnd({ to, incarnation }: Link): void {
    const world = this.#world;
    if (!world.passes(this.#machine, to)) return;
    world.clock.after(world.latency(), () => {
      if (to.incarnation === incarnation) to.now(() => to.node.streamEnded(to.clock));
    });
  }

  #fail(link: Link, reason: string): void {
    this.#later(this.#world.latency(), () => this.#end(link, reason, null, false));
  }

  #end(link: Link, reason: string, staleBy: number | null, isRestarted: boolean): void {
    if (link.isBroken) return;
    link.isBroken = true;
    if (this.#links.get(link.index) === link) this.#links.delete(link.index);
    const failure = { reason, staleBy, isRestarted };
    const { clock } = this.#machine;
    link.master.streamFailed(link.index, link.stream, failure, clock, this.#world.random());
  }

  /** A machine has crashed: both ends of its streams learn of it where something passes. */
  crashed(machine: Machine): void {
    for (const link of this.#links.values()) {
      if (machine === this.#machine) this.#tellEnd(link);
      else if (machine === link.to && this.#world.passes(machine, this.#machine)) {
        this.#fail(link, 'reset');
      }
    }
  }

  // --- questions ---------------------------------------------------------------------------------

  askHeartbeat(index: number, request: HeartbeatRequest, timeoutMs: number): void {
    const machine = this.#machine;
    const { judge } = this.#world;
    const to = this.#others[index] as Machine;
    const master = this.#master;
    const sender = { id: machine.id, bootId: machine.node.bootId, members: machine.digest };
    const told = { ...request, sender };
    const question = judge.asks(machine, to, master, told);
    this.#ask(to, told, timeoutMs, (outcome) => {
      if ('reason' in outcome) {
        master.heartbeatMissed(index, outcome.reason, outcome.isDown, machine.clock);
        return;
      }
      judge.answerComes(machine, to, master, question, told, outcome);
      master.heartbeatAnswered(index, outcome, machine.clock);
    });
  }

  probe(member: string): void {
    const machine = this.#machine;
    const to = this.#others.find(({ id }) => id === member) as Machine;
    const poll = { prepare: null, bootId: null, completeFrom: null, committed: 0 };
    this.#ask(to, poll, TIMES.heartbeatTimeoutMs, (outcome) => {
      this.#world.judge.probed(machine, to, outcome);
      machine.node.probed(member, outcome, machine.clock, this.#world.random());
    });
  }

  #ask(
    to: Machine,
    request: HeartbeatRequest,
    timeoutMs: number,
    onEnd: (outcome: Outcome) => void,
  ): void {
    const world = this.#world;
    const machine = this.#machine;
    let isOver = false;
    const end = (outcome: Outcome) => {
      if (isOver) return;
      isOver = true;
      onEnd(outcome);
    };
    this.#later(machine.spanMs(timeoutMs), () => end({ reason: 'timed out', isDown: false }));
    const back = (outcome: Outcome) => {
      const at = world.arrival(to, machine);
      if (at !== null) this.#later(at - world.now, () => end(outcome));
    };
    const at = world.arrival(machine, to);
    if (at === null) return;
    world.clock.after(at - world.now, () => {
      if (!to.isUp) back({ reason: 'refused', isDown: true });
      else to.now(() => back(this.#answerOf(to, request)));
    });
    if (world.chance('twiceRate')) world.deliverLate(to, () => this.#answerOf(to, request));
  }

  #answerOf(to: Machine, request: HeartbeatRequest): Outcome {
    const { judge, random } = this.#world;
    judge.requestComes(to, request);
    const answer = to.node.heartbeat(request, to.clock, random);
    judge.requestCame(to, request, answer);
    return 'kind' in answer ? { reason: answer.problem, isDown: false } : answer;
  }

  fetchLog(index: number, fetch: number, from: number): void {
    const world = this.#world;
    const machine = this.#machine;
    const to = this.#others[index] as Machine;
    const master = this.#master;
    let isOver = false;
    const end = (reason: string | null) => {
      if (isOver) return;
      isOver = true;
      master.fetchOver(fetch, reason, machine.clock);
    };
    const part = (frames: readonly Frame[]) => {
      this.#later(machine.spanMs(TIMES.recoveryTimeoutMs), () => end('nothing came in time'));
      const at = world.arrival(to, machine);
      if (at === null) return;
      this.#later(at - world.now, () => {
        if (isOver) return;
        const [frame, ...rest] = frames;
        if (frame === undefined) end(null);
        else if (master.fetched(fetch, frame)) part(rest);
        else isOver = true;
      });
    };
    this.#later(machine.spanMs(TIMES.recoveryTimeoutMs), () => end('nothing came in time'));
    const at = world.arrival(machine, to);
    if (at === null) return;
    world.clock.after(at - world.now, () => {
      if (to.isUp) to.now(() => part(to.node.logId === null ? [] : exportLog(to.node, from)));
    });
  }

  logEvent({ event, fields }: LogEvent): void {
    this.#world.say(`${this.#machine.id}: ${event} ${JSON.stringify(fields)}`);
    this.#world.reached(event);
    this.#world.judge.logged(this.#machine, event, fields);
  }
}
