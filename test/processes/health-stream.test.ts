/** The health of a node as events, and faults passed on by the master, as the page uses them. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { append, put, request } from '../support/client.ts';
import {
  FAST,
  type NodeProcess,
  startCluster,
  startMaster,
  startRecovered,
  startSecondary,
  stopAfter,
} from '../support/cluster.ts';
import { EventReader } from '../support/events.ts';
import { freePort } from '../support/port.ts';
import { waitFor } from '../support/wait.ts';

function watch(t: TestContext, node: NodeProcess): EventReader {
  const reader = new EventReader(`${node.url}/health`);
  t.after(() => reader.close());
  return reader;
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
const snapshots = (reader: EventReader): any[] => reader.events.map(({ data }) => JSON.parse(data));

describe('GET /health as events', () => {
  it('tells at once how things are, and every change', async (t) => {
    const { master, secondaries } = await startCluster(t);
    const watched = await watch(t, master).until(1);
    assert.equal(snapshots(watched)[0].status, 'ok');
    const last = () => snapshots(watched).at(-1);
    await append(master, { message: 'a' });
    await waitFor('the append', () => last().length === 1 && last().secondaries[1].length === 1);
    assert.deepEqual([last().secondaries[0].sent, last().secondaries[0].held], [1, 0]);
    await (secondaries[1] as NodeProcess).stop('SIGKILL');
    await waitFor('the loss', () => last().status === 'degraded');
    await waitFor('a plan', () => last().secondaries[1].status === 'Unhealthy');
    const own = await watch(t, secondaries[0] as NodeProcess).until(1);
    assert.equal(snapshots(own)[0].length, 1);
  });

  it('says nothing while nothing changes, and at most ten times a second', async (t) => {
    const calm = await startSecondary({ NODE_ID: 'calm' });
    stopAfter(t, calm);
    const watched = await watch(t, calm).until(1);
    const { master } = await startCluster(t, { count: 1 });
    const busy = await watch(t, master).until(1);
    const begin = performance.now();
    while (performance.now() - begin < 1000) await append(master, { message: 'x', w: 1 });
    const seconds = (performance.now() - begin) / 1000;
    assert(busy.events.length <= 2 + 10 * seconds, `${busy.events.length} in ${seconds} s`);
    assert(busy.events.length >= 4, `${busy.events.length} in ${seconds} s`);
    assert.equal(watched.events.length, 1);
  });

  it('shows that the node lives while nothing changes', async (t) => {
    const calm = await startSecondary({ NODE_ID: 'calm' });
    stopAfter(t, calm);
    const watched = await watch(t, calm).until(1);
    // Much sooner than a page gives up.
    const begin = performance.now();
    await waitFor('two comments', () => watched.comments >= 2);
    assert(performance.now() - begin < 15_000);
    assert.equal(watched.events.length, 1);
  });

  it('says nothing of heartbeats that are answered in time', async (t) => {
    const { master } = await startCluster(t, { master: { HEARTBEAT_TIMEOUT_MS: 5000 } });
    const watched = watch(t, master);
    const isCalm = () => watched.comments >= 1 && snapshots(watched).at(-1)?.status === 'ok';
    await waitFor('a calm cluster', isCalm);
    const [told, comments] = [watched.events.length, watched.comments];
    await waitFor('two more comments', () => watched.comments >= comments + 2);
    assert.equal(watched.events.length, told);
  });

  it('tells that a heartbeat is late, and that it has come, though it counts for nothing', async (t) => {
    const { master, secondaries } = await startCluster(t, {
      count: 1,
      master: {
        HEARTBEAT_TIMEOUT_MS: 200,
        SUSPECTED_AFTER_MISSES: 1000,
        UNHEALTHY_AFTER_MISSES: 1000,
      },
    });
    const [s1] = secondaries as [NodeProcess];
    const watched = await watch(t, master).until(1);
    const last = () => snapshots(watched).at(-1).secondaries[0];
    s1.signal('SIGSTOP');
    t.after(() => s1.signal('SIGCONT'));
    await waitFor('it to be late', () => last().lastSeenMsAgo > 700);
    assert.equal(last().status, 'Healthy');
    s1.signal('SIGCONT');
    await waitFor('it to be back', () => last().lastSeenMsAgo < 700);
  });

  it('ends when the node stops', async (t) => {
    const { master } = await startCluster(t, { count: 1 });
    const watched = await watch(t, master).until(1);
    const begin = performance.now();
    assert.equal(await master.stop(), 0);
    assert(performance.now() - begin < 4000);
    await watched.closed();
  });

  it('tells of messages that a secondary holds back', async (t) => {
    const { master, secondaries } = await startCluster(t, { count: 1 });
    await put(`${(secondaries[0] as NodeProcess).url}/faults`, { delayMs: 60_000 });
    await append(master, { messages: ['a', 'b', 'c'], w: 1 });
    const watched = watch(t, master);
    await waitFor('them to be held', () => snapshots(watched).at(-1)?.secondaries[0].held === 3);
    const { sent, length, lag } = snapshots(watched).at(-1).secondaries[0];
    assert.deepEqual([sent, length, lag], [3, 0, 3]);
    await put(`${(secondaries[0] as NodeProcess).url}/faults`, { delayMs: 0 });
    await waitFor('them to be shown', () => snapshots(watched).at(-1)?.secondaries[0].lag === 0);
  });
});

describe('/secondaries/{id}/faults on the master', () => {
  const NONE = { delayMs: 0, errorRate: 0, errorAfterApplyRate: 0 };

  it('passes on what is asked and answered', async (t) => {
    const { master, secondaries } = await startCluster(t, { master: { FAULT_INJECTION: true } });
    const url = `${master.url}/secondaries/s2/faults`;
    assert.deepEqual((await request(url)).body, NONE);
    const set = await put(url, { delayMs: 70, errorRate: 0.25 });
    assert.deepEqual([set.status, set.body], [200, { ...NONE, delayMs: 70, errorRate: 0.25 }]);
    const direct = (node: NodeProcess) => request(`${node.url}/faults`);
    assert.deepEqual((await direct(secondaries[1] as NodeProcess)).body, set.body);
    assert.deepEqual((await direct(secondaries[0] as NodeProcess)).body, NONE);
    assert.equal((await put(url, { delayMs: '1' })).status, 400);
    assert.equal((await put(url, { speed: 1 })).status, 400);
    assert.equal((await request(`${url}?x=1`)).status, 400);
    const own = `${(secondaries[1] as NodeProcess).url}/faults`;
    assert.equal((await request(`${own}?x=1`)).status, 400);
    const wrong = await request(`${master.url}/secondaries/s3/faults`);
    assert.deepEqual([wrong.status, wrong.body.type], [404, '/problems/not-found']);
    assert.match(wrong.body.detail, /s1, s2/);
    assert.equal((await request(`${master.url}/secondaries/%E0/faults`)).status, 404);
    const posted = await request(url, { method: 'POST', body: '{}' });
    assert.deepEqual([posted.status, posted.headers.get('allow')], [405, 'GET, HEAD, PUT']);
  });

  it('is not there without FAULT_INJECTION', async (t) => {
    const { master } = await startCluster(t, { count: 1 });
    assert.equal((await request(`${master.url}/secondaries/s1/faults`)).status, 404);
  });

  it('says why there is nothing to pass on', async (t) => {
    const plain = await startSecondary({ NODE_ID: 's1' });
    const master = await startRecovered([plain.port, await freePort()], {
      ...FAST,
      FAULT_INJECTION: true,
    });
    stopAfter(t, plain, master);
    const none = await request(`${master.url}/secondaries/s1/faults`);
    assert.deepEqual([none.status, none.body.type], [404, '/problems/not-found']);
    assert.match(none.body.detail, /FAULT_INJECTION=true/);
    const away = await put(`${master.url}/secondaries/s2/faults`, { delayMs: 1 });
    assert.deepEqual([away.status, away.body.type], [503, '/problems/no-answer']);
  });

  it('wants the token of clients, and sends it on', async (t) => {
    const secret = { API_TOKEN: 'sesame', FAULT_INJECTION: true };
    const s = await startSecondary(secret);
    const master = await startMaster([s.port], { ...FAST, ...secret });
    stopAfter(t, s, master);
    const url = `${master.url}/secondaries/s1/faults`;
    assert.equal((await request(url)).status, 401);
    const headers = { authorization: 'Bearer sesame' };
    assert.deepEqual((await request(url, { headers })).body, NONE);
  });
});
