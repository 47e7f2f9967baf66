import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ByteBudget, ByteBuffer, TooManyBytes } from '../../../src/lib/http/byte-buffer.ts';
import { BUFFER_FREE_BYTES } from '../../../src/lib/http/limits.ts';
import { Dice, seeds } from '../support.ts';

describe('ByteBuffer', () => {
  it('gives what a plain list of pieces gives, for 200 random cuts', () => {
    for (const seed of seeds(200)) {
      const dice = new Dice(seed);
      const budget = new ByteBudget(1_000_000);
      const buffer = new ByteBuffer(100_000, budget);
      for (let round = 0; round < 3; round += 1) {
        const pieces = dice.list(dice.integer(0, 12), () => {
          const piece = Buffer.alloc(dice.integer(0, dice.chance(0.2) ? 9000 : 5));
          return piece.fill(dice.integer(0, 255));
        });
        for (const piece of pieces) buffer.push(piece);
        assert.equal(buffer.length, Buffer.concat(pieces).length);
        assert.deepEqual(Buffer.from(buffer.takeAll()), Buffer.concat(pieces));
      }
      assert.equal(budget.used, 0);
    }
  });

  it('leaves the pieces it was given as they were', () => {
    const buffer = new ByteBuffer(10);
    const piece = Buffer.from('abcdef');
    buffer.push(piece.subarray(0, 2));
    buffer.push(Buffer.from('XY'));
    assert.equal(piece.toString(), 'abcdef');
    assert.equal(Buffer.from(buffer.takeAll()).toString(), 'abXY');
  });

  it('takes just as many bytes as it may', () => {
    const buffer = new ByteBuffer(5);
    buffer.push(Buffer.from('abc'));
    buffer.push(Buffer.from('de'));
    assert.throws(() => buffer.push(Buffer.from('f')), TooManyBytes);
    assert.equal(buffer.length, 5);
  });

  it('shares a budget with others, of which the first bytes of each are free', () => {
    const budget = new ByteBudget(10_000);
    const large = new ByteBuffer(1_000_000, budget);
    large.push(new Uint8Array(BUFFER_FREE_BYTES + 9000));
    assert.equal(budget.used, 9000);
    const other = new ByteBuffer(1_000_000, budget);
    other.push(new Uint8Array(BUFFER_FREE_BYTES));
    assert.throws(() => other.push(new Uint8Array(1)), { problem: 'overloaded', status: 503 });
    assert.equal(budget.used, 9000);
    other.clear();
    large.clear();
    assert.equal(budget.used, 0);
    other.push(new Uint8Array(BUFFER_FREE_BYTES + 10_000));
    assert.equal(budget.used, 10_000);
  });

  it('uses a run again that nobody looks at any more, one at a time', () => {
    const budget = new ByteBudget(1_000_000);
    const fill = (buffer: ByteBuffer, letter: string) => {
      for (const half of [1, 2]) buffer.push(Buffer.alloc(half * 50_000, letter));
      return buffer.takeAll();
    };
    const [one, other] = [new ByteBuffer(200_000, budget), new ByteBuffer(200_000, budget)];
    const first = fill(one, 'a');
    const second = fill(one, 'b');
    assert.notEqual(second.buffer, first.buffer);
    assert(first.every((byte) => byte === 0x61));
    one.reuse();
    const third = fill(other, 'c');
    assert.equal(third.buffer, second.buffer);
    assert.equal(third.length, 150_000);
    assert.notEqual(fill(one, 'd').buffer, third.buffer);
    assert.equal(budget.used, 0);
  });

  it('never uses again what was not its own', () => {
    const budget = new ByteBudget(1_000_000);
    const buffer = new ByteBuffer(1_000_000, budget);
    buffer.push(Buffer.alloc(100_000, 'a'));
    const piece = buffer.takeAll();
    buffer.reuse();
    buffer.push(Buffer.alloc(60_000, 'b'));
    buffer.push(Buffer.alloc(10_000, 'b'));
    assert.notEqual(buffer.takeAll().buffer, piece.buffer);
    assert(piece.every((byte) => byte === 0x61));
  });
});
