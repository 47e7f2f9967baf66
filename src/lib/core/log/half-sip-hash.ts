/**
 * HalfSipHash-2-4 (Aumasson and Bernstein): a hash of 32 bits that nobody can find collisions for who does
 * not know its key. Clients choose what is hashed here, and must not be able to fill one bucket.
 */

/** The secret: two numbers of 32 bits. */
export type HashKey = readonly [number, number];

/** The hash, from 0 to 2^32 - 1, of the bytes at `start..end - 1`. */
export function halfSipHash(
  bytes: Uint8Array,
  start: number,
  end: number,
  [k0, k1]: HashKey,
): number {
  let v0 = k0 | 0;
  let v1 = k1 | 0;
  let v2 = k0 ^ 0x6c796765;
  let v3 = k1 ^ 0x74656462;
  const words = (end - start) >> 2;
  // Two rounds for each whole word, two for what is left and the length, and four to end with.
  for (let index = 0; index <= words + 1; index += 1) {
    const isEnd = index > words;
    const word = isEnd ? 0 : wordAt(bytes, start + 4 * index, end, end - start);
    if (isEnd) v2 ^= 0xff;
    v3 ^= word;
    for (let round = isEnd ? 4 : 2; round > 0; round -= 1) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    v0 ^= word;
  }
  return (v1 ^ v3) >>> 0;
}

/** Four bytes, the lowest first; of fewer the ones there are, below the number of all bytes. */
function wordAt(bytes: Uint8Array, at: number, end: number, count: number): number {
  const hasFour = at + 4 <= end;
  let word = hasFour ? (bytes[at + 3] as number) << 24 : count << 24;
  const low = hasFour ? 3 : end - at;
  for (let i = 0; i < low; i += 1) word |= (bytes[at + i] as number) << (8 * i);
  return word;
}
