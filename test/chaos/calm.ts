/**
 * Times without faults: every writer must be answered, and all nodes must agree,
 * each within its time. What is not meant to heal by itself is repaired here, as an operator
 * would.
 */
import { waitFor } from '../support/wait.ts';
import type { ClientRun } from './clients.ts';
import type { ChaosCluster } from './cluster.ts';
import { type Health, healthOf } from './health.ts';
import type { RecoveryWatch } from './recoveries.ts';

/** How long the cluster may take to agree once the faults are over, in ms. */
const AGREEMENT_MS = 20_000;
/** How long a writer may wait for its acknowledgement then, in ms. */
const ANSWERS_MS = 20_000;

/** The run cannot go on, because something did not happen in time. The name is the one that the checker reports. */
export class Broken extends Error {
  constructor(name: string, detail: string) {
    super(detail);
    this.name = name;
  }
}

export class Calm {
  /** The longest time until all writers were answered and all nodes agreed, in ms. */
  longestMs = 0;
  readonly #cluster: ChaosCluster;
  readonly #run: ClientRun;
  readonly #recoveries: RecoveryWatch;
  readonly #restart: (node: string, why: string) => Promise<void>;

  /** @param restart kills a node and starts it again; `why` is counted */
  constructor(
    cluster: ChaosCluster,
    run: ClientRun,
    recoveries: RecoveryWatch,
    restart: (node: string, why: string) => Promise<void>,
  ) {
    this.#cluster = cluster;
    this.#run = run;
    this.#recoveries = recoveries;
    this.#restart = restart;
  }

  /** Lets the writers finish what they have begun, and waits until all nodes agree. */
  async rest(): Promise<void> {
    const run = this.#run;
    const from = run.now();
    run.isPaused = true;
    try {
      await this.agree();
      await this.#answers();
      await this.agree();
      run.history.agreements.push(run.now());
      this.longestMs = Math.max(this.longestMs, Math.round(run.now() - from));
    } finally {
      run.isPaused = false;
    }
  }

  /** Waits until the master reports that all is well, and each secondary confirms it. */
  async agree(): Promise<void> {
    let last = '';
    const isLogMatched = async () => {
      const { master, secondaries } = this.#cluster;
      const nodes = [master, ...secondaries];
      const healths = await Promise.all(nodes.map((node) => healthOf(this.#cluster.url(node))));
      last = JSON.stringify(healths);
      await this.#operate(healths);
      return agree(healths) && !this.#recoveries.isUnderWay;
    };
    try {
      await waitFor('agreement', isLogMatched, AGREEMENT_MS);
    } catch {
      throw new Broken('no agreement', `within ${AGREEMENT_MS} ms of calm: ${last}`);
    }
  }

  async #answers(): Promise<void> {
    try {
      await waitFor('every answer', () => this.#run.underWay === 0, ANSWERS_MS);
    } catch {
      const open = this.#run.history.appends.filter(
        ({ key, outcome }) => key !== null && outcome === 'open',
      );
      throw new Broken('unanswered append', `within ${ANSWERS_MS} ms: ${JSON.stringify(open)}`);
    }
  }

  /**
   * A master that has met a newer one has stopped for good, and is started again. A secondary that
   * nobody could ask when all others had lost their memory still holds the old log, and refuses the
   * new one, until it is started again as well.
   */
  async #operate([master, ...others]: (Health | null)[]): Promise<void> {
    if (master?.role !== 'master' || master.status === 'recovering') return;
    const isMemory = this.#run.history.mode === 'memory';
    const foreign = others.find((health) => isMemory && isForeign(health, master));
    if (master.fenced !== undefined) await this.#restart(master.nodeId, 'fenced master restarted');
    else if (foreign) await this.#restart(foreign.nodeId, 'foreign log dropped');
  }
}

function isForeign(health: Health | null, { logId }: Health): boolean {
  return health !== null && health.logId !== null && health.logId !== logId;
}

/** Whether no client waits, and every node has the whole log and is complete. */
function agree([master, ...others]: (Health | null)[]): boolean {
  if (master?.role !== 'master' || master.status !== 'ok') return false;
  const { logId, length, waiting, secondaries } = master;
  return (
    waiting === 0 &&
    secondaries.every(({ lag, complete }) => lag === 0 && complete) &&
    others.every((other) => other?.length === length && other.logId === logId)
  );
}
