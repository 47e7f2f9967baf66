import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { append, health, messages, put, request } from '../support/client.ts';
import { startCluster, startDegraded } from '../support/cluster.ts';
import { waitFor } from '../support/wait.ts';

describe('write concern, on real processes', () => {
  it('answers when w nodes hold the message, and says which', async (t) => {
    const { master, secondaries } = await startCluster(t);
    const one = await append(master, { message: 'a', w: 1 });
    assert.equal(one.status, 201);
    assert.equal(one.headers.get('location'), '/messages/1');
    assert.equal(one.body.seq, 1);
    assert(one.body.acked.includes('master'));
    for (const [w, count] of [
      [2, 2],
      ['majority', 2],
      [3, 3],
      ['all', 3],
    ] as const) {
      const { status, body } = await append(master, { message: `w=${w}`, w });
      assert.equal(status, 201);
      assert.equal(body.w, count);
      assert(body.acked.length >= count, `${body.acked} for w=${w}`);
      assert.equal(body.acked.length + body.pending.length, 3);
    }
    const unnamed = await append(master, { message: 'all' });
    assert.deepEqual(unnamed.body.acked, ['master', 's1', 's2']);
    const expected = ['a', 'w=2', 'w=majority', 'w=3', 'w=all', 'all'];
    for (const node of [master, ...secondaries]) assert.deepEqual(await messages(node), expected);
  });

  it('waits for a slow secondary, and shows the message elsewhere meanwhile', async (t) => {
    const { master, secondaries } = await startCluster(t);
    const [s1, s2] = secondaries as [(typeof secondaries)[0], (typeof secondaries)[0]];
    await put(`${s2.url}/faults`, { delayMs: 600_000 });
    const slow = append(master, { message: 'slow' });
    const fast = await append(master, { message: 'fast', w: 2 });
    assert.deepEqual(fast.body.acked, ['master', 's1']);
    assert.deepEqual(await messages(s1), ['slow', 'fast']);
    assert.deepEqual(await messages(s2), []);
    await put(`${s2.url}/faults`, { delayMs: 0 });
    assert.deepEqual((await slow).body.acked, ['master', 's1', 's2']);
    await waitFor('s2 to show both', async () => (await messages(s2)).length === 2);
    assert.deepEqual(await messages(s2), ['slow', 'fast']);
  });

  it('never lets 300 blocked clients hold up others', async (t) => {
    const { master, startSecond } = await startDegraded(t);
    const blocked = Array.from({ length: 300 }, (_, i) =>
      append(master, { message: `b${i}`, w: 3 }),
    );
    await waitFor('300 to wait', async () => (await health(master)).waiting === 300);
    for (let i = 0; i < 20; i += 1) {
      assert.equal((await append(master, { message: `w1-${i}`, w: 1 })).status, 201);
      assert.equal((await append(master, { message: `w2-${i}`, w: 2 })).status, 201);
    }
    assert.equal((await health(master)).waiting, 300);
    const s2 = await startSecond();
    const answers = await Promise.all(blocked);
    assert(answers.every(({ status }) => status === 201));
    assert.deepEqual(await messages(s2), await messages(master));
  });

  it('forgets a client that goes away, and keeps its message', async (t) => {
    const { master } = await startDegraded(t);
    const leaving = new AbortController();
    const left = append(master, { message: 'left', w: 3 }, {}, leaving.signal);
    await waitFor('it to wait', async () => (await health(master)).waiting === 1);
    leaving.abort();
    await assert.rejects(left);
    await waitFor('nobody to wait', async () => (await health(master)).waiting === 0);
    assert.deepEqual(await messages(master), ['left']);
  });

  it('bounds the wait as the client prefers, and lets any client await it later', async (t) => {
    const { master, startSecond } = await startDegraded(t);
    const stored = await append(master, { message: 'm', w: 3 }, { prefer: 'wait=0' });
    assert.equal(stored.status, 202);
    assert.equal(stored.headers.get('preference-applied'), 'wait=0');
    assert.equal(stored.headers.get('location'), '/messages/1');
    assert.equal(stored.body.pending.includes('s2'), true);
    const async = await append(master, { message: 'n', w: 3 }, { prefer: 'respond-async' });
    assert.equal(async.status, 202);
    const early = await request(`${master.url}/messages/1?w=3`, { headers: { prefer: 'wait=0' } });
    assert.equal(early.status, 202);
    const held = request(`${master.url}/messages/1?w=all`);
    await waitFor('it to wait', async () => (await health(master)).waiting === 1);
    await startSecond();
    const { status, body } = await held;
    assert.equal(status, 200);
    assert.deepEqual(body, {
      seq: 1,
      message: 'm',
      epoch: 1,
      acked: ['master', 's1', 's2'],
      pending: [],
    });
  });

  it('refuses more waiting clients than MAX_WAITING, before anything is appended', async (t) => {
    const { master } = await startDegraded(t, { MAX_WAITING: 1 });
    const leaving = new AbortController();
    const first = append(master, { message: 'first', w: 3 }, {}, leaving.signal);
    await waitFor('it to wait', async () => (await health(master)).waiting === 1);
    const refused = await append(master, { message: 'refused', w: 2 });
    assert.equal(refused.status, 503);
    assert.equal(refused.body.type, '/problems/overloaded');
    assert.equal((await append(master, { message: 'w1', w: 1 })).status, 201);
    assert.deepEqual(await messages(master), ['first', 'w1']);
    leaving.abort();
    await assert.rejects(first);
  });
});
