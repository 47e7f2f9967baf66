/** Random numbers from a seed, and secret ones. */
import { randomInt } from 'node:crypto';
import type { HashKey } from '../core/log/half-sip-hash.ts';

/**
 * Numbers in [0, 1) that depend on the seed alone (mulberry32, T. Ettinger, public domain).
 * @param seed an integer; its low 32 bits count
 */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A secret for the index of idempotency keys: clients cannot choose keys that collide. */
export function drawHashKey(): HashKey {
  return [randomInt(2 ** 32), randomInt(2 ** 32)];
}
