/**
 * A client that appends, and follows the master: told of another master it goes there, and without an answer it sends the
 * same again with the same key, to any member.
 */
import type { Accepted } from '../../../src/lib/core/appends.ts';
import {
  nodesRequired,
  type WaitEnd,
  type WriteConcern,
} from '../../../src/lib/core/concerns/write-concern.ts';
import { packMessages } from '../../../src/lib/core/log/messages.ts';
import type { Refusal } from '../../../src/lib/core/refusal.ts';
import { must } from '../invariant-ids.ts';
import { majorityOf } from '../oracle.ts';
import { textAt } from './commitments.ts';
import type { Operation } from './linearizer.ts';
import type { Machine } from './machine.ts';
import type { World } from './world.ts';

export class Writer {
  readonly texts: readonly string[];
  readonly w: WriteConcern;
  isAcked = false;
  /** Whether it sends nothing any more. */
  isOver = false;
  readonly #world: World;
  readonly #key: string | null;
  readonly #operation: Operation;
  readonly #patienceMs: number;
  #at: Machine | null = null;
  /** The master that the last answer named. */
  #named: string | null = null;
  /** Under which epoch an earlier attempt was stored. */
  #storedUnder: number | null = null;
  #attempt = 0;

  constructor(world: World, texts: readonly string[], key: string | null, w?: WriteConcern) {
    this.#world = world;
    this.texts = texts;
    this.#key = key;
    const { nodes } = world.weather;
    const choices: WriteConcern[] = ['majority', 'majority', 'majority', 'all', 1, nodes];
    this.w = w ?? world.pick(choices);
    this.#patienceMs = w === undefined && world.happens(0.2) ? world.random() * 3000 : 1e9;
    this.#operation = world.linearizer.begin();
    this.#try();
  }

  #try(): void {
    const { running, clock } = this.#world;
    const named = running.find(({ id }) => id === this.#named);
    const machine = named ?? this.#world.pick(running);
    this.#named = null;
    this.#at = machine ?? null;
    this.#attempt += 1;
    const attempt = this.#attempt;
    if (machine === undefined) {
      this.#again();
      return;
    }
    clock.after(this.#world.latency(), () => {
      if (!machine.isUp && this.#attempt === attempt) this.#again();
      else machine.now(() => this.#arrived(machine, attempt));
    });
    // It is not told when its connection hangs: it goes to another member then.
    if (this.#key !== null) clock.after(6000, () => this.#giveUpOn(attempt));
  }

  #giveUpOn(attempt: number): void {
    if (this.#attempt === attempt && !this.isOver && !this.#world.isCalm) this.#again();
  }

  /** No answer, or one that says to try again: only with a key that is safe. */
  #again(): void {
    this.#at = null;
    this.#attempt += 1;
    if (this.#key === null) {
      this.isOver = true;
      return;
    }
    const attempt = this.#attempt;
    this.#world.clock.after(50 + this.#world.random() * 500, () => {
      if (this.#attempt === attempt && !this.isOver) this.#try();
    });
  }

  #arrived(machine: Machine, attempt: number): void {
    const { node } = machine;
    if (node.isHandingOver) {
      this.#world.reached('waits-for-handover');
      machine.afterHandover.push(() => this.#arrived(machine, attempt));
      return;
    }
    const { master } = node;
    if (master === null || node.role !== 'master') {
      this.#refused(node.notMaster(machine.clock), attempt);
      return;
    }
    const { length, epoch } = node;
    const deadline = machine.clock + this.#patienceMs;
    const request = { messages: packMessages(this.texts), key: this.#key, w: this.w, deadline };
    let accepted: Accepted | null = null;
    const outcome = master.append(request, machine.clock, (end) => {
      if (accepted !== null) this.#ended(machine, accepted, end, attempt);
    });
    if (outcome.kind === 'refused') {
      const what = `${machine.id}: ${outcome.problem}`;
      must('refused-is-not-appended', node.log.length === length, what);
      this.#refused(outcome, attempt);
      return;
    }
    accepted = outcome;
    this.#stored(machine, outcome, epoch);
    machine.later(0, () => master.flush(machine.clock));
    if (typeof outcome.wait === 'string') this.#ended(machine, outcome, outcome.wait, attempt);
  }

  #stored({ id, node }: Machine, { seq, isDuplicate }: Accepted, epoch: number): void {
    this.#world.say(`${id}: append ${this.texts[0]} w=${this.w} -> ${seq}`);
    const found = this.texts.map((_, i) => textAt(node.log, seq + i));
    const isThere = found.every((text, i) => text === this.texts[i]);
    must('receipt-is-exact', isThere, `${id}: ${this.texts} is said to be at ${seq}`);
    const before = this.#storedUnder;
    if (before !== null && before < epoch && !isDuplicate) {
      this.#world.reached('lost-key-appended');
    }
    if (isDuplicate) this.#world.reached('duplicate');
    this.#storedUnder = epoch;
  }

  #refused(refusal: Refusal, attempt: number): void {
    if (attempt !== this.#attempt) return;
    this.#world.reached(refusal.problem);
    this.#named = refusal.problem === 'not-master' ? refusal.master.id : null;
    this.#again();
  }

  #ended(machine: Machine, { seq, w }: Accepted, end: WaitEnd, attempt: number): void {
    const { judge, linearizer, weather } = this.#world;
    const last = seq + this.texts.length - 1;
    if (end === 'holds') {
      judge.terms.holds(machine, last, w);
      if (nodesRequired(w, weather.nodes) >= majorityOf(weather.nodes)) {
        judge.commitments.acknowledged(machine, seq, this.texts);
        if (attempt === this.#attempt) linearizer.appended(this.#operation, seq, last);
      }
    }
    if (attempt !== this.#attempt || this.isOver) return;
    this.#world.say(`client ${this.texts[0]}: ${end}`);
    this.isAcked = end === 'holds';
    this.isOver = end === 'holds' || end === 'time-is-up';
    if (!this.isOver) this.#again();
  }

  /** A machine has crashed: if it was the one that it waits at, there is no answer. */
  crashed(machine: Machine): void {
    if (this.#at === machine && !this.isOver) this.#again();
  }
}
