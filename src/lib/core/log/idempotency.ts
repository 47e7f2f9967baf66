/**
 * Which append used which idempotency key: key -> the run of seqs it was given. A key travels with
 * every entry of its append, so any node can rebuild this index from the entries alone.
 *
 * Most logs have a key for each entry, so the index is kept off the JavaScript heap, in blocks of numbers
 * and bytes, and is found in by linear hashing (Litwin 1980): there are as many buckets as runs, and each
 * new run splits one bucket in two. So it grows without ever standing still, by 28 bytes and the key.
 */
import { type HashKey, halfSipHash } from './half-sip-hash.ts';
import type { EntryKeys } from './journal.ts';

/** A key has at most so many characters, all of them printable ASCII. */
export const KEY_LENGTH_MAX = 255;

/** Whether `key` is 1 to 255 printable ASCII characters. */
export function isIdempotencyKey(key: string): boolean {
  return key.length <= KEY_LENGTH_MAX && /^[\x20-\x7e]+$/.test(key);
}

/** Bytes that a run takes beside its key: five numbers, of which two have 8 bytes. */
export const RUN_BYTES = 28;

/** Bytes of memory that the first use of a key takes. */
export function bytesOfKey(key: string): number {
  return key.length + RUN_BYTES;
}

const ascii = new TextDecoder();

/** Runs of one block. */
const BLOCK_RUNS = 2 ** 12;
const BLOCK_BITS = 12;
const BLOCK_MASK = BLOCK_RUNS - 1;
const FIRST_RUNS = 16;
/** From this share of all runs on, that many are many to forget. */
const MANY_SHARE = 8;

/** The consecutive positions one keyed append was given. */
export interface KeyedRun {
  readonly key: string;
  readonly seq: number;
  readonly count: number;
}

export interface KeyIndexOptions {
  readonly hash?: typeof halfSipHash;
  /** Runs are numbered with 32 bits; that many take more than 120 GB. */
  readonly runsMax?: number;
}

/** Some runs, and as many buckets. */
interface Block {
  /** Of each run: its first seq, and how many it has. */
  readonly seqs: Float64Array;
  readonly counts: Float64Array;
  /** Of each run: where its key ends in `bytes`. */
  readonly ends: Uint32Array;
  /** Of each run: the one behind it in its bucket, counted from 1; 0 for none. */
  readonly nexts: Uint32Array;
  /** Of each bucket: its first run, counted from 1; 0 for none. */
  readonly heads: Uint32Array;
  /** The keys, end to end. */
  readonly bytes: Uint8Array;
}

export class KeyIndex {
  readonly #hashKey: HashKey;
  readonly #hash: typeof halfSipHash;
  readonly #runsMax: number;
  /** Runs in ascending order of seq; the last blocks may be room for more. */
  #blocks: Block[] = [];
  #runs = 0;
  #keyBytes = 0;
  /** The key that is looked for. */
  readonly #wanted = new Uint8Array(KEY_LENGTH_MAX);

  /** @param hashKey what clients must not know, or they could choose keys that all hash to the same */
  constructor(
    hashKey: HashKey = [0, 0],
    { hash = halfSipHash, runsMax = 2 ** 32 - 1 }: KeyIndexOptions = {},
  ) {
    this.#hashKey = hashKey;
    this.#hash = hash;
    this.#runsMax = runsMax;
  }

  /** Bytes of memory that the keys and the index take. */
  get bytes(): number {
    return this.#keyBytes + this.#runs * RUN_BYTES;
  }

  /** Makes room for these keys; false if there is none. Recording them cannot fail then. */
  reserve(keys: EntryKeys): boolean {
    let run = this.#runs;
    let used = this.#keysEnd(run);
    let [lastSeq, lastKey] = [0, ''];
    for (const [seq, key] of keys) {
      if (key !== lastKey || seq !== lastSeq + 1) {
        used = key.length + ((run & BLOCK_MASK) === 0 ? 0 : used);
        if (!this.#makeRoom(run, used)) return false;
        run += 1;
      }
      [lastSeq, lastKey] = [seq, key];
    }
    return true;
  }

  /**
   * Notes that the entry at `seq` carries `key`. Seqs come in ascending order. Throws a `RangeError`, and
   * notes nothing, if there is no memory for it.
   */
  record(key: string, seq: number): void {
    const last = this.#runs - 1;
    const run = this.#runs;
    this.#want(key);
    if (run > 0 && this.#endOf(last) + 1 === seq && this.#isWanted(last, key.length)) {
      this.#block(last).counts[last & BLOCK_MASK] = seq - this.#seqOf(last) + 1;
      return;
    }
    const end = this.#keysEnd(run) + key.length;
    if (!this.#makeRoom(run, end)) throw new RangeError('no memory for another idempotency key');
    const hash = this.#hash(this.#wanted, 0, key.length, this.#hashKey);
    const isFirstUse = this.#search(hash, key.length) === null;
    const { seqs, counts, ends, bytes } = this.#block(run);
    const slot = run & BLOCK_MASK;
    seqs[slot] = seq;
    counts[slot] = 1;
    ends[slot] = end;
    bytes.set(this.#wanted.subarray(0, key.length), end - key.length);
    this.#keyBytes += key.length;
    this.#addBucket();
    if (isFirstUse) this.#link(run, hash);
  }

  /** Forgets the entries behind `length`. */
  truncate(length: number): void {
    const left = this.#countBeginningUpTo(length);
    if (left === 0) [this.#runs, this.#keyBytes] = [0, 0];
    else this.#forgetFrom(left);
    this.#blocks.length = Math.ceil(left / BLOCK_RUNS);
    const last = left - 1;
    if (last < 0 || this.#endOf(last) <= length) return;
    this.#block(last).counts[last & BLOCK_MASK] = length - this.#seqOf(last) + 1;
  }

  /** The last seq of the keyed append that the entry at `seq` belongs to; `seq` if it has no key. */
  runEnd(seq: number): number {
    const run = this.#firstRunEndingAt(seq);
    return run === this.#runs || this.#seqOf(run) > seq ? seq : this.#endOf(run);
  }

  /** The positions the first append with this key was given, if there was one. */
  find(key: string): KeyedRun | undefined {
    if (key.length > KEY_LENGTH_MAX) return undefined;
    this.#want(key);
    const hash = this.#hash(this.#wanted, 0, key.length, this.#hashKey);
    const run = this.#search(hash, key.length);
    if (run === null) return undefined;
    const seq = this.#seqOf(run);
    return { key, seq, count: this.#endOf(run) - seq + 1 };
  }

  /** The first seq of the keyed append that the entry at `seq` belongs to; `seq` if it has no key. */
  runStart(seq: number): number {
    const run = this.#firstRunEndingAt(seq);
    return run === this.#runs ? seq : Math.min(seq, this.#seqOf(run));
  }

  /** The keys of the entries at `from..to` as (seq, key), ascending. */
  within(from: number, to: number): [seq: number, key: string][] {
    const keys: [number, string][] = [];
    for (const [first, last, key] of this.runsWithin(from, to)) {
      for (let seq = first; seq <= last; seq += 1) keys.push([seq, key]);
    }
    return keys;
  }

  /** The same, with one (first seq, last seq, key) for entries of one append. */
  runsWithin(from: number, to: number): [first: number, last: number, key: string][] {
    const runs: [number, number, string][] = [];
    const end = this.#countBeginningUpTo(to);
    for (let run = this.#firstRunEndingAt(from); run < end; ) {
      // The keys of a block lie end to end, and decoding them at once is a lot quicker.
      const { bytes, ends } = this.#block(run);
      const blockEnd = Math.min(end, (run >>> BLOCK_BITS) * BLOCK_RUNS + BLOCK_RUNS);
      const start = this.#keysEnd(run);
      const text = ascii.decode(bytes.subarray(start, ends[(blockEnd - 1) & BLOCK_MASK]));
      for (let keyStart = 0; run < blockEnd; run += 1) {
        const keyEnd = (ends[run & BLOCK_MASK] as number) - start;
        const key = text.slice(keyStart, keyEnd);
        runs.push([Math.max(from, this.#seqOf(run)), Math.min(to, this.#endOf(run)), key]);
        keyStart = keyEnd;
      }
    }
    return runs;
  }

  // --- runs ------------------------------------------------------------------------------------

  #block(run: number): Block {
    return this.#blocks[run >>> BLOCK_BITS] as Block;
  }

  #seqOf(run: number): number {
    return this.#block(run).seqs[run & BLOCK_MASK] as number;
  }

  /** The last seq of a run. */
  #endOf(run: number): number {
    return this.#seqOf(run) + (this.#block(run).counts[run & BLOCK_MASK] as number) - 1;
  }

  /** Where the keys of the runs before this one end, in the block that it belongs to. */
  #keysEnd(run: number): number {
    const slot = run & BLOCK_MASK;
    return slot === 0 ? 0 : (this.#block(run).ends[slot - 1] as number);
  }

  /** The index of the first run that ends at `seq` or later. */
  #firstRunEndingAt(seq: number): number {
    let low = 0;
    let high = this.#runs;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.#endOf(middle) >= seq) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** How many runs begin at `seq` or before. */
  #countBeginningUpTo(seq: number): number {
    const run = this.#firstRunEndingAt(seq);
    return run < this.#runs && this.#seqOf(run) <= seq ? run + 1 : run;
  }

  /** Forgets all runs from `left` on. Many are looked for in all buckets, which is quicker than each in its own. */
  #forgetFrom(left: number): void {
    const isMany = (this.#runs - left) * MANY_SHARE > this.#runs;
    for (let run = left; run < this.#runs; run += 1) {
      this.#keyBytes -= (this.#block(run).ends[run & BLOCK_MASK] as number) - this.#keysEnd(run);
      if (!isMany) this.#unlink(bucketOf(this.#hashOf(run), this.#runs), run, run + 1);
    }
    if (isMany) {
      for (let bucket = 0; bucket < this.#runs; bucket += 1) this.#unlink(bucket, left, this.#runs);
    }
    while (this.#runs > left) this.#removeBucket();
  }

  /** Makes sure that there is a block for this run, with room for so many bytes of keys in it. */
  #makeRoom(run: number, keyBytes: number): boolean {
    if (run >= this.#runsMax) return false;
    const index = run >>> BLOCK_BITS;
    const block = this.#blocks[index];
    const runs = block?.seqs.length ?? 0;
    if ((run & BLOCK_MASK) < runs && keyBytes <= (block as Block).bytes.length) return true;
    // Only the first block grows: a log with few keys is small. Keys are often as long as those before.
    const isGrown = (run & BLOCK_MASK) >= runs;
    const moreRuns = index === 0 ? Math.max(FIRST_RUNS, 2 * runs) : BLOCK_RUNS;
    const before = block?.bytes.length ?? this.#blocks[index - 1]?.bytes.length ?? 0;
    const isLonger = keyBytes > (block?.bytes.length ?? 0);
    const moreBytes = Math.max(keyBytes, Math.floor(block === undefined ? before : 1.25 * before));
    try {
      this.#blocks[index] = grown(block, isGrown ? moreRuns : runs, isLonger ? moreBytes : before);
      return true;
    } catch {
      return false;
    }
  }

  // --- the hash table --------------------------------------------------------------------------

  /** Takes note of the key that is looked for. */
  #want(key: string): void {
    for (let i = 0; i < key.length; i += 1) this.#wanted[i] = key.charCodeAt(i);
  }

  /** Whether this run has the wanted key, which is so long. */
  #isWanted(run: number, length: number): boolean {
    const { bytes, ends } = this.#block(run);
    const start = this.#keysEnd(run);
    if ((ends[run & BLOCK_MASK] as number) - start !== length) return false;
    for (let i = 0; i < length; i += 1) if (bytes[start + i] !== this.#wanted[i]) return false;
    return true;
  }

  /** The run in the table that has the wanted key, or null. */
  #search(hash: number, length: number): number | null {
    if (this.#runs === 0) return null;
    let next = this.#headOf(bucketOf(hash, this.#runs));
    while (next !== 0 && !this.#isWanted(next - 1, length)) next = this.#nextOf(next - 1);
    return next === 0 ? null : next - 1;
  }

  #headOf(bucket: number): number {
    return this.#block(bucket).heads[bucket & BLOCK_MASK] as number;
  }

  #setHead(bucket: number, next: number): void {
    this.#block(bucket).heads[bucket & BLOCK_MASK] = next;
  }

  #nextOf(run: number): number {
    return this.#block(run).nexts[run & BLOCK_MASK] as number;
  }

  #hashOf(run: number): number {
    const { bytes, ends } = this.#block(run);
    const end = ends[run & BLOCK_MASK] as number;
    return this.#hash(bytes, this.#keysEnd(run), end, this.#hashKey);
  }

  #link(run: number, hash: number): void {
    const bucket = bucketOf(hash, this.#runs);
    this.#block(run).nexts[run & BLOCK_MASK] = this.#headOf(bucket);
    this.#setHead(bucket, run + 1);
  }

  /** Takes the runs `from..to - 1` out of a bucket; a later use of a key is in none. */
  #unlink(bucket: number, from: number, to: number): void {
    let before = 0;
    for (let next = this.#headOf(bucket); next !== 0; ) {
      const run = next - 1;
      next = this.#nextOf(run);
      if (run < from || run >= to) before = run + 1;
      else if (before === 0) this.#setHead(bucket, next);
      else this.#block(before - 1).nexts[(before - 1) & BLOCK_MASK] = next;
    }
  }

  /** There is one more bucket: what belongs there was in the one it splits from. */
  #addBucket(): void {
    const bucket = this.#runs;
    this.#runs += 1;
    this.#setHead(bucket, 0);
    if (bucket > 0) this.#spread(splitFrom(bucket));
  }

  /** There is one bucket less: what was in it goes back, as it is, to where it came from. */
  #removeBucket(): void {
    const bucket = this.#runs - 1;
    this.#runs -= 1;
    const first = this.#headOf(bucket);
    if (first === 0 || bucket === 0) return;
    let last = first;
    for (let next = first; next !== 0; next = this.#nextOf(next - 1)) last = next;
    const home = splitFrom(bucket);
    this.#block(last - 1).nexts[(last - 1) & BLOCK_MASK] = this.#headOf(home);
    this.#setHead(home, first);
  }

  /** Puts the runs of a bucket where they belong now. */
  #spread(bucket: number): void {
    let next = this.#headOf(bucket);
    this.#setHead(bucket, 0);
    while (next !== 0) {
      const run = next - 1;
      next = this.#nextOf(run);
      this.#link(run, this.#hashOf(run));
    }
  }
}

/** Which of so many buckets a hash belongs to: as many of its low bits as there are buckets for. */
function bucketOf(hash: number, buckets: number): number {
  if (buckets === 1) return 0;
  const mask = 0xffffffff >>> Math.clz32(buckets - 1);
  const bucket = (hash & mask) >>> 0;
  return bucket < buckets ? bucket : (bucket & (mask >>> 1)) >>> 0;
}

/** The bucket (from 1 on) without its highest bit. */
function splitFrom(bucket: number): number {
  return (bucket & (0x7fffffff >>> Math.clz32(bucket))) >>> 0;
}

/** A block with room for so many runs and bytes of keys, with all that is in this one. */
function grown(block: Block | undefined, runs: number, keyBytes: number): Block {
  const more = {
    seqs: new Float64Array(runs),
    counts: new Float64Array(runs),
    ends: new Uint32Array(runs),
    nexts: new Uint32Array(runs),
    heads: new Uint32Array(runs),
    bytes: new Uint8Array(keyBytes),
  };
  if (block === undefined) return more;
  more.seqs.set(block.seqs);
  more.counts.set(block.counts);
  more.ends.set(block.ends);
  more.nexts.set(block.nexts);
  more.heads.set(block.heads);
  more.bytes.set(block.bytes);
  return more;
}
