import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { append, health, messages } from '../support/client.ts';
import {
  type Environment,
  FAST,
  NodeProcess,
  startCluster,
  startDegraded,
  startMaster,
  startSecondary,
  stopAfter,
} from '../support/cluster.ts';
import { freePort } from '../support/port.ts';
import { RawConnection, rawAppend } from '../support/raw.ts';
import { waitFor } from '../support/wait.ts';

describe('starting', () => {
  it('stops with 78 and a line for every problem of the configuration', async () => {
    const cases: ['master' | 'secondary', Environment, string[]][] = [
      [
        'master',
        {
          PORT: 'x\ny',
          DEFAULT_W: 5,
          SECONDARIES: 'http://h:6667,ftp://x',
          CLUSTER_TOKEN: 'short',
        },
        ['PORT', 'SECONDARIES', 'SECONDARIES', 'CLUSTER_TOKEN', 'DEFAULT_W'],
      ],
      ['secondary', { FAULT_ERROR_RATE: 2, LOG_LEVEL: 'loud' }, ['FAULT_ERROR_RATE', 'LOG_LEVEL']],
    ];
    for (const [entry, environment, names] of cases) {
      const node = new NodeProcess(entry, environment);
      assert.equal(await node.exited(), 78);
      const lines = node.stderr.trim().split('\n');
      const found = lines.map((line) => /^configuration: ([A-Z_]+) /.exec(line)?.[1]);
      assert.deepEqual(found.sort(), [...names].sort());
      assert.deepEqual(node.log, []);
    }
  });

  it('says in one line that it listens, whatever the level of the log', async (t) => {
    const node = await startSecondary({ LOG_LEVEL: 'error' });
    stopAfter(t, node);
    assert.equal(node.log.length, 1);
  });

  it('stops with 1 when the port is taken', async (t) => {
    const node = await startSecondary();
    stopAfter(t, node);
    const second = new NodeProcess('secondary', { PORT: node.port });
    assert.equal(await second.exited(), 1);
    assert.equal(second.events('listen-failed').length, 1);
  });

  it('warns of an address that others reach when there is no cluster token', async (t) => {
    const open = await startSecondary({ HOST: '0.0.0.0' });
    const closed = await startSecondary({ HOST: '0.0.0.0', CLUSTER_TOKEN: 'a-secret-of-ours-16' });
    stopAfter(t, open, closed);
    await waitFor('the warning', () => open.events('no-cluster-token').length === 1);
    assert.equal(closed.events('no-cluster-token').length, 0);
  });
});

describe('stopping', () => {
  it('answers every waiting client: 201 if the acks come in time', async (t) => {
    const port = await freePort();
    const s1 = await startSecondary({ NODE_ID: 's1' });
    stopAfter(t, s1);
    const master = await startMaster([s1.port, port], FAST);
    await waitFor('a quorum', async () => (await health(master)).status === 'degraded');
    const waiting = append(master, { message: 'm', w: 3 });
    await waitFor('it to wait', async () => (await health(master)).waiting === 1);
    master.signal('SIGTERM');
    await waitFor('it to stop', () => master.events('stopping').length === 1);
    const refused = await append(master, { message: 'late', w: 1 });
    assert.equal(refused.status, 503);
    assert.equal(refused.body.type, '/problems/shutting-down');
    const s2 = await startSecondary({ NODE_ID: 's2', PORT: port });
    stopAfter(t, s2);
    assert.equal((await waiting).status, 201);
    assert.equal(await master.exited(), 0);
    assert.deepEqual(await messages(s2), ['m']);
  });

  it('answers 503 with the receipt if they do not', async (t) => {
    const s1 = await startSecondary({ NODE_ID: 's1' });
    stopAfter(t, s1);
    const master = await startMaster([s1.port, await freePort()], FAST);
    await waitFor('a quorum', async () => (await health(master)).status === 'degraded');
    const waiting = append(master, { message: 'm', w: 3 });
    await waitFor('it to wait', async () => (await health(master)).waiting === 1);
    master.signal('SIGINT');
    const { status, body, headers } = await waiting;
    assert.equal(status, 503);
    assert(headers.has('retry-after'));
    assert.equal(body.type, '/problems/shutting-down');
    assert.equal(body.appended, true);
    assert.equal(body.seq, 1);
    assert.deepEqual(body.acked, ['master', 's1']);
    assert.deepEqual(body.pending, ['s2']);
    assert.equal(await master.exited(), 0);
  });

  it('answers all who wait on one connection, one behind the other', async (t) => {
    const { master } = await startDegraded(t);
    const messages = ['a', 'b', 'c'];
    const appends = messages.map((message) => rawAppend({ message, w: 3 }));
    const connection = new RawConnection(master.port).send(appends.join(''));
    await waitFor('them to wait', async () => (await health(master)).waiting === 3);
    master.signal('SIGTERM');
    const answers = await connection.closed();
    assert.deepEqual(answers.match(/"seq":\d/g), ['"seq":1', '"seq":2', '"seq":3']);
    assert.equal(answers.match(/"appended":true/g)?.length, 3);
    assert.equal(answers.match(/^Connection: close/gm)?.length, 1, 'the last one ends it');
    assert.equal(await master.exited(), 0);
  });

  it('replicates before it stops what nobody waited for', async (t) => {
    const { master, secondaries } = await startCluster(t, { secondary: { FAULT_DELAY_MS: 100 } });
    const texts = Array.from({ length: 20 }, (_, i) => `m${i}`);
    for (const message of texts) {
      assert.equal((await append(master, { message, w: 1 })).status, 201);
    }
    assert.equal(await master.stop('SIGTERM'), 0);
    for (const secondary of secondaries) assert.deepEqual(await messages(secondary), texts);
  });

  it('exits at once on a second signal', async () => {
    const s1 = await startSecondary({ NODE_ID: 's1' });
    const master = await startMaster([s1.port, await freePort()], FAST);
    await waitFor('a quorum', async () => (await health(master)).status === 'degraded');
    const waiting = append(master, { message: 'm', w: 3 });
    waiting.catch(() => {});
    await waitFor('it to wait', async () => (await health(master)).waiting === 1);
    master.signal('SIGTERM');
    await waitFor('it to stop', () => master.events('stopping').length === 1);
    assert.equal(await master.stop('SIGTERM'), 1);
    await assert.rejects(waiting);
    await s1.stop();
  });

  it('does not wait for connections on which nothing is asked', async (t) => {
    const { master } = await startCluster(t);
    const idle = new RawConnection(master.port).send('G');
    await health(master);
    const begin = performance.now();
    assert.equal(await master.stop(), 0);
    assert(performance.now() - begin < 4000);
    await idle.closed();
  });
});
