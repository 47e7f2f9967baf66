/**
 * Does to the nodes what the outside does to them, as a seed says: episodes of one to three faults at
 * once, and now and then a calm in which the cluster must agree. The plan depends on the seed alone;
 * what the nodes make of it also depends on the machine.
 */
import type { Dice } from '../lib/support.ts';
import { Calm } from './calm.ts';
import type { ClientRun } from './clients.ts';
import type { ChaosCluster } from './cluster.ts';
import { type Fault, Faults } from './faults.ts';
import type { Mode } from './history.ts';
import { sleep } from './http.ts';
import { RecoveryWatch } from './recoveries.ts';

/** Episodes between two times of calm. */
const EPISODES = 4;

export interface NemesisOptions {
  /** Only faults whose kind begins with one of these; all if there is none. */
  readonly kinds: readonly string[];
}

export class Nemesis {
  /** How often each kind of fault was. */
  readonly counts = new Map<string, number>();
  readonly calm: Calm;
  readonly #cluster: ChaosCluster;
  readonly #mode: Mode;
  readonly #dice: Dice;
  readonly #options: NemesisOptions;
  readonly #faults: Faults;
  /**
   * Whether it does more than the promise allows: kills whom it likes, and starts second masters. In one of
   * three runs.
   */
  readonly #isReckless: boolean;

  constructor(cluster: ChaosCluster, run: ClientRun, dice: Dice, options: NemesisOptions) {
    this.#cluster = cluster;
    this.#mode = run.history.mode;
    this.#dice = dice;
    this.#options = options;
    this.#isReckless = dice.chance(1 / 3);
    const recoveries = new RecoveryWatch(cluster, run);
    this.#faults = new Faults(cluster, run, recoveries, dice);
    this.calm = new Calm(cluster, run, recoveries, (node, why) => this.#restart(node, why));
  }

  /** Starts all nodes, secondaries first. */
  async start(): Promise<void> {
    const { master, secondaries } = this.#cluster;
    await Promise.all(secondaries.map((node) => this.#cluster.start(node)));
    await this.#cluster.start(master);
    await this.calm.agree();
  }

  /** Goes on until `endAt`. */
  async torment(endAt: number): Promise<void> {
    for (let episode = 1; performance.now() < endAt; episode += 1) {
      await this.#episode();
      await sleep(this.#dice.integer(0, 400));
      if (episode % EPISODES === 0) await this.calm.rest();
    }
  }

  async #restart(node: string, why: string): Promise<void> {
    this.#count(why);
    const restart = this.#faults.killing(node, true);
    await restart.begin();
    await restart.end();
  }

  async #episode(): Promise<void> {
    const dice = this.#dice;
    const faults = this.#drawFaults();
    // Drawn before anything begins: the plan must not depend on what is faster.
    const plans = faults.map((fault) => ({
      fault,
      afterMs: dice.integer(0, 500),
      forMs: dice.chance(0.3) ? dice.integer(0, 100) : dice.integer(100, 2000),
    }));
    const ends = await Promise.allSettled(
      plans.map(async ({ fault, afterMs, forMs }) => {
        await sleep(afterMs);
        if (!(await fault.begin())) return;
        this.#count(fault.kind);
        await sleep(forMs);
        await fault.end();
      }),
    );
    // All have ended, so that nothing goes on behind the back of a run that is over.
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  #drawFaults(): Fault[] {
    const dice = this.#dice;
    const { master, secondaries } = this.#cluster;
    const isDisk = this.#mode === 'disk';
    // The end of all nodes at once: disks survive it, and memories must begin anew.
    const isEnd =
      dice.chance(isDisk ? 0.1 : 0.02) && this.#isWanted('kill') && (isDisk || this.#isReckless);
    if (isEnd) return [master, ...secondaries].map((node) => this.#faults.killing(node, true));
    const wanted = dice.pick([1, 1, 2, 2, 3, 3]);
    const sheltered = this.#shelter();
    const faults: Fault[] = [];
    for (let tries = 0; faults.length < wanted && tries < 20; tries += 1) {
      const fault = this.#draw();
      const meets = (other: Fault) => other.node === fault.node && other.place === fault.place;
      const isSheltered = fault.node === sheltered && ['process', 'link'].includes(fault.place);
      if (!isSheltered && !faults.some(meets)) faults.push(fault);
    }
    return faults;
  }

  /**
   * Who breaks the promise in memory leaves mostly one node whole and in reach, or there would be little left
   * to check.
   */
  #shelter(): string | null {
    const dice = this.#dice;
    const isMemory = this.#mode === 'memory';
    return isMemory && this.#isReckless && dice.chance(0.85)
      ? dice.pick(this.#cluster.secondaries)
      : null;
  }

  #draw(): Fault {
    const { master, secondaries, linkFaults, hasDiskFull, hasSecondMaster } = this.#cluster;
    const dice = this.#dice;
    for (let tries = 0; tries < 1000; tries += 1) {
      const secondary = dice.pick(secondaries);
      const any = dice.pick([master, ...secondaries]);
      const fault = dice.pick([
        this.#faults.killing(master, this.#isReckless),
        this.#faults.killing(secondary, this.#isReckless),
        this.#faults.freezing(any),
        this.#faults.breaking(secondary, dice.pick(linkFaults)),
        this.#faults.breaking(secondary, dice.pick(linkFaults)),
        this.#faults.injecting(secondary),
        ...(hasDiskFull ? [this.#faults.filling(dice.chance(0.5) ? master : secondary)] : []),
        ...(hasSecondMaster && this.#isReckless && dice.chance(0.5)
          ? [this.#faults.usurping()]
          : []),
      ]);
      if (this.#isWanted(fault.kind)) return fault;
    }
    throw new Error(`there is no fault here whose name begins with ${this.#options.kinds}`);
  }

  #isWanted(kind: string): boolean {
    const { kinds } = this.#options;
    return kinds.length === 0 || kinds.some((start) => kind.startsWith(start));
  }

  #count(kind: string): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
  }
}
