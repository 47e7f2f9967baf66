/**
 * Who remembers, as those must know who break things: within the promise never more than m-1 members are
 * without their memory at once. A node that was killed has lost it, until its next incarnation says that it is
 * complete. Disks outlive a kill, so there nothing is lost.
 */
import type { ClientRun } from './clients.ts';
import { type Health, healthOf } from './health.ts';

export class Memories {
  readonly #run: ClientRun;
  readonly #nodes: readonly string[];
  /** By node: the incarnation that has last said that it is complete. */
  readonly #completeIn = new Map<string, number>();

  constructor(run: ClientRun) {
    this.#run = run;
    this.#nodes = [run.history.master, ...run.history.secondaries];
  }

  /**
   * Records that this node is about to lose its memory, and returns true; false, and it must not, if that
   * would be more than the promise allows. `isForced`: it does in any case, and the promise is void.
   */
  async forget(node: string, isForced: boolean): Promise<boolean> {
    if (this.#run.history.mode === 'disk') return true;
    await this.#look();
    // Nothing may come between looking and noting: another node may be about to be killed as well.
    const forgetful = this.#nodes.filter((one) => one === node || !this.#isComplete(one)).length;
    const isWithin = forgetful <= Math.floor(this.#nodes.length / 2);
    if (!isWithin && !isForced) return false;
    if (!isWithin) this.void();
    this.#completeIn.delete(node);
    return true;
  }

  /** The promise was not kept by those who break things. */
  void(): void {
    this.#run.history.voids.push(this.#run.now());
  }

  #isComplete(node: string): boolean {
    return this.#completeIn.get(node) === this.#run.nodes.incarnation(node);
  }

  async #look(): Promise<void> {
    const unsure = this.#nodes.filter((node) => !this.#isComplete(node));
    await Promise.all(
      unsure.map(async (node) => {
        const incarnation = this.#run.nodes.incarnation(node);
        const health: Health | null = await healthOf(this.#run.nodes.url(node));
        if (health?.complete && incarnation === this.#run.nodes.incarnation(node))
          this.#completeIn.set(node, incarnation);
      }),
    );
  }
}
