/** The index of idempotency keys as an array of objects and a Map: large, and plainly right. */

interface Run {
  readonly key: string;
  readonly seq: number;
  count: number;
}

export class MapIndex {
  readonly #byKey = new Map<string, Run>();
  /** Runs in ascending order of seq, to answer for a range. */
  readonly #runs: Run[] = [];

  /** Notes that the entry at `seq` carries `key`. Seqs come in ascending order. */
  record(key: string, seq: number): void {
    const last = this.#runs.at(-1);
    if (last !== undefined && last.key === key && last.seq + last.count === seq) {
      last.count += 1;
      return;
    }
    const run: Run = { key, seq, count: 1 };
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
  find(key: string): Readonly<Run> | undefined {
    return this.#byKey.get(key);
  }

  /** The keys of the entries at `from..to` as (seq, key), ascending. */
  within(from: number, to: number): [seq: number, key: string][] {
    const keys: [number, string][] = [];
    for (let i = this.#firstRunEndingAt(from); i < this.#runs.length; i += 1) {
      const run = this.#runs[i] as Run;
      if (run.seq > to) break;
      const last = Math.min(to, run.seq + run.count - 1);
      for (let seq = Math.max(from, run.seq); seq <= last; seq += 1) keys.push([seq, run.key]);
    }
    return keys;
  }

  /** What the keys take, and each run beside its key. */
  bytes(runBytes: number): number {
    return this.#runs.reduce((sum, { key }) => sum + key.length + runBytes, 0);
  }

  /** The index of the first run that ends at `seq` or later. */
  #firstRunEndingAt(seq: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const run = this.#runs[middle] as Run;
      if (run.seq + run.count > seq) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
