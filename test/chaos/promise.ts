/**
 * Which acknowledged entries must be there at the end. THE PROMISE: an entry acknowledged at a majority or
 * more is never missing, as long as never more than m-1 members are without their memory at once, and one
 * master runs at a time. A node that was paused, late or cut off is no excuse. With disks nothing excuses a loss.
 *
 * At a smaller `w`, or if the faults went beyond that, it may be lost only if every node
 * that its receipt names has lost its memory since, or was out of reach of a recovery since.
 *
 * Nodes show a prefix of the master's log, so a node that holds seq 9 holds 1 to 8 as well, and a receipt
 * for seq 9 renews the promise of all before it. Without that, a run in which every node dies once
 * would promise nothing. So for each recovery there is a watermark: the last seq for which some
 * receipt of an earlier run names a node that has been there, whole and in reach, ever since. Up
 * to it the new master must have everything that the old one had.
 */
import type { Append, History, Receipt } from './history.ts';

export class Promises {
  readonly #history: History;
  readonly #outOfReach = new Map<number, ReadonlySet<string>>();
  /** Of each incarnation of the master after the first: the last seq it must have from those before. */
  readonly #watermarks = new Map<number, number>();
  /** Of each seq: the texts a master showed there, and in which of its incarnations it did so last. */
  readonly #shown = new Map<number, Map<string, number>>();

  constructor(history: History) {
    this.#history = history;
    this.#findOutOfReach();
    this.#findWatermarks();
    for (const read of history.reads) {
      if (read.node === history.master) this.#recordShown(read.incarnation, read.from, read.texts);
    }
  }

  /** The first receipt of this append that must be true at the end; null if none must. */
  strictReceipt(append: Append): Receipt | null {
    const holding = append.receipts.filter(({ acked }) => acked.length > 0);
    const isDisk = this.#history.mode === 'disk';
    const isStrict = (receipt: Receipt) =>
      isDisk || this.isCommitted(append, receipt) || this.#survives(append, receipt);
    return holding.find(isStrict) ?? null;
  }

  /**
   * Whether the promise covers it: a majority held it, and the faults kept within the promise from a moment before
   * it was sent, when all nodes had the same log, to the end.
   */
  isCommitted({ firstSentAt }: Append, { acked }: Receipt): boolean {
    const { secondaries, agreements, voids } = this.#history;
    const isMajority = 2 * acked.length > secondaries.length + 1;
    const since = agreements.findLast((moment) => moment <= firstSentAt) ?? 0;
    return isMajority && !voids.some((moment) => moment >= since);
  }

  /** How many recoveries came after this receipt. */
  recoveriesSince({ incarnation }: Receipt): number {
    return this.#history.recoveries.filter((recovery) => recovery.incarnation > incarnation).length;
  }

  #survives({ texts }: Append, receipt: Receipt): boolean {
    const last = receipt.seq + texts.length - 1;
    const shownIn = this.#shown.get(last)?.get(texts.at(-1) as string) ?? 0;
    const since = Math.max(receipt.incarnation, shownIn);
    return this.#history.recoveries.every(
      ({ incarnation }) =>
        incarnation <= since || last <= (this.#watermarks.get(incarnation) as number),
    );
  }

  #findWatermarks(): void {
    const { appends, recoveries } = this.#history;
    for (const { incarnation } of recoveries) this.#watermarks.set(incarnation, 0);
    for (const append of appends) {
      for (const receipt of append.receipts) {
        const last = receipt.seq + receipt.count - 1;
        const heldSince = this.#heldSince(append, receipt);
        for (const incarnation of this.#incarnationsSurvived(receipt, heldSince)) {
          this.#watermarks.set(
            incarnation,
            Math.max(last, this.#watermarks.get(incarnation) as number),
          );
        }
      }
    }
  }

  /**
   * Since when the named nodes hold the entry, as late as is certain. A node may have acknowledged,
   * and died, while the client waited for others; the master can only know when it hears of the
   * node's next incarnation. At an agreement it has.
   */
  #heldSince({ firstSentAt }: Append, { at }: Receipt): number {
    const agreed = this.#history.agreements.filter((moment) => moment <= at);
    return Math.max(firstSentAt, ...agreed.slice(-1));
  }

  /** The incarnations of the master that must have found the entry at a node that the receipt names. */
  #incarnationsSurvived({ acked, incarnation }: Receipt, heldSince: number): Set<number> {
    const { master, recoveries, kills } = this.#history;
    const survived = new Set<number>();
    for (const node of new Set(acked)) {
      if (node === master) continue; // Its memory ended with its incarnation.
      const death = kills.find((kill) => kill.node === node && kill.to >= heldSince);
      for (const recovery of recoveries) {
        if (recovery.incarnation <= incarnation) continue;
        if (death !== undefined && death.from <= recovery.to) break;
        if (this.#outOfReach.get(recovery.incarnation)?.has(node)) break;
        survived.add(recovery.incarnation);
      }
    }
    return survived;
  }

  /** The nodes that were down, stopped or cut off at any moment of each recovery. */
  #findOutOfReach(): void {
    const { recoveries, outages } = this.#history;
    for (const { incarnation, from, to } of recoveries) {
      const during = outages.filter((outage) => outage.from <= to && outage.to >= from);
      this.#outOfReach.set(incarnation, new Set(during.map(({ node }) => node)));
    }
  }

  #recordShown(incarnation: number, from: number, texts: readonly string[]): void {
    for (const [index, text] of texts.entries()) {
      const seq = from + index;
      const incarnations = this.#shown.get(seq) ?? new Map<string, number>();
      incarnations.set(text, Math.max(incarnation, incarnations.get(text) ?? 0));
      this.#shown.set(seq, incarnations);
    }
  }
}
