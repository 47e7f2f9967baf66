import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  HELD_BYTES_MAX,
  HELD_MESSAGES_MAX,
  type HeldMessage,
  HoldBack,
} from '../../../../src/lib/core/log/hold-back.ts';
import { Dice, seeds } from '../../support.ts';

const held = (bytes: number, key?: string): HeldMessage => ({ text: new Uint8Array(bytes), key });

describe('HoldBack', () => {
  it('has room only so many messages ahead of the log', () => {
    const holdBack = new HoldBack();
    assert.equal(holdBack.hasRoom(7 + HELD_MESSAGES_MAX, 1, 7), true);
    assert.equal(holdBack.hasRoom(8 + HELD_MESSAGES_MAX, 1, 7), false);
  });

  it('has room only for so many bytes, those already held included', () => {
    const holdBack = new HoldBack();
    assert.equal(holdBack.hasRoom(2, HELD_BYTES_MAX, 0), true);
    assert.equal(holdBack.hasRoom(2, HELD_BYTES_MAX + 1, 0), false);
    holdBack.put([[2, held(10)]]);
    assert.equal(holdBack.hasRoom(3, HELD_BYTES_MAX - 10, 0), true);
    assert.equal(holdBack.hasRoom(3, HELD_BYTES_MAX - 9, 0), false);
  });

  it('holds a copy, which the bytes it came in cannot change any more', () => {
    const holdBack = new HoldBack();
    const text = Uint8Array.of(1, 2, 3);
    holdBack.put([[2, { text, key: 'k' }]]);
    text.fill(0);
    assert.deepEqual(holdBack.get(2), { text: Uint8Array.of(1, 2, 3), key: 'k' });
  });

  it('does what a map does, in 300 random histories', () => {
    for (const seed of seeds(300)) {
      const dice = new Dice(seed);
      const holdBack = new HoldBack();
      const model = new Map<number, HeldMessage>();
      for (let step = 0; step < 60; step += 1) {
        const act = dice.pick(['put', 'put', 'put', 'take', 'take', 'clear'] as const);
        const seq = dice.integer(1, 12);
        if (act === 'put') {
          const message = held(dice.integer(1, HELD_BYTES_MAX / 1000), dice.text(3));
          holdBack.put([[seq, message]]);
          if (!model.has(seq)) model.set(seq, message);
        } else if (act === 'take') {
          assert.deepEqual(holdBack.take(seq), model.get(seq));
          model.delete(seq);
        } else if (dice.chance(0.2)) {
          holdBack.clear();
          model.clear();
        }
        assert.equal(holdBack.size, model.size);
        assert.deepEqual(holdBack.get(seq), model.get(seq));
        const free = [...model.values()].reduce(
          (sum, { text }) => sum - text.length,
          HELD_BYTES_MAX,
        );
        assert.equal(holdBack.hasRoom(20, free, 8), true);
        assert.equal(holdBack.hasRoom(20, free + 1, 8), false);
      }
    }
  });
});
