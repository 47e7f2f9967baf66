/**
 * Which append used which idempotency key: key -> the run of seqs it was given. A key travels with
 * every entry of its append, so any node can rebuild this index from the entries alone.
 */

/** The consecutive positions one keyed append was given. */
export interface KeyedRun {
  readonly key: string;
  readonly seq: number;
  count: number;
}

export class KeyIndex {
  readonly #byKey = new Map<string, KeyedRun>();
  /** Runs in ascending order of seq, to answer for a range. */
  readonly #runs: KeyedRun[] = [];

  /** Notes that the entry at `seq` carries `key`. Seqs come in ascending order. */
  record(key: string, seq: number): void {
    const last = this.#runs.at(-1);
    if (last !== undefined && last.key === key && last.seq + last.count === seq) {
      last.count += 1;
      return;
    }
    const run: KeyedRun = { key, seq, count: 1 };
    this.#runs.push(run);
    if (!this.#byKey.has(key)) this.#byKey.set(key, run);
  }

  /** Forgets the entries behind `length`. */
  truncate(length: number): void {
    for (let run = this.#runs.at(-1); run !== undefined && run.seq + run.count - 1 > length; ) {
      run.count = Math.max(0, length - run.seq + 1);
      if (run.count > 0) return;
      this.#runs.pop();
      if (this.#byKey.get(run.key) === run) this.#byKey.delete(run.key);
      run = this.#runs.at(-1);
    }
  }

  /** The last seq of the keyed append that the entry at `seq` belongs to; `seq` if it has no key. */
  runEnd(seq: number): number {
    const run = this.#runs[this.#firstRunEndingAt(seq)];
    return run === undefined || run.seq > seq ? seq : run.seq + run.count - 1;
  }

  /** The positions the append with this key was given, if there was one. */
  find(key: string): Readonly<KeyedRun> | undefined {
    return this.#byKey.get(key);
  }

  /** The keys of the entries at `from..to` as (seq, key), ascending. */
  within(from: number, to: number): [seq: number, key: string][] {
    const keys: [number, string][] = [];
    for (let i = this.#firstRunEndingAt(from); i < this.#runs.length; i += 1) {
      const run = this.#runs[i] as KeyedRun;
      if (run.seq > to) break;
      const last = Math.min(to, run.seq + run.count - 1);
      for (let seq = Math.max(from, run.seq); seq <= last; seq += 1) keys.push([seq, run.key]);
    }
    return keys;
  }

  /** The index of the first run that ends at `seq` or later. */
  #firstRunEndingAt(seq: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const run = this.#runs[middle] as KeyedRun;
      if (run.seq + run.count > seq) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
