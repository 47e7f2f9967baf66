import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { append, health, messages, replicate, request } from '../support/client.ts';
import {
  FAST,
  type NodeProcess,
  startCluster,
  startMaster,
  startRecovered,
  startSecondary,
  stopAfter,
} from '../support/cluster.ts';
import { FakeSecondary } from '../support/fake-secondary.ts';
import { freePort } from '../support/port.ts';
import { waitFor } from '../support/wait.ts';

const statusesOf = async (master: NodeProcess) =>
  (await health(master)).secondaries.map(({ status }: { status: string }) => status).join();

describe('heartbeats and quorum, on real processes', () => {
  it('accepts nothing at boot before a quorum has answered', async (t) => {
    const port = await freePort();
    const master = await startMaster([port, await freePort()], FAST);
    stopAfter(t, master);
    const refused = await append(master, { message: 'early', w: 1 });
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get('retry-after'), '1');
    assert.deepEqual(
      { ...refused.body, title: '', detail: '', reason: '', requestId: '' },
      {
        type: '/problems/recovering',
        title: '',
        status: 503,
        detail: '',
        reason: '',
        requestId: '',
      },
    );
    assert.equal((await health(master)).status, 'recovering');
    assert.equal((await request(`${master.url}/readyz`)).status, 503);
    assert.equal((await request(`${master.url}/livez`)).status, 200);
    const s1 = await startSecondary({ NODE_ID: 's1', PORT: port });
    stopAfter(t, s1);
    await waitFor(
      'it to be ready',
      async () => (await request(`${master.url}/readyz`)).status === 200,
    );
    assert.equal((await append(master, { message: 'first', w: 2 })).body.seq, 1);
  });

  it('goes Healthy, Suspected, Unhealthy, Healthy; read-only in between, and reads go on', async (t) => {
    const { master, secondaries } = await startCluster(t, {
      master: { HEARTBEAT_INTERVAL_MS: 300, HEARTBEAT_TIMEOUT_MS: 300 },
    });
    const [s1, s2] = secondaries as [NodeProcess, NodeProcess];
    await append(master, { message: 'a' });
    const known = await health(master);
    assert.deepEqual(known.quorum, { required: 2, available: 3, nodes: 3 });
    assert.equal(known.secondaries[0].lag, 0);
    assert(known.secondaries[0].lastSeenMsAgo >= 0);
    const { port } = s2;
    await s2.stop();
    await waitFor(
      's2 to be Suspected',
      async () => (await statusesOf(master)) === 'Healthy,Suspected',
    );
    assert.equal((await health(master)).status, 'degraded');
    await waitFor(
      's2 to be Unhealthy',
      async () => (await statusesOf(master)) === 'Healthy,Unhealthy',
    );
    assert.equal((await append(master, { message: 'b', w: 2 })).status, 201);
    s1.signal('SIGSTOP');
    await waitFor('it to be read-only', async () => (await health(master)).status === 'read-only');
    const refused = await append(master, { message: 'refused', w: 1 });
    assert.equal(refused.status, 503);
    assert.deepEqual(refused.body.missing, ['s1', 's2']);
    assert.deepEqual(await messages(master), ['a', 'b']);
    s1.signal('SIGCONT');
    const again = await startSecondary({ NODE_ID: 's2', PORT: port });
    stopAfter(t, again);
    await waitFor(
      'all to be Healthy',
      async () => (await statusesOf(master)) === 'Healthy,Healthy',
    );
    assert.equal((await append(master, { message: 'c' })).body.seq, 3);
    assert.deepEqual(await messages(again), ['a', 'b', 'c']);
    const story = master
      .events('secondary-status')
      .filter(({ secondary }) => secondary === 's2')
      .map(({ to }) => to);
    assert.deepEqual(story, ['Healthy', 'Suspected', 'Unhealthy', 'Healthy']);
  });

  it('does not take its own pause for the death of its peers', async (t) => {
    // Long enough for a busy machine, so that every miss is due to the pause.
    const { master } = await startCluster(t, { master: { HEARTBEAT_TIMEOUT_MS: 2000 } });
    const begin = performance.now();
    master.signal('SIGSTOP');
    await waitFor('a pause longer than all misses', () => performance.now() - begin > 3000);
    master.signal('SIGCONT');
    for (let i = 0; i < 20; i += 1) await append(master, { message: `m${i}` });
    await waitFor('both to be heard again', async () => {
      const { secondaries } = await health(master);
      return secondaries.every((one: { lastSeenMsAgo: number }) => one.lastSeenMsAgo < 1000);
    });
    const told = master.events('secondary-status').map(({ to }) => to);
    assert.deepEqual(told, ['Healthy', 'Healthy']);
  });

  it('appends without a quorum if it is told to', async (t) => {
    const master = await startRecovered([await freePort()], { ...FAST, QUORUM_APPEND: false });
    stopAfter(t, master);
    assert.equal((await append(master, { message: 'a', w: 1 })).status, 201);
    assert.equal((await health(master)).status, 'degraded');
    assert.equal((await request(`${master.url}/readyz`)).status, 200);
  });

  it('works alone, where the master is all there is', async (t) => {
    const master = await startRecovered([], FAST);
    stopAfter(t, master);
    assert.deepEqual((await append(master, { message: 'a' })).body.acked, ['master']);
    assert.equal((await health(master)).status, 'ok');
  });
});

describe('what health tells of recovery and fencing', () => {
  it('is nothing but zero where nothing was discarded and nobody has taken over', async (t) => {
    const { master, secondaries } = await startCluster(t, { count: 1 });
    await append(master, { message: 'a' });
    for (const node of [master, ...secondaries]) {
      const told = await health(node);
      assert.deepEqual([told.discarded, 'fenced' in told], [0, false]);
    }
  });

  it('counts on a secondary every entry that was cut off in this run', async (t) => {
    const s1 = await startSecondary({ NODE_ID: 's1' });
    stopAfter(t, s1);
    const frame = (epoch: number, epochs: number[][], from: number, messages: string[]) =>
      replicate(s1, [{ logId: 'L', epoch, epochs, from, messages }]);
    await frame(1, [[1, 1]], 1, ['a', 'b', 'c']);
    const second = [
      [1, 1],
      [2, 2],
    ];
    assert.equal((await frame(2, second, 2, ['B'])).status, 200);
    assert.equal((await health(s1)).discarded, 2);
    assert.equal((await frame(3, [[3, 1]], 1, [])).status, 200);
    const { discarded, length, epoch } = await health(s1);
    assert.deepEqual([discarded, length, epoch], [4, 0, 3]);
  });

  it('names the epoch that has fenced a master; one that nobody says fences it too', async (t) => {
    for (const [said, byEpoch] of [
      [{ epoch: 9 }, 9],
      [{}, null],
    ] as const) {
      const problem = { type: '/problems/stale-epoch', detail: 'a newer one', ...said };
      const fake = new FakeSecondary({
        frame: (_, res) => {
          res.writeHead(409, { 'content-type': 'application/problem+json' });
          res.end(JSON.stringify(problem));
        },
      });
      await fake.listen(t);
      const master = await startRecovered([fake.port], FAST);
      stopAfter(t, master);
      const { status, body } = await append(master, { message: 'a', w: 2 });
      assert.deepEqual([status, body.type, body.appended], [503, '/problems/fenced', true]);
      const told = await health(master);
      assert.deepEqual([told.status, told.fenced], ['read-only', { byEpoch }]);
      assert.equal((await append(master, { message: 'b', w: 1 })).status, 503);
    }
  });
});
