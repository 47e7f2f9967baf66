/**
 * One client of the cluster: appends its messages, waits for their write concern, and sends them
 * again with the same idempotency key when it gets no answer; some are impatient, some leave.
 */

import type { Accepted } from '../../src/lib/core/appends.ts';
import type { WaitEnd, Waiter, WriteConcern } from '../../src/lib/core/concerns/write-concern.ts';
import { packMessages } from '../../src/lib/core/log/messages.ts';
import { must, mustEqual } from './invariant-ids.ts';
import type { MasterHost } from './master-host.ts';
import type { Simulation } from './simulation.ts';

export type ClientState = 'trying' | 'waiting' | 'acked' | 'gave-up';

export class Client {
  readonly texts: readonly string[];
  readonly key: string | null;
  readonly w: WriteConcern;
  #state: ClientState = 'trying';
  host: MasterHost | null = null;
  waiter: Waiter | null = null;
  /** The place and the number of nodes of the present attempt, and when it began to wait. */
  place: { readonly seq: number; readonly w: number; readonly until: number } | null = null;
  readonly #simulation: Simulation;
  readonly #patienceMs: number;

  /** @param w what it asks for; without it the seed decides, and how patient it is */
  constructor(
    simulation: Simulation,
    texts: readonly string[],
    key: string | null,
    w?: WriteConcern,
  ) {
    this.#simulation = simulation;
    this.texts = texts;
    this.key = key;
    const choices: WriteConcern[] = [
      'all',
      'majority',
      1,
      1,
      simulation.pick(simulation.nodes) + 1,
    ];
    this.w = w ?? (choices[simulation.pick(choices.length)] as WriteConcern);
    const isImpatient = w === undefined && simulation.random() < 0.2;
    this.#patienceMs = isImpatient ? simulation.random() * 3000 : Number.POSITIVE_INFINITY;
    this.#try();
  }

  get state(): ClientState {
    return this.#state;
  }

  set state(state: ClientState) {
    this.#state = state;
    if (state === 'waiting') this.#simulation.waiting.add(this);
    else this.#simulation.waiting.delete(this);
  }

  get name(): string {
    return this.texts[0] as string;
  }

  /** Sends the append to some master that runs. */
  #try(): void {
    const simulation = this.#simulation;
    const hosts = simulation.masters.filter(({ isUp }) => isUp);
    const host = hosts[simulation.pick(hosts.length)];
    this.place = null;
    this.waiter = null;
    this.host = host ?? null;
    this.state = 'trying';
    if (host === undefined) this.again();
    else host.later(simulation.latency() / 10, () => this.#append(host));
  }

  /** No answer, or one that says to try again: only with a key that is safe. */
  again(): void {
    if (this.key === null) {
      this.state = 'gave-up';
      return;
    }
    this.state = 'trying';
    this.host = null;
    this.#simulation.after(50 + this.#simulation.random() * 900, () => this.#try());
  }

  #append(host: MasterHost): void {
    const simulation = this.#simulation;
    const { w, key } = this;
    const messages = packMessages(this.texts);
    const deadline = host.clock + this.#patienceMs;
    const request = { messages, key, w, deadline };
    const lengthBefore = host.core.length;
    const status = host.core.status();
    const outcome = host.core.append(request, host.clock, (end) => this.#ended(end));
    if (outcome.kind === 'refused') {
      simulation.say(`${host.id}: append ${this.name} refused: ${outcome.problem}`);
      simulation.history.refused(host, lengthBefore);
      this.again();
      return;
    }
    const { seq, count } = outcome;
    simulation.say(
      `${host.id}: append ${this.name} w=${outcome.w} -> ${seq}${outcome.isDuplicate ? ', again' : ''}`,
    );
    const mayAppend = status === 'ok' || status === 'degraded' || outcome.isDuplicate;
    must('quorum-decides', mayAppend, `${host.id}: nothing is appended while it is ${status}`);
    simulation.history.appended(host, this, outcome);
    this.place = { seq: seq + count - 1, w: outcome.w, until: deadline };
    if (simulation.mischief(0.05)) this.#useKeyAgain(host);
    host.later(0, () => host.core.flush(host.clock));
    this.#begin(outcome);
  }

  /** A mistake of a client: the same key with another message. Nothing may come of it. */
  #useKeyAgain(host: MasterHost): void {
    const { core, clock } = host;
    const { key, w } = this;
    if (key === null) return;
    const { length } = core;
    const messages = packMessages([...this.texts.slice(1), `not ${this.name}`]);
    const outcome = core.append({ messages, key, w, deadline: clock }, clock, () => {});
    mustEqual(
      'refused-is-not-appended',
      outcome.kind,
      'refused',
      `${host.id}: a key is refused for another message`,
    );
    mustEqual(
      'refused-is-not-appended',
      core.length,
      length,
      `${host.id}: what is refused was not appended`,
    );
    this.#simulation.history.reached('key-reused');
  }

  #begin({ wait }: Accepted): void {
    const isQuick = this.place?.w === 1 && this.#simulation.weather.disk !== 'always';
    must(
      'waiters-are-answered',
      !isQuick || typeof wait === 'string',
      `${this.name}: no w=1 ever waits`,
    );
    if (typeof wait === 'string') {
      this.#ended(wait);
      return;
    }
    this.state = 'waiting';
    this.waiter = wait;
    if (this.#simulation.random() < 0.05) {
      (this.host as MasterHost).later(this.#simulation.random() * 2000, () => this.#leave(wait));
    }
  }

  #ended(end: WaitEnd): void {
    const simulation = this.#simulation;
    const host = this.host as MasterHost;
    simulation.say(`client ${this.name}: ${end}`);
    if (end === 'holds') {
      this.state = 'acked';
      simulation.history.answered(host, this);
    } else if (end === 'time-is-up') this.state = 'gave-up';
    else this.again();
  }

  #leave(waiter: Waiter): void {
    if (this.state !== 'waiting' || this.waiter !== waiter) return;
    this.host?.core.cancel(waiter);
    this.state = 'gave-up';
    this.#simulation.say(`client ${this.name}: leaves`);
  }

  /** A machine has crashed: if it was ours, there is no answer. */
  hostCrashed(host: MasterHost): void {
    if (this.host === host && (this.state === 'waiting' || this.state === 'trying')) this.again();
  }
}
