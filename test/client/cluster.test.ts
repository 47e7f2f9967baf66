/** The client against real nodes that die, come back, lag and lose acks. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type LogReset,
  LogResetError,
  ProblemError,
  ReplicatedLogClient,
  type TailEntry,
} from '../../src/client.ts';
import { FaultyProxy } from '../chaos/proxy.ts';
import { put } from '../support/client.ts';
import {
  FAST,
  type NodeProcess,
  startCluster,
  startDegraded,
  startMaster,
  startRecovered,
  startSecondary,
  stopAfter,
} from '../support/cluster.ts';
import { range } from '../support/range.ts';
import { waitFor } from '../support/wait.ts';
import { collected, RecordedTail } from './support.ts';

const PAUSES = { backoffBaseMs: 10, backoffMaxMs: 100 };

/** A client of these nodes, which reads from the first one. */
function clientOf(...nodes: NodeProcess[]): ReplicatedLogClient {
  return new ReplicatedLogClient({ nodes: nodes.map(({ url }) => url), ...PAUSES });
}

async function setFaults(node: NodeProcess, faults: object): Promise<void> {
  assert.equal((await put(`${node.url}/faults`, faults)).status, 200);
}

describe('a client of real nodes', () => {
  it('finds the master, appends, reads, and asks who holds what', async (t) => {
    const { master, secondaries } = await startCluster(t);
    const [s1, s2] = secondaries as [NodeProcess, NodeProcess];
    const client = clientOf(s1, s2, master);
    const one = await client.append('a');
    assert.deepEqual([one.seq, one.count, one.w, one.isDuplicate], [1, 1, 3, false]);
    assert.deepEqual(
      [one.status, one.acked, one.pending],
      ['acknowledged', ['master', 's1', 's2'], []],
    );
    const batch = await client.append(['b', 'c "quoted" ß 😀'], {
      w: 'majority',
      key: 'say "b\\c"',
    });
    assert.deepEqual([batch.seq, batch.count, client.lastWritten], [2, 2, 3]);
    const again = await client.append(['b', 'c "quoted" ß 😀'], { key: 'say "b\\c"' });
    assert.deepEqual([again.seq, again.count, again.isDuplicate], [2, 2, true]);
    const { messages, length, epoch } = await client.read({ afterMyWrites: true });
    assert.deepEqual([messages, length, epoch], [['a', 'b', 'c "quoted" ß 😀'], 3, 1]);
    assert.deepEqual((await client.read({ from: 2, limit: 1 })).messages, ['b']);
    assert.deepEqual(await client.get(2), { seq: 2, message: 'b' });
    const held = await client.get(2, { w: 'all' });
    assert.deepEqual([held.message, held.status, held.acked.length], ['b', 'acknowledged', 3]);
    const entries = await collected(client.readAll({ afterMyWrites: true }));
    assert.deepEqual(
      entries.map(({ seq }) => seq),
      [1, 2, 3],
    );
    assert.equal((await collected(client.readAll({ from: 2, limit: 1 }))).length, 1);
    assert.deepEqual(await collected(client.readAll({ from: 9 })), []);
    const [ofMaster, ofFirst] = [await client.health(master.url), await client.health()];
    assert(ofMaster.role === 'master' && ofFirst.role === 'secondary');
    assert.deepEqual([ofMaster.secondaries.length, ofFirst.nodeId], [2, 's1']);
  });

  it('tells what is refused', async (t) => {
    const { master, secondaries } = await startCluster(t, { count: 1 });
    const client = clientOf(...secondaries, master);
    await client.append('a', { key: 'k' });
    await assert.rejects(client.append('b', { w: 9 }), (error) => {
      assert(error instanceof ProblemError);
      assert.deepEqual(
        [error.problem, error.status, error.fields.n, typeof error.fields.requestId],
        ['w-exceeds-cluster', 400, 2, 'string'],
      );
      return true;
    });
    await assert.rejects(client.append('b', { key: 'k' }), { problem: 'idempotency-key-reused' });
    await assert.rejects(client.append([]), { problem: 'bad-request' });
    await assert.rejects(client.get(9), (error: ProblemError) => {
      assert.deepEqual([error.problem, error.fields.length], ['not-found', 1]);
      return true;
    });
    await assert.rejects(client.get(9, { w: 1 }), { problem: 'not-found' });
    await assert.rejects(client.read({ from: 0 }), { problem: 'bad-range' });
    await assert.rejects(client.tail({ from: 0.5 }).next(), { problem: 'bad-range' });
    await assert.rejects(client.read({ minSeq: 9, waitMs: 0 }), { problem: 'not-caught-up' });
    const readers = clientOf(...secondaries);
    await assert.rejects(readers.append('c'), { problem: 'method-not-allowed', status: 405 });
    const several = clientOf(...secondaries, ...secondaries);
    await assert.rejects(several.append('c'), { problem: 'method-not-allowed', status: 405 });
    assert.deepEqual((await client.read({ afterMyWrites: true })).messages, ['a']);
  });

  it('sends its token', async (t) => {
    const API_TOKEN = 'the-token-of-the-clients';
    const nodes = await startCluster(t, {
      count: 1,
      master: { API_TOKEN },
      secondary: { API_TOKEN },
    });
    const urls = [nodes.master, ...nodes.secondaries].map(({ url }) => url);
    const client = new ReplicatedLogClient({ nodes: urls, token: API_TOKEN, ...PAUSES });
    await client.append('a');
    assert.deepEqual((await client.read()).messages, ['a']);
    const stranger = new ReplicatedLogClient({ nodes: urls, ...PAUSES });
    await assert.rejects(stranger.append('b'), { problem: 'unauthorized', status: 401 });
    await assert.rejects(stranger.read(), { problem: 'unauthorized' });
    await assert.rejects(stranger.tail().next(), { problem: 'unauthorized' });
    assert.equal((await stranger.health()).length, 1);
  });

  it('is answered when its write concern holds, or its time is over', async (t) => {
    const { master, startSecond } = await startDegraded(t);
    // Each part of the wait is a second.
    const nodes = [master.url];
    const client = new ReplicatedLogClient({ nodes, timeoutMs: 1000, ...PAUSES });
    assert.equal((await client.append('a', { w: 3, waitMs: 0 })).status, 'pending');
    const waiting = client.append('b', { w: 3 });
    const third = client.get(1, { w: 3 });
    await waitFor('both to wait', async () => {
      const health = await client.health();
      return health.role === 'master' && health.waiting === 2;
    });
    const stop = new AbortController();
    const given = client.append('c', { w: 3, signal: stop.signal });
    await waitFor('the third', async () => (await client.health()).length === 3);
    stop.abort(new Error('no time'));
    await assert.rejects(given, /no time/);
    await startSecond();
    const { seq, acked } = await waiting;
    assert.deepEqual([seq, acked.length, (await third).status], [2, 3, 'acknowledged']);
    assert.deepEqual((await client.read()).messages, ['a', 'b', 'c']);
  });

  it('reads its own writes on a node that lags', async (t) => {
    const { master, secondaries } = await startCluster(t, { count: 1 });
    const [s1] = secondaries as [NodeProcess];
    await setFaults(s1, { delayMs: 500 });
    const client = clientOf(s1, master);
    await client.append('mine', { w: 1 });
    assert.deepEqual((await client.read()).messages, []);
    assert.deepEqual((await client.read({ afterMyWrites: true })).messages, ['mine']);
    await client.append('also mine', { w: 1 });
    // The secondary must not wait, so the next node is asked.
    const now = await client.read({ afterMyWrites: true, waitMs: 0 });
    assert.deepEqual(now.messages, ['mine', 'also mine']);
  });

  it('appends once though acks are lost', async (t) => {
    const { master, secondaries } = await startCluster(t);
    const client = clientOf(master, ...secondaries);
    for (const node of secondaries) {
      await setFaults(node, { errorAfterApplyRate: 0.5, errorRate: 0.2 });
    }
    const texts = range(1, 20).map((number) => `m${number}`);
    for (const text of texts) await client.append(text);
    assert.deepEqual((await client.read()).messages, texts);
  });

  it('gets every append acknowledged, once, across the death of the master', async (t) => {
    const { master, secondaries } = await startCluster(t);
    const [s1, s2] = secondaries as [NodeProcess, NodeProcess];
    const client = clientOf(s1, s2, master);
    await client.append('before');
    // With one secondary stopped, all of these are under way when the master dies.
    s2.signal('SIGSTOP');
    const texts = range(1, 10).map((number) => `m${number}`);
    const appends = texts.map((text) => client.append(text, { w: 3 }));
    await waitFor('all to be on s1', async () => (await client.health(s1.url)).length === 11);
    await master.stop('SIGKILL');
    s2.signal('SIGCONT');
    const ports = secondaries.map(({ port }) => port);
    const next = await startMaster(ports, { ...FAST, PORT: master.port });
    stopAfter(t, next);
    const receipts = await Promise.all(appends);
    for (const receipt of receipts)
      assert.deepEqual([receipt.epoch, receipt.isDuplicate], [1, true]);
    const last = await client.append('after');
    assert.deepEqual([last.seq, last.epoch], [12, 2]);
    const { messages } = await client.read({ afterMyWrites: true });
    assert.deepEqual([...messages].sort(), ['after', 'before', ...texts].sort());
  });

  it('finds the master at another address, and leaves one that stops', async (t) => {
    const { master, secondaries } = await startCluster(t);
    const spare = await startSecondary({ NODE_ID: 'spare' });
    const client = clientOf(master, spare, ...secondaries);
    await client.append('a');
    await master.stop();
    await spare.stop();
    const appending = client.append('b');
    const ports = secondaries.map(({ port }) => port);
    // Master and secondary have exchanged their addresses.
    const other = await startSecondary({ NODE_ID: 'other', PORT: master.port });
    const next = await startMaster(ports, { ...FAST, PORT: spare.port });
    stopAfter(t, next, other);
    assert.deepEqual((({ seq, epoch }) => [seq, epoch])(await appending), [2, 2]);
  });

  it('reads and follows on when nodes die, without gap or repeat', async (t) => {
    const { master, secondaries } = await startCluster(t);
    const [s1, s2] = secondaries as [NodeProcess, NodeProcess];
    const writer = clientOf(master);
    const client = clientOf(s1, s2, master);
    const tail = new RecordedTail(t, client);
    const late = new RecordedTail(t, client, 15);
    await writer.append(range(1, 20).map((number) => `m${number}`));
    await tail.until(20);
    await s1.stop('SIGKILL');
    await writer.append('m21', { w: 2 });
    await tail.until(21);
    assert.equal((await client.read()).messages.length, 21);
    await s2.stop('SIGKILL');
    const again = await startSecondary({ NODE_ID: 's1', PORT: s1.port });
    stopAfter(t, again);
    await writer.append(['m22', 'm23'], { w: 2 });
    await tail.until(23);
    await late.until(9);
    assert.deepEqual([tail.seqs, late.seqs], [range(1, 23), range(15, 23)]);
    assert.equal(tail.entries.at(-1)?.message, 'm23');
    assert.equal((await collected(client.readAll())).length, 23);
  });

  it('leaves a secondary that its master cannot reach any more', async (t) => {
    const [s1, s2] = await Promise.all(['s1', 's2'].map((NODE_ID) => startSecondary({ NODE_ID })));
    assert(s1 && s2);
    const link = await new FaultyProxy(s1.port).listen();
    const master = await startRecovered([link.port, s2.port], FAST);
    stopAfter(t, master, s1, s2);
    t.after(() => link.close());
    const writer = clientOf(master);
    const nodes = [s1.url, s2.url];
    const reader = new ReplicatedLogClient({ nodes, tailCheckMs: 150, ...PAUSES });
    const tail = new RecordedTail(t, reader);
    await writer.append(['a', 'b']);
    await tail.until(2);
    link.disturb('cut');
    await writer.append(['c', 'd'], { w: 2 });
    // The first node waits in vain, the next one has it.
    const other = clientOf(s1, s2);
    assert.equal((await other.read({ minSeq: 4, waitMs: 1000 })).length, 4);
    await tail.until(4);
    assert.deepEqual([tail.seqs, tail.error], [range(1, 4), undefined]);
    assert.equal((await reader.health(s1.url)).length, 2);
    assert.equal((await reader.read()).length, 4, 'its reads go to the node that has more, too');
  });

  it('follows a log while its master is away and another takes over', async (t) => {
    const { master, secondaries } = await startCluster(t);
    const client = clientOf(master, ...secondaries);
    const tail = new RecordedTail(t, client);
    await client.append('a');
    await tail.until(1);
    await master.stop();
    const ports = secondaries.map(({ port }) => port);
    stopAfter(t, await startMaster(ports, { ...FAST, PORT: master.port }));
    await client.append('b');
    await tail.until(2);
    assert.deepEqual([tail.seqs, tail.error], [[1, 2], undefined]);
  });

  it('reads and follows what is committed, where that is asked for', async (t) => {
    const { master, secondaries } = await startCluster(t);
    const client = clientOf(master);
    const readConcern = 'majority';
    await client.append(['a', 'b']);
    for (const node of secondaries) await setFaults(node, { delayMs: 600_000 });
    await client.append('c', { w: 1 });
    const { messages, length, committed } = await client.read({ readConcern });
    assert.deepEqual([messages, length, committed], [['a', 'b'], 3, 2]);
    assert.equal((await client.read()).messages.length, 3);
    assert.equal((await collected(client.readAll({ readConcern }))).length, 2);
    assert.equal((await client.get(2, { readConcern })).message, 'b');
    const isNotFound = ({ problem }: ProblemError) => problem === 'not-found';
    await assert.rejects(client.get(3, { readConcern }), isNotFound);
    const seen: number[] = [];
    for await (const { seq } of client.tail({ readConcern })) {
      seen.push(seq);
      if (seq === 2) await setFaults(secondaries[0] as NodeProcess, { delayMs: 0 });
      if (seq === 3) break;
    }
    assert.deepEqual(seen, [1, 2, 3]);
  });

  it('tells of a log that began anew: by an error, or by what is called', async (t) => {
    const { master, secondaries } = await startCluster(t);
    const client = clientOf(...secondaries, master);
    const strict = new RecordedTail(t, client);
    await client.append(['old-1', 'old-2', 'old-3', 'old-4', 'old-5']);
    await strict.until(5);
    const { id: after } = strict.entries.at(-1) as TailEntry;
    const nodes = [master, ...secondaries];
    await Promise.all(nodes.map((node) => node.stop('SIGKILL')));
    for (const { port } of secondaries) stopAfter(t, await startSecondary({ PORT: port }));
    const ports = secondaries.map(({ port }) => port);
    const next = await startRecovered(ports, { ...FAST, PORT: master.port });
    stopAfter(t, next);
    const texts = ['new-1', 'new-2', 'new-3', 'new-4', 'new-5', 'new-6', 'new-7'];
    await client.append(texts);
    const { logId } = await client.health(next.url);
    await waitFor('the error', () => strict.error);
    assert(strict.error instanceof LogResetError);
    const { from, reason } = strict.error;
    assert.deepEqual([from, strict.error.logId, reason], [1, logId, 'other-log']);
    assert.equal(strict.entries.length, 5);
    const log: string[] = [];
    const onReset = (reset: LogReset) => log.push(`from ${reset.from}`);
    for await (const { message, seq } of client.tail({ after, onReset })) {
      log.push(message);
      if (seq === 7) break;
    }
    assert.deepEqual(log, ['from 1', ...texts]);
  });
});
