import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { halfSipHash } from '../../../../src/lib/core/log/half-sip-hash.ts';

describe('halfSipHash', () => {
  it('gives what the reference implementation gives: key 00..07, input 00, 00 01, ...', () => {
    const expected = ['a9359f5b', '27475ab8', 'fa62a603', '8afee704', '2a6e4689'];
    expected.push('c5fab669', '5863fc23', '8bcf63c5');
    const input = Uint8Array.from({ length: 16 }, (_, i) => i);
    for (const [length, hex] of expected.entries()) {
      const hash = halfSipHash(input, 0, length, [0x03020100, 0x07060504]);
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32LE(hash);
      assert.equal(bytes.toString('hex'), hex);
    }
  });

  it('is of the bytes that are meant, wherever they are', () => {
    const bytes = Buffer.from('xxa key of some lengthyy');
    const whole = Buffer.from('a key of some length');
    const hash = halfSipHash(bytes, 2, bytes.length - 2, [1, 2]);
    assert.equal(hash, halfSipHash(whole, 0, whole.length, [1, 2]));
  });

  it('is another one under another key', () => {
    const bytes = Buffer.from('key');
    const keys: [number, number][] = [
      [0, 0],
      [1, 0],
      [0, 1],
      [2 ** 32 - 1, 0],
    ];
    assert.equal(new Set(keys.map((key) => halfSipHash(bytes, 0, 3, key))).size, keys.length);
  });
});
