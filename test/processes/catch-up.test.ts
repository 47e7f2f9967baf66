import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { append, health, messages, request } from '../support/client.ts';
import {
  FAST,
  type NodeProcess,
  startCluster,
  startDegraded,
  startRecovered,
  startSecondary,
  stopAfter,
} from '../support/cluster.ts';
import { freePort } from '../support/port.ts';
import { waitFor } from '../support/wait.ts';

const texts = (count: number, prefix = 'm') =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`);

async function agree(...nodes: NodeProcess[]): Promise<void> {
  const [first, ...others] = nodes as [NodeProcess, ...NodeProcess[]];
  const expected = await messages(first);
  for (const node of others) {
    await waitFor(`${node.url} to be complete`, async () => {
      return (await messages(node)).length === expected.length;
    });
    assert.deepEqual(await messages(node), expected);
  }
}

describe('a secondary that was away gets everything it missed', () => {
  it('when it comes late and empty, in large frames', async (t) => {
    const { master, s1, startSecond } = await startDegraded(t, { LOG_LEVEL: 'debug' });
    for (let i = 0; i < 10; i += 1) {
      await append(master, { messages: texts(5000, `batch-${i}-`), w: 2 });
    }
    const s2 = await startSecond();
    await agree(master, s1, s2);
    const seen = master.events('frame-sent').filter(({ secondary }) => secondary === 's2');
    const answered = seen.slice(-8).map(({ from, to }) => Number(to) - Number(from) + 1);
    assert(Math.max(...answered) > 5000, `frames of ${answered} messages`);
  });

  it('when it is killed and comes back empty on the same port, faster than a heartbeat', async (t) => {
    const { master, secondaries } = await startCluster(t, {
      count: 1,
      master: { HEARTBEAT_INTERVAL_MS: 1000 },
    });
    const [s1] = secondaries as [NodeProcess];
    await append(master, { messages: texts(100) });
    const { port } = s1;
    await s1.stop('SIGKILL');
    const again = await startSecondary({ NODE_ID: 's1', PORT: port });
    stopAfter(t, again);
    await agree(master, again);
    assert.equal((await append(master, { message: 'next' })).status, 201);
    await agree(master, again);
    assert.equal(master.events('secondary-restarted').length, 1);
  });

  it('when it was only stopped for a while', async (t) => {
    const { master, secondaries } = await startCluster(t, {
      master: { HEARTBEAT_TIMEOUT_MS: 100, REPLICATION_TIMEOUT_MS: 300 },
    });
    const [s1, s2] = secondaries as [NodeProcess, NodeProcess];
    s2.signal('SIGSTOP');
    await waitFor('s2 to be Unhealthy', async () => {
      return (await health(master)).secondaries[1].status === 'Unhealthy';
    });
    for (const text of texts(50)) await append(master, { message: text, w: 2 });
    s2.signal('SIGCONT');
    await agree(master, s1, s2);
    await waitFor('all to be well', async () => (await health(master)).status === 'ok');
  });

  it('when its acks are lost or it fails at random, and shows each message once', async (t) => {
    const { master, secondaries } = await startCluster(t, {
      secondary: { FAULT_ERROR_RATE: 0.3, FAULT_ERROR_AFTER_APPLY_RATE: 0.3, FAULT_SEED: 7 },
    });
    for (const text of texts(60)) {
      assert.equal((await append(master, { message: text })).status, 201);
    }
    await agree(master, ...secondaries);
    assert.deepEqual(await messages(master), texts(60));
  });

  it('when every single ack is lost: heartbeats tell', async (t) => {
    const { master } = await startCluster(t, { secondary: { FAULT_ERROR_AFTER_APPLY_RATE: 1 } });
    for (const text of texts(5)) {
      assert.equal((await append(master, { message: text })).status, 201);
    }
  });

  it('when its delay is longer than the replication time-out', async (t) => {
    const { master, secondaries } = await startCluster(t, {
      master: { REPLICATION_TIMEOUT_MS: 100 },
      secondary: { FAULT_DELAY_MS: 500 },
    });
    assert.equal((await append(master, { message: 'm' })).status, 201);
    await agree(master, ...secondaries);
  });

  it('with large batches that are keyed: keys never make a frame too long', async (t) => {
    const port = await freePort();
    const master = await startRecovered([port], { ...FAST, QUORUM_APPEND: false });
    stopAfter(t, master);
    const empty = Array<string>(10_000).fill('');
    for (let i = 0; i < 20; i += 1) {
      const key = '\\"'.repeat(120) + String(i);
      const headers = { 'idempotency-key': `"${key}"` };
      const { status } = await append(master, { messages: empty, w: 1 }, headers);
      assert.equal(status, 201);
    }
    const s1 = await startSecondary({ NODE_ID: 's1', PORT: port });
    stopAfter(t, s1);
    const last = await request(`${master.url}/messages/200000?w=2`);
    assert.equal(last.status, 200);
    assert.equal((await health(s1)).length, 200_000);
  });
});
