import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FRAME_PIECE_BYTES } from '../../../src/lib/http/limits.ts';
import { FrameBody } from '../../../src/lib/replication/stream-body.ts';
import { Dice, seeds } from '../support.ts';

/** A body, and how often it reported that a queued piece was taken. */
function open() {
  const told = { taken: 0 };
  const body = new FrameBody(() => {
    told.taken += 1;
  });
  return { body, told, reader: body.stream.getReader() };
}

describe('FrameBody', () => {
  it('passes on at once what is waited for, which is no progress', async () => {
    const { body, told, reader } = open();
    const first = reader.read();
    await Promise.resolve();
    body.push(Buffer.from('frame'));
    assert.equal(Buffer.from((await first).value as Uint8Array).toString(), 'frame');
    assert.equal(told.taken, 0);
  });

  it('gives nothing before it is asked, and then piece by piece, each a view', async () => {
    const { body, told, reader } = open();
    const bytes = new Uint8Array(3 * FRAME_PIECE_BYTES - 1);
    body.push(bytes);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(told.taken, 0);
    const sizes: number[] = [];
    for (let read = 1; read <= 3; read += 1) {
      const { value } = await reader.read();
      assert.equal(value?.buffer, bytes.buffer);
      sizes.push(value?.length as number);
      assert.equal(told.taken, read);
    }
    assert.deepEqual(sizes, [FRAME_PIECE_BYTES, FRAME_PIECE_BYTES, FRAME_PIECE_BYTES - 1]);
  });

  it('passes on all there is, in order, however it is written and read', async () => {
    for (const seed of seeds(50)) {
      const dice = new Dice(seed);
      const { body, reader } = open();
      const sent: Buffer[] = [];
      let left = 0;
      const read: Buffer[] = [];
      for (let step = 0; step < 40; step += 1) {
        if (dice.chance(0.5)) {
          const bytes = Buffer.alloc(dice.integer(1, 2 * FRAME_PIECE_BYTES), step);
          sent.push(bytes);
          body.push(bytes);
          left += bytes.length;
        } else if (left > 0) {
          const { value } = await reader.read();
          read.push(Buffer.from(value as Uint8Array));
          left -= (value as Uint8Array).length;
        }
      }
      while (left > 0) {
        const { value } = await reader.read();
        read.push(Buffer.from(value as Uint8Array));
        left -= (value as Uint8Array).length;
      }
      body.close();
      assert.equal((await reader.read()).done, true);
      assert(Buffer.concat(read).equals(Buffer.concat(sent)), `seed ${seed}`);
    }
  });

  it('forgets what waits when nobody reads any more, and takes more all the same', async () => {
    const { body, told, reader } = open();
    const waiting = reader.read();
    await reader.cancel();
    await waiting;
    body.push(Buffer.from('frame'));
    body.push(Buffer.from('frame'));
    assert.equal(told.taken, 0);
  });
});
