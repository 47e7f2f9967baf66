/**
 * The faults: how each begins and ends, and what of it is recorded in the history, from which
 * the checker knows what excuses a loss and what does not.
 */
import { Dice } from '../lib/support.ts';
import { waitFor } from '../support/wait.ts';
import type { ClientRun } from './clients.ts';
import type { ChaosCluster, Deposed } from './cluster.ts';
import { type Health, healthOf } from './health.ts';
import type { Interval } from './history.ts';
import { call } from './http.ts';
import { Memories } from './memories.ts';
import type { RecoveryWatch } from './recoveries.ts';

/** How long an old master may go on beside a new one once the faults are over, in ms. */
const FENCE_MS = 10_000;
/** How long a node may be down, stopped or cut off before it can be told to inject nothing, in ms. */
const INJECTION_END_MS = 60_000;

/** One fault on one node: what it is, and how it begins and ends. */
export interface Fault {
  readonly kind: string;
  readonly node: string;
  /** Faults of the same kind on the same node are not drawn together. */
  readonly place: 'process' | 'link' | 'frames' | 'disk';
  /** Resolves to false if the node is in no state for this fault. */
  begin(): Promise<boolean>;
  end(): Promise<void>;
}

export class Faults {
  readonly #cluster: ChaosCluster;
  readonly #run: ClientRun;
  readonly #recoveries: RecoveryWatch;
  readonly #dice: Dice;
  readonly #memories: Memories;

  constructor(cluster: ChaosCluster, run: ClientRun, recoveries: RecoveryWatch, dice: Dice) {
    this.#memories = new Memories(run);
    this.#cluster = cluster;
    this.#run = run;
    this.#recoveries = recoveries;
    this.#dice = dice;
  }

  /** @param isForced also if more nodes lose their memory than the promise allows */
  killing(node: string, isForced = false): Fault {
    const { history } = this.#run;
    const isMaster = node === this.#cluster.master;
    let outage: Interval | null = null;
    return {
      kind: isMaster ? 'kill master' : 'kill secondary',
      node,
      place: 'process',
      begin: async () => {
        if (!(await this.#memories.forget(node, isForced))) return false;
        if (isMaster) this.#recoveries.end();
        else outage = this.#outage(node, 'down');
        const kill = this.#interval(node, 'kill');
        history.kills.push(kill);
        await this.#cluster.kill(node);
        this.#isOver(kill);
        return true;
      },
      end: async () => {
        if (isMaster) await this.#recoveries.takeOver(() => this.#cluster.start(node));
        else await this.#cluster.start(node);
        this.#isOver(outage);
      },
    };
  }

  freezing(node: string): Fault {
    const isMaster = node === this.#cluster.master;
    let outage: Interval | null = null;
    return {
      kind: isMaster ? 'stop master' : 'stop secondary',
      node,
      place: 'process',
      begin: async () => {
        if (!isMaster) outage = this.#outage(node, 'stopped');
        await this.#cluster.freeze(node);
        return true;
      },
      end: async () => {
        await this.#cluster.thaw(node);
        this.#isOver(outage);
      },
    };
  }

  /** A second master takes over while the first is frozen; the first goes on, and must be fenced. */
  usurping(): Fault {
    const { master } = this.#cluster;
    let deposed: Deposed | null = null;
    return {
      kind: 'second master',
      node: master,
      place: 'process',
      begin: async () => {
        // If it still recovers when it goes on, it is rightly the newer of the two.
        if (this.#recoveries.isUnderWay) return false;
        this.#memories.void();
        await this.#recoveries.takeOver(async () => {
          deposed = await this.#cluster.usurp();
        });
        return true;
      },
      end: async () => {
        await deposed?.thaw();
        await this.#seeFenced(deposed?.url as string);
        await deposed?.kill();
      },
    };
  }

  /**
   * A replaced master must say that it has stopped for good. It must at least be read-only if
   * all others had lost their memory and began another log: then no node can tell it of the new master.
   */
  async #seeFenced(url: string): Promise<void> {
    let last = '';
    const isFenced = async () => {
      const health = await healthOf(url);
      last = JSON.stringify(health);
      if (health?.status !== 'read-only') return false;
      return health.fenced !== undefined || (await this.#hasAnotherLog(health));
    };
    try {
      await waitFor('the old master to be fenced', isFenced, FENCE_MS);
    } catch {
      const detail = `a master that was replaced goes on after ${FENCE_MS} ms: ${last}`;
      this.#run.history.findings.push({ name: 'not fenced', detail });
    }
  }

  /** Whether the present master writes another log than this one. */
  async #hasAnotherLog({ logId }: Health): Promise<boolean> {
    const present = await healthOf(this.#cluster.url(this.#cluster.master));
    return present !== null && present.logId !== null && present.logId !== logId;
  }

  breaking(node: string, fault: string): Fault {
    const strength = this.#ownDice();
    let outage: Interval | null = null;
    return {
      kind: `link ${fault}`,
      node,
      place: 'link',
      begin: async () => {
        outage = this.#outage(node, `link ${fault}`);
        await this.#cluster.disturb(node, fault, strength);
        return true;
      },
      end: async () => {
        await this.#cluster.heal(node);
        this.#isOver(outage);
      },
    };
  }

  injecting(node: string): Fault {
    const dice = this.#dice;
    const kind = dice.pick(['delays', 'errors', 'lost acks']);
    const none = { delayMs: 0, errorRate: 0, errorAfterApplyRate: 0 };
    const rate = dice.pick([0.1, 0.5, 1]);
    const faults = {
      delays: { ...none, delayMs: dice.integer(10, 1500) },
      errors: { ...none, errorRate: rate },
      'lost acks': { ...none, errorAfterApplyRate: rate },
    }[kind] as object;
    const end = async () => {
      const isDone = () => this.#putFaults(node, none);
      await waitFor(`${node} to inject nothing any more`, isDone, INJECTION_END_MS);
    };
    return {
      kind: `injected ${kind}`,
      node,
      place: 'frames',
      begin: async () => {
        if (await this.#putFaults(node, faults)) return true;
        // The node may have taken it although no answer came.
        await end();
        return false;
      },
      end,
    };
  }

  filling(node: string): Fault {
    const strength = this.#ownDice();
    return {
      kind: 'disk full',
      node,
      place: 'disk',
      begin: () => this.#cluster.fillDisk(node, strength),
      end: () => this.#cluster.freeDisk(node),
    };
  }

  /** Whether the node has taken the faults; false if it is down, stopped or cut off. */
  async #putFaults(node: string, body: object): Promise<boolean> {
    const url = `${this.#cluster.url(node)}/faults`;
    const set = call(url, { method: 'PUT', body, timeoutMs: 1000 });
    return set.then(
      ({ status }) => status === 200,
      () => false,
    );
  }

  /** Random numbers that are drawn when a fault begins; the order of such faults does not change the plan. */
  #ownDice(): Dice {
    return new Dice(this.#dice.integer(0, 2 ** 31 - 1));
  }

  // --- what is recorded ------------------------------------------------------------------------

  #outage(node: string, what: string): Interval {
    const outage = this.#interval(node, what);
    this.#run.history.outages.push(outage);
    return outage;
  }

  #interval(node: string, what: string): Interval {
    return { node, what, from: this.#run.now(), to: Number.POSITIVE_INFINITY };
  }

  #isOver(outage: Interval | null): void {
    if (outage !== null) outage.to = this.#run.now();
  }
}
