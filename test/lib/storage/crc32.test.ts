import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crc32 } from '../../../src/lib/storage/crc32.ts';
import { crcBitByBit } from './support.ts';

describe('crc32', () => {
  it('is the checksum everybody knows', () => {
    assert.equal(crc32(Buffer.from('123456789'), 0, 9), 0xcbf43926);
  });

  it('is right for runs of every length, wherever they begin', () => {
    const bytes = Uint8Array.from({ length: 2000 }, (_, i) => (i * 151 + (i >> 3)) & 255);
    for (let length = 0; length < 700; length += 1) {
      const start = (length * 7) % 1000;
      const expected = crcBitByBit(bytes.subarray(start, start + length));
      assert.equal(crc32(bytes, start, start + length), expected, `${length} bytes`);
    }
  });
});
