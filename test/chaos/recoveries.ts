/** Records when each new incarnation of the master began to recover, and when it had. */
import type { ClientRun } from './clients.ts';
import type { ChaosCluster } from './cluster.ts';
import { healthOf } from './health.ts';
import type { Recovery } from './history.ts';
import { sleep } from './http.ts';

export class RecoveryWatch {
  readonly #cluster: ChaosCluster;
  readonly #run: ClientRun;

  constructor(cluster: ChaosCluster, run: ClientRun) {
    this.#cluster = cluster;
    this.#run = run;
  }

  /** Whether a master recovers now. */
  get isUnderWay(): boolean {
    return this.#run.history.recoveries.at(-1)?.to === Number.POSITIVE_INFINITY;
  }

  /** Notes that the master was killed or frozen for good before it had recovered. */
  end(): void {
    const last = this.#run.history.recoveries.at(-1);
    if (last !== undefined) last.to = Math.min(last.to, this.#run.now());
  }

  /** Starts a new incarnation of the master, and records its recovery when it comes. */
  async takeOver(start: () => Promise<void>): Promise<void> {
    const { master } = this.#cluster;
    const recovery: Recovery = {
      incarnation: this.#cluster.incarnation(master) + 1,
      from: this.#run.now(),
      to: Number.POSITIVE_INFINITY,
      epoch: null,
    };
    this.#run.history.recoveries.push(recovery);
    await start();
    this.#watch(recovery);
  }

  async #watch(recovery: Recovery): Promise<void> {
    const { master } = this.#cluster;
    const isWaiting = () =>
      this.#cluster.incarnation(master) === recovery.incarnation &&
      recovery.to === Number.POSITIVE_INFINITY;
    while (isWaiting() && !this.#run.isOver) {
      const health = await healthOf(this.#cluster.url(master));
      if (health !== null && health.status !== 'recovering' && isWaiting()) {
        recovery.to = this.#run.now();
        recovery.epoch = health.epoch;
      }
      await sleep(5);
    }
  }
}
