/** Shared by several tests: random choices from a seed, and a log as plain strings. */
import type { Log } from '../../src/lib/core/log/log.ts';
import type { HeartbeatRequest, Prepare } from '../../src/lib/core/protocol.ts';
import { seededRandom } from '../../src/lib/runtime/random.ts';

/** Characters of one, two, three and four bytes of UTF-8, and ones that JSON escapes. */
const ALPHABET = ['a', 'b', ' ', '"', '\\', '\n', '\u0001', 'é', 'ß', '€', '漢', '😀', ','];

/** Random choices that depend on the seed alone. */
export class Dice {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** An integer from `min` to `max`, both included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.#random() * (max - min + 1));
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.integer(0, items.length - 1)] as Item;
  }

  /** Some text of at most `lengthMax` characters, of one to four bytes each. */
  text(lengthMax: number): string {
    return this.list(this.integer(0, lengthMax), () => this.pick(ALPHABET)).join('');
  }

  list<Item>(count: number, make: () => Item): Item[] {
    return Array.from({ length: count }, make);
  }
}

/** The numbers 1..count, each the seed of one run. */
export function seeds(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
}

/** The messages of a log, decoded. */
export function messagesOf(log: Log): string[] {
  return JSON.parse(`[${log.slices(1, log.length).map(textOf).join('')}]`) as string[];
}

/** A heartbeat with this prepare, for any incarnation. */
export function preparing(prepare: Prepare): HeartbeatRequest {
  return { prepare, bootId: null, completeFrom: null, committed: 0 };
}
