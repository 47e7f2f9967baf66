import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import { readyForMore } from '../../../src/lib/http/log-routes.ts';

describe('readyForMore', () => {
  const answer = (state: { writableNeedDrain: boolean; destroyed: boolean }) =>
    Object.assign(new EventEmitter(), state) as EventEmitter & ServerResponse;

  it('lets others have their turn though all was drained at once', async () => {
    const res = answer({ writableNeedDrain: true, destroyed: false });
    let hadTheirTurn = false;
    setImmediate(() => {
      hadTheirTurn = true;
    });
    process.nextTick(() => res.emit('drain'));
    await readyForMore(res);
    assert(hadTheirTurn);
    assert.deepEqual(res.eventNames(), []);
  });

  it('does not wait for a reader that is gone', async () => {
    await readyForMore(answer({ writableNeedDrain: false, destroyed: true }));
    const res = answer({ writableNeedDrain: true, destroyed: false });
    process.nextTick(() => res.emit('close'));
    await readyForMore(res);
    assert.deepEqual(res.eventNames(), []);
  });
});
