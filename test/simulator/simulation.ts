/**
 * A whole cluster in one deterministic process: the cores that run in the nodes, under a virtual
 * clock, a network, disks and a nemesis that are all drawn from one seed.
 */
import type { Frame } from '../../src/lib/core/protocol.ts';
import type { LogEvent } from '../../src/lib/core/refusal.ts';
import { seededRandom } from '../../src/lib/runtime/random.ts';
import { Client } from './client.ts';
import { Clock } from './clock.ts';
import { History } from './history.ts';
import type { Host } from './host.ts';
import { MasterHost } from './master-host.ts';
import { isNewer } from './oracle.ts';
import { Reader } from './reader.ts';
import { SecondaryHost } from './secondary-host.ts';
import { drawWeather, type Weather } from './weather.ts';

/** The rates of the weather that are drawn event by event. */
type Rate = 'breakRate' | 'hangRate' | 'lossRate' | 'ackLossRate' | 'replayRate';

export class Simulation {
  readonly random: () => number;
  readonly weather: Weather;
  readonly clock = new Clock();
  readonly trace: string[] = [];
  readonly history = new History(this);
  readonly secondaries: SecondaryHost[] = [];
  readonly masters: MasterHost[] = [];
  readonly clients: Client[] = [];
  /** The readers that follow the log, of all that nodes show or of what is committed. */
  readonly readers: readonly Reader[];
  /** The clients that wait at some master. */
  readonly waiting = new Set<Client>();
  /** No more faults from now on. */
  isCalm = false;
  /** Until when nothing passes between two machines in this direction. */
  readonly #blocked = new Map<string, number>();
  /** Until when heartbeats but no frames pass between a master and a secondary. */
  readonly #gray = new Map<string, number>();

  /** For a master: which machine answers at the address of another one, and until when. */
  readonly #astray = new Map<string, { readonly host: SecondaryHost; readonly until: number }>();
  readonly #mischief: () => number;

  /**
   * Whether the nemesis keeps within the promise: never more than m-1 members without their memory,
   * and one master at a time. In two of three simulations.
   */
  readonly isCareful: boolean;

  /** Whether masters collect appends before they send them, as in processes; in every other simulation. */
  readonly lingers: boolean;

  constructor(seed: number, weather?: Partial<Weather>) {
    this.lingers = seed % 2 === 0;
    this.isCareful = seed % 3 !== 0;
    this.random = seededRandom(seed);
    this.#mischief = seededRandom(seed + 2_000_000_011);
    const isStrange = this.#mischief() < 0.5;
    this.weather = { ...drawWeather(this.random), isStrange, ...weather };
    for (let i = 1; i <= this.weather.secondaries; i += 1) {
      this.secondaries.push(new SecondaryHost(this, `s${i}`));
    }
    this.masters.push(new MasterHost(this, 'm1'), new MasterHost(this, 'm2'));
    this.masters[0]?.start();
    this.readers = (['local', 'local', 'majority', 'majority'] as const).map(
      (concern, index) => new Reader(this, seed + (3 + index) * 1_000_003, concern),
    );
  }

  get now(): number {
    return this.clock.now;
  }

  /** How many nodes the cluster has, a master included. */
  get nodes(): number {
    return this.secondaries.length + 1;
  }

  after(delayMs: number, run: () => void): void {
    this.clock.after(delayMs, run);
  }

  /** An index below `count`, at random. */
  pick(count: number): number {
    return Math.floor(this.random() * count);
  }

  chance(rate: Rate): boolean {
    const probability = this.isCalm ? 0 : this.weather[rate];
    return probability > 0 && this.random() < probability;
  }

  /**
   * Whether something rare and strange happens now: only in half of the simulations, from random numbers of its own, so
   * that the others do not change when a new kind is added.
   */
  mischief(probability: number): boolean {
    return this.weather.isStrange && !this.isCalm && this.#mischief() < probability;
  }

  /** The delay of a message; of some messages much longer. */
  latency(): number {
    if (this.isCalm) return 1;
    return this.random() * this.weather.latencyMs * (this.mischief(0.03) ? 8 : 1);
  }

  fsyncMs(): number {
    return this.isCalm ? 1 : this.random() * this.weather.fsyncMs;
  }

  say(text: string): void {
    this.trace.push(`${this.now.toFixed(1)} ${text}`);
  }

  /** Where a node's log lines go. */
  logEventOf(id: string): (event: LogEvent) => void {
    return ({ event, fields }) => {
      this.say(`${id}: ${event} ${JSON.stringify(fields)}`);
      this.history.reached(event);
      if (event === 'frame-refused') this.history.reached(String(fields.problem));
    };
  }

  // --- the network -----------------------------------------------------------------------------

  passes(from: Host, to: Host): boolean {
    return (this.#blocked.get(`${from.id}>${to.id}`) ?? 0) <= this.now;
  }

  isGray(master: Host, secondary: Host): boolean {
    return (this.#gray.get(`${master.id}>${secondary.id}`) ?? 0) > this.now;
  }

  block(from: Host, to: Host, forMs: number): void {
    this.#blocked.set(`${from.id}>${to.id}`, this.now + forMs);
    this.say(`nothing passes from ${from.id} to ${to.id} for ${forMs.toFixed(0)} ms`);
  }

  gray(master: Host, secondary: Host, forMs: number): void {
    this.#gray.set(`${master.id}>${secondary.id}`, this.now + forMs);
    this.say(
      `only heartbeats pass from ${master.id} to ${secondary.id} for ${forMs.toFixed(0)} ms`,
    );
  }

  /** The machine that answers a master at this address. */
  at(master: MasterHost, index: number): SecondaryHost {
    const named = this.secondaries[index] as SecondaryHost;
    const astray = this.#astray.get(`${master.id}>${named.id}`);
    if (astray === undefined || astray.until <= this.now) return named;
    master.wasAstray = true;
    return astray.host;
  }

  /** For a while the address of one machine leads to another. */
  lead(master: MasterHost, named: SecondaryHost, host: SecondaryHost, forMs: number): void {
    this.#astray.set(`${master.id}>${named.id}`, { host, until: this.now + forMs });
    this.history.reached('two-names');
    this.say(`at ${master.id} ${named.id} leads to ${host.id} for ${forMs.toFixed(0)} ms`);
  }

  /** The frame arrives again, much later, at any incarnation; its answer is lost. */
  replay(host: SecondaryHost, frame: Frame): void {
    this.after(this.random() * 8000, () => {
      if (!host.isUp || host.isPaused) return;
      this.say(`${host.id}: an old frame of epoch ${frame.epoch} from ${frame.from} arrives`);
      host.later(0, () => host.receive(frame, () => {}));
    });
  }

  onCrash(host: Host): void {
    for (const [path, astray] of this.#astray) if (astray.host === host) this.#astray.delete(path);
    for (const master of this.masters) {
      if (host instanceof SecondaryHost) master.secondaryCrashed(host);
      else if (master === host) for (const client of this.clients) client.hostCrashed(master);
    }
  }

  // --- what happens ----------------------------------------------------------------------------

  /** Starts a client with one message, or sometimes a batch; most have a key. */
  addClient(): void {
    const number = this.clients.length + 1;
    const count = this.random() < 0.15 ? 2 + this.pick(5) : 1;
    const texts = Array.from({ length: count }, (_, i) => `m${number}${i === 0 ? '' : `.${i}`}`);
    this.clients.push(new Client(this, texts, this.random() < 0.85 ? `key-${number}` : null));
  }

  /** Ends all faults: all machines run, all paths are open, and one master is left. */
  heal(): void {
    this.say('--- calm ---');
    this.isCalm = true;
    this.#blocked.clear();
    this.#gray.clear();
    this.#astray.clear();
    for (const { disk } of [...this.masters, ...this.secondaries]) disk.isFull = false;
    const running = this.masters.filter(({ isUp }) => isUp);
    const healthy = running.filter(({ core }) => core.fencedBy === null);
    // Of two masters that have not heard of each other the newer one stays.
    const ballotOf = ({ core, writer }: MasterHost) => ({ epoch: core.epoch, writer });
    healthy.sort((a, b) => (isNewer(ballotOf(a), ballotOf(b)) ? -1 : 1));
    const chosen = healthy[0];
    for (const master of running) if (master !== chosen) master.crash(false);
    const { lastMaster } = this.history.promise;
    const master = chosen ?? lastMaster ?? (this.masters[0] as MasterHost);
    if (!master.isUp) master.start();
    for (const secondary of this.secondaries) secondary.heal();
  }
}
