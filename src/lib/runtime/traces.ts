/** The traces of entries that may still have to be sent; beyond a limit the oldest are forgotten. */

/** Traces that are kept. */
export const TRACES_MAX = 10_000;

export class Traces {
  readonly #bySeq = new Map<number, string>();

  add(seq: number, parent: string): void {
    this.#bySeq.set(seq, parent);
    if (this.#bySeq.size <= TRACES_MAX) return;
    const [oldest] = this.#bySeq.keys();
    this.#bySeq.delete(oldest as number);
  }

  /** The traces of the entries `from..to`, by seq. */
  within(from: number, to: number): [seq: number, parent: string][] {
    if (this.#bySeq.size === 0) return [];
    if (to - from < this.#bySeq.size) {
      const found: [number, string][] = [];
      for (let seq = from; seq <= to; seq += 1) {
        const parent = this.#bySeq.get(seq);
        if (parent !== undefined) found.push([seq, parent]);
      }
      return found;
    }
    return [...this.#bySeq].filter(([seq]) => seq >= from && seq <= to);
  }
}
