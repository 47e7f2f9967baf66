/** Reading at every node: behind a barrier, as lines, and as events. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { append, put, request } from '../support/client.ts';
import { type NodeProcess, startCluster, startSecondary, stopAfter } from '../support/cluster.ts';
import { EventReader } from '../support/events.ts';
import { range } from '../support/range.ts';
import { waitFor } from '../support/wait.ts';

function follow(t: TestContext, node: NodeProcess, after = '0'): EventReader {
  const reader = new EventReader(`${node.url}/messages`, { 'last-event-id': after });
  t.after(() => reader.close());
  return reader;
}

describe('reading', () => {
  it('reads on a late secondary what was just written, by a barrier', async (t) => {
    const { master, secondaries } = await startCluster(t, { count: 1 });
    const [s1] = secondaries as [NodeProcess];
    await put(`${s1.url}/faults`, { delayMs: 300 });
    const { seq } = (await append(master, { message: 'mine', w: 1 })).body;
    assert.deepEqual((await request(`${s1.url}/messages`)).body, []);
    const behind = await request(`${s1.url}/messages?minSeq=${seq}`);
    assert.deepEqual([behind.status, behind.body], [200, ['mine']]);
    const never = await request(`${master.url}/messages?minSeq=9`, {
      headers: { prefer: 'wait=0' },
    });
    assert.deepEqual([never.status, never.body.length], [503, 1]);
  });

  it('shows on every node only what a majority holds, where that is asked for', async (t) => {
    const { master, secondaries } = await startCluster(t);
    const nodes = [master, ...secondaries];
    const query = 'readConcern=majority';
    await append(master, { messages: ['a', 'b'], w: 'all' });
    for (const { url } of nodes) {
      const { body, headers } = await request(`${url}/messages?${query}&minSeq=2`);
      assert.deepEqual([body, headers.get('log-committed')], [['a', 'b'], '2']);
    }
    for (const { url } of secondaries) await put(`${url}/faults`, { delayMs: 600_000 });
    const tails = nodes.map(({ url }) => new EventReader(`${url}/messages?${query}`));
    t.after(() => tails.map((tail) => tail.close()));
    await append(master, { message: 'c', w: 1 });
    const { headers } = await request(`${master.url}/messages/3`);
    assert.equal(headers.get('log-committed'), '2');
    assert.equal((await request(`${master.url}/messages/3?${query}`)).status, 404);
    for (const tail of tails) assert.deepEqual((await tail.until(2)).messages, ['a', 'b']);
    const [s1] = secondaries as [NodeProcess];
    await put(`${s1.url}/faults`, { delayMs: 0 });
    for (const tail of tails.slice(0, 2)) {
      assert.deepEqual((await tail.until(3)).messages, ['a', 'b', 'c']);
    }
    assert.equal((await request(`${master.url}/messages/3?${query}`)).status, 200);
    const last = await request(`${secondaries[1]?.url}/messages?${query}`);
    assert.deepEqual([last.body, last.headers.get('log-length')], [['a', 'b'], '2']);
  });

  it('follows the log on every node, whoever is away', async (t) => {
    const { master, secondaries } = await startCluster(t);
    const tails = [master, ...secondaries].map((node) => follow(t, node));
    await append(master, { messages: ['a', 'b'], w: 'all' });
    for (const tail of tails) assert.deepEqual((await tail.until(2)).messages, ['a', 'b']);
    await Promise.all(secondaries.map((node) => node.stop('SIGKILL')));
    await append(master, { message: 'c', w: 1 });
    assert.deepEqual((await (tails[0] as EventReader).until(3)).seqs, [1, 2, 3]);
  });

  it('goes on without gap or repeat when the secondary comes back empty', async (t) => {
    const { master, secondaries } = await startCluster(t);
    const [s1] = secondaries as [NodeProcess, NodeProcess];
    for (const seq of range(1, 20)) await append(master, { message: `m${seq}` });
    const first = await follow(t, s1).until(20);
    await s1.stop('SIGKILL');
    await first.closed();
    for (const seq of range(21, 30)) await append(master, { message: `m${seq}`, w: 1 });
    const again = await startSecondary({ NODE_ID: 's1', PORT: s1.port });
    stopAfter(t, again);
    const second = follow(t, again, first.lastId);
    await append(master, { message: 'm31', w: 3 });
    await second.until(11);
    assert.deepEqual([...first.seqs, ...second.seqs], range(1, 31));
    assert.deepEqual(second.messages.at(-1), 'm31');
  });

  it('ends every tail when the node stops', async (t) => {
    const { master, secondaries } = await startCluster(t, { count: 1 });
    const nodes = [master, ...secondaries];
    const tails = nodes.map((node) => follow(t, node));
    await append(master, { message: 'a' });
    for (const tail of tails) await tail.until(1);
    const begin = performance.now();
    assert.deepEqual(await Promise.all(nodes.map((node) => node.stop())), [0, 0]);
    assert(performance.now() - begin < 4000, 'no tail holds up a stop');
    for (const tail of tails) await tail.closed();
  });

  it('keeps 200 tails up with a log that grows fast', async (t) => {
    const { master } = await startCluster(t, { count: 1 });
    const tails = range(1, 200).map(() => follow(t, master));
    await waitFor('all to listen', () => tails.every(({ status }) => status === 200));
    const texts = range(1, 500).map((i) => `m${i}`);
    for (const _ of range(1, 4)) await append(master, { messages: texts, w: 1 });
    for (const tail of tails) assert.deepEqual((await tail.until(2000)).seqs, range(1, 2000));
  });
});
