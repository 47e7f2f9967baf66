/**
 * A cluster that elects its master in one deterministic process: the cores that run in the nodes, under a virtual clock,
 * a network, disks and a nemesis that are all drawn from one seed.
 */
import { seededRandom } from '../../../src/lib/runtime/random.ts';
import { Clock } from '../clock.ts';
import { Judge } from './judge.ts';
import { Linearizer } from './linearizer.ts';
import { Machine } from './machine.ts';
import { Tail } from './tail.ts';
import { drawWeather, type Weather } from './weather.ts';
import { Writer } from './writer.ts';

type Rate = 'lossRate' | 'lateRate' | 'twiceRate' | 'breakRate';
const LATE_MS = 8000;

export class World {
  readonly random: () => number;
  readonly weather: Weather;
  readonly clock = new Clock();
  readonly trace: string[] = [];
  readonly states = new Set<string>();
  readonly machines: readonly Machine[];
  readonly writers: Writer[] = [];
  readonly tails: readonly Tail[];
  readonly judge: Judge;
  readonly linearizer = new Linearizer();
  /** Whether masters collect appends before they send them, as in processes. */
  readonly lingers: boolean;
  /** No more faults from now on. */
  isCalm = false;
  /** Whether never more disks were lost at once than the promise allows. */
  isPromised = true;
  /** The machine that was told to accept the loss of entries, while it stands; null if none. */
  isAccepting: Machine | null = null;
  /** Whose disk was full once. */
  readonly hasBeenFull = new Set<Machine>();
  /** Whose disk was lost, since the log was born. */
  readonly wiped = new Set<string>();
  readonly #blocked = new Map<string, number>();

  constructor(seed: number, weather?: Partial<Weather>) {
    this.lingers = seed % 2 === 0;
    this.random = seededRandom(seed + 77_000_003);
    this.weather = { ...drawWeather(this.random), ...weather };
    const names = ['a', 'b', 'c', 'd', 'e'].slice(0, this.weather.nodes);
    this.machines = names.map((id) => new Machine(this, id));
    this.judge = new Judge(this);
    this.tails = [new Tail(this, seed + 1_000_003), new Tail(this, seed + 2_000_003)];
    for (const machine of this.machines) machine.start();
  }

  get now(): number {
    return this.clock.now;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.random() * items.length)] as Item;
  }

  happens(probability: number): boolean {
    return probability > 0 && this.random() < probability;
  }

  chance(rate: Rate): boolean {
    return !this.isCalm && this.happens(this.weather[rate]);
  }

  latency(): number {
    return this.isCalm ? 1 : this.random() * this.weather.latencyMs;
  }

  fsyncMs(): number {
    return this.isCalm ? 1 : this.random() * this.weather.fsyncMs;
  }

  say(text: string): void {
    this.trace.push(`${this.now.toFixed(1)} ${text}`);
  }

  reached(state: string): void {
    this.states.add(state);
  }

  /** The machines that run now. */
  get running(): readonly Machine[] {
    return this.machines.filter(({ isUp }) => isUp);
  }

  /** The master of the newest epoch; undefined if there is none. */
  get master(): Machine | undefined {
    return this.running
      .filter(({ node }) => node.role === 'master')
      .toSorted((a, b) => b.node.epoch - a.node.epoch)[0];
  }

  // --- the network -------------------------------------------------------------------------------

  passes(from: Machine, to: Machine): boolean {
    return (this.#blocked.get(`${from.id}>${to.id}`) ?? 0) <= this.now;
  }

  /** When a message that leaves now arrives; null for never. */
  arrival(from: Machine, to: Machine): number | null {
    if (!this.passes(from, to)) {
      // What TCP sends again comes when the path is open again.
      const until = this.#blocked.get(`${from.id}>${to.id}`) as number;
      return this.happens(0.3) ? until + this.latency() : null;
    }
    if (this.chance('lossRate')) return null;
    if (this.chance('lateRate')) return this.now + this.random() * LATE_MS;
    return this.now + this.latency();
  }

  /** A message arrives a second time, much later, whichever incarnation runs then. */
  deliverLate(to: Machine, run: () => void): void {
    this.reached('twice');
    this.clock.after(this.random() * LATE_MS, () => {
      if (to.isUp) to.now(run);
    });
  }

  block(from: Machine, to: Machine, forMs: number): void {
    this.#blocked.set(`${from.id}>${to.id}`, this.now + forMs);
    this.say(`nothing passes from ${from.id} to ${to.id} for ${forMs.toFixed(0)} ms`);
  }

  cut(a: Machine, b: Machine, forMs: number): void {
    this.block(a, b, forMs);
    this.block(b, a, forMs);
  }

  isolate(machine: Machine, forMs: number): void {
    for (const other of this.machines) if (other !== machine) this.cut(machine, other, forMs);
  }

  crashed(machine: Machine, isWiped: boolean): void {
    if (isWiped) this.judge.terms.wiped(machine);
    for (const other of this.machines) other.wires?.crashed(machine);
    for (const writer of this.writers) writer.crashed(machine);
  }

  // --- what happens ------------------------------------------------------------------------------

  addWriter(w?: Writer['w']): Writer {
    const number = this.writers.length + 1;
    const count = this.random() < 0.15 ? 2 + Math.floor(this.random() * 4) : 1;
    const texts = Array.from({ length: count }, (_, i) => `m${number}${i === 0 ? '' : `.${i}`}`);
    const hasKey = w !== undefined || this.random() < 0.9;
    const writer = new Writer(this, texts, hasKey ? `key-${number}` : null, w);
    this.writers.push(writer);
    return writer;
  }

  /** Ends all faults: all machines run, all paths are open, all clocks run alike. */
  heal(): void {
    this.say('--- calm ---');
    this.isCalm = true;
    this.#blocked.clear();
    for (const machine of this.machines) {
      machine.disk.isFull = false;
      machine.hungUntil = 0;
      machine.setClock(0, 1);
      machine.correctList();
      if (!machine.isUp) machine.start();
    }
  }
}
