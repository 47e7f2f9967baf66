/** Tails of real nodes whose log is cut or replaced: each follower gets a reset, and ends with the present log. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { append, health, messages, put, replicate } from '../support/client.ts';
import {
  FAST,
  type NodeProcess,
  startCluster,
  startRecovered,
  startSecondary,
  stopAfter,
} from '../support/cluster.ts';
import { EventReader } from '../support/events.ts';
import { waitFor } from '../support/wait.ts';

function follow(t: TestContext, node: NodeProcess, after = '0', query = ''): EventReader {
  const reader = new EventReader(`${node.url}/messages${query}`, { 'last-event-id': after });
  t.after(() => reader.close());
  return reader;
}

/** The same secondaries again, empty, and a master that finds nothing. */
async function allAnew(t: TestContext, master: NodeProcess, secondaries: readonly NodeProcess[]) {
  for (const node of [master, ...secondaries]) await node.stop('SIGKILL');
  for (const { port } of secondaries) {
    stopAfter(t, await startSecondary({ PORT: port }));
  }
  const ports = secondaries.map(({ port }) => port);
  const next = await startRecovered(ports, { ...FAST, PORT: master.port });
  stopAfter(t, next);
  return next;
}

describe('a tail that comes back', () => {
  it('to a cluster that has lost its memory is told so, at once, and gets the new log whole', async (t) => {
    const { master, secondaries } = await startCluster(t);
    const old = ['old-1', 'old-2', 'old-3', 'old-4', 'old-5'];
    await append(master, { messages: old });
    const tails = [master, ...secondaries].map((node) => follow(t, node));
    for (const tail of tails) await tail.untilLog(old);
    const next = await allAnew(t, master, secondaries);
    const again = [master, ...secondaries].map((node, i) => follow(t, node, tails[i]?.lastId));
    const { logId } = await health(next);
    const told = [{ from: 1, logId, reason: 'other-log' }];
    // Until a secondary has entries of a log it may still change to another one.
    await waitFor('a reset', () => again[0]?.resets.length === 1);
    const texts = ['new-1', 'new-2', 'new-3', 'new-4', 'new-5', 'new-6', 'new-7'];
    for (const message of texts) await append(next, { message, w: 'all' });
    for (const tail of again) {
      await tail.untilLog(texts);
      assert.deepEqual(tail.resets, told);
      assert.equal(tail.events[0]?.type, 'reset');
    }
  });

  it('goes on at any node, also at one that has just come back empty', async (t) => {
    const { master, secondaries } = await startCluster(t);
    const [s1, s2] = secondaries as [NodeProcess, NodeProcess];
    await append(master, { messages: ['a', 'b', 'c'] });
    const { lastId } = await follow(t, s1).untilLog(['a', 'b', 'c']);
    await s2.stop('SIGKILL');
    const late = { FAULT_INJECTION: true, FAULT_DELAY_MS: 600_000 };
    const empty = await startSecondary({ NODE_ID: 's2', PORT: s2.port, ...late });
    stopAfter(t, empty);
    const tails = [master, s1, empty].map((node) => follow(t, node, lastId));
    await append(master, { message: 'd', w: 2 });
    for (const tail of tails.slice(0, 2)) await tail.until(1);
    await put(`${empty.url}/faults`, { delayMs: 0 });
    for (const tail of tails) {
      await tail.until(1);
      assert.deepEqual([tail.resets, tail.seqs, tail.messages], [[], [4], ['d']]);
    }
  });

  it('goes on without a reset at the next master, while it recovers and after', async (t) => {
    const { master, secondaries } = await startCluster(t);
    await append(master, { messages: ['a', 'b', 'c'] });
    const { lastId } = await follow(t, master).untilLog(['a', 'b', 'c']);
    for (const node of secondaries) node.signal('SIGSTOP');
    await master.stop('SIGKILL');
    const ports = secondaries.map(({ port }) => port);
    const starting = startRecovered(ports, { ...FAST, PORT: master.port });
    let tail: EventReader | null = null;
    await waitFor('the next master to listen', () => {
      if (tail === null || (tail.isClosed && tail.status === 0)) tail = follow(t, master, lastId);
      return tail.status === 200;
    });
    for (const node of secondaries) node.signal('SIGCONT');
    const next = await starting;
    stopAfter(t, next);
    await append(next, { message: 'd' });
    const { resets, messages: told } = await (tail as unknown as EventReader).until(1);
    assert.deepEqual([resets, told], [[], ['d']]);
    assert.deepEqual(await messages(next), ['a', 'b', 'c', 'd']);
  });
});

describe('a tail whose entries are cut off', () => {
  it('is told from where, by the node that had them and by another one', async (t) => {
    const nodes = await Promise.all(['s1', 's2'].map((id) => startSecondary({ NODE_ID: id })));
    stopAfter(t, ...nodes);
    const [s1, s2] = nodes as [NodeProcess, NodeProcess];
    const frame = { logId: 'L', epoch: 1, from: 1 };
    await replicate(s1, [{ ...frame, messages: ['A', 'B'] }]);
    // What an earlier master, cut off from the others, wrote to only one of them.
    await replicate(s2, [{ ...frame, messages: ['A', 'B', 'C', 'D', 'E'] }]);
    const live = await follow(t, s2).until(5);
    s2.signal('SIGSTOP');
    const settings = { ...FAST, RECOVERY_TIMEOUT_MS: 200, QUORUM_APPEND: false };
    const master = await startRecovered([s1.port, s2.port], settings);
    stopAfter(t, master);
    const again = [master, s1].map((node) => follow(t, node, live.lastId));
    for (const message of ['x', 'y', 'z']) await append(master, { message, w: 2 });
    s2.signal('SIGCONT');
    await append(master, { message: 'F' });
    const told = [{ from: 3, logId: 'L', reason: 'cut' }];
    for (const tail of [live, ...again]) {
      await tail.until(5);
      await waitFor('the last', () => tail.messages.at(-1) === 'F');
      assert.deepEqual([tail.resets, tail.messages.slice(-4)], [told, ['x', 'y', 'z', 'F']]);
    }
    assert.deepEqual(live.log, ['A', 'B', 'x', 'y', 'z', 'F']);
  });
});
