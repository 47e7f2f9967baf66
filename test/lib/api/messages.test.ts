import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import { readyForMore } from '../../../src/lib/http/request-context.ts';
import { serveSecondary } from '../replication/secondary-server.ts';
import { preparing } from '../support.ts';

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

describe('Log-Epoch', () => {
  it('is of who wrote the log: what is cut off later was shown under another', async (t) => {
    const { url, core, feed } = await serveSecondary(t);
    const old = { epoch: 1, writer: 'A', firstSeq: 1 };
    feed(1, 1, ['a', 'x'], { writer: 'A', epochs: [old] });
    core.heartbeat(preparing({ logId: 'L', epoch: 2, writer: 'B' }));
    const read = async () => {
      const response = await fetch(`${url}/messages`);
      return [response.headers.get('log-epoch'), await response.json()];
    };
    assert.deepEqual(await read(), ['1', ['a', 'x']]);
    const health = (await (await fetch(`${url}/health`)).json()) as { epoch: number };
    assert.equal(health.epoch, 2);
    feed(2, 2, ['b'], { writer: 'B', epochs: [old, { epoch: 2, writer: 'B', firstSeq: 2 }] });
    assert.deepEqual(await read(), ['2', ['a', 'b']]);
  });
});
