/**
 * CRC-32, as in zlib and Ethernet. A call of zlib costs more than the sum of a short record. So short runs of bytes
 * are summed here, four bytes at a time, and long ones by zlib.
 */
import * as zlib from 'node:zlib';

/** From this length on zlib is faster, as measured; the exact value is not critical. */
const NATIVE_FROM_BYTES = 320;

const BY_0 = new Int32Array(256);
const BY_1 = new Int32Array(256);
const BY_2 = new Int32Array(256);
const BY_3 = new Int32Array(256);

for (let byte = 0; byte < 256; byte += 1) {
  let sum = byte;
  for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? 0xedb88320 ^ (sum >>> 1) : sum >>> 1;
  BY_0[byte] = sum;
}
shiftTable(BY_0, BY_1);
shiftTable(BY_1, BY_2);
shiftTable(BY_2, BY_3);

/** The checksum of `bytes[start..end - 1]` as an unsigned 32-bit number. */
export function crc32(bytes: Uint8Array, start: number, end: number): number {
  if (end - start >= NATIVE_FROM_BYTES) return zlib.crc32(bytes.subarray(start, end));
  let sum = -1;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    sum ^= word(bytes, at);
    sum =
      (BY_3[sum & 255] as number) ^
      (BY_2[(sum >>> 8) & 255] as number) ^
      (BY_1[(sum >>> 16) & 255] as number) ^
      (BY_0[sum >>> 24] as number);
  }
  for (; at < end; at += 1) {
    sum = (BY_0[(sum ^ (bytes[at] as number)) & 255] as number) ^ (sum >>> 8);
  }
  return ~sum >>> 0;
}

function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

/** Fills the table for a byte that is followed by one byte more than that of `from`. */
function shiftTable(from: Int32Array, to: Int32Array): void {
  for (let byte = 0; byte < 256; byte += 1) {
    const sum = from[byte] as number;
    to[byte] = (BY_0[sum & 255] as number) ^ (sum >>> 8);
  }
}
