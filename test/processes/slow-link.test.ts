/** A secondary behind a slow link: a large frame takes longer than `REPLICATION_TIMEOUT_MS`, and arrives. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FaultyProxy } from '../chaos/proxy.ts';
import { append, health, messages } from '../support/client.ts';
import { FAST, startRecovered, startSecondary, stopAfter } from '../support/cluster.ts';
import { waitFor } from '../support/wait.ts';

const KEY = { 'idempotency-key': 'one frame' };

describe('a secondary behind 200 kB/s', () => {
  it('gets a keyed batch of a megabyte whole, and the others do not wait for it', async (t) => {
    const slow = await startSecondary({ NODE_ID: 's1' });
    const quick = await startSecondary({ NODE_ID: 's2' });
    const proxy = await new FaultyProxy(slow.port).listen();
    // Heartbeats must pass as well, so they are rare and have a long time-out.
    const times = { HEARTBEAT_INTERVAL_MS: 300, HEARTBEAT_TIMEOUT_MS: 5000 };
    const master = await startRecovered([proxy.port, quick.port], {
      ...FAST,
      ...times,
      REPLICATION_TIMEOUT_MS: 3000,
    });
    stopAfter(t, master, slow, quick);
    t.after(() => proxy.close());
    proxy.disturb('drip', { dripBytes: 1000 });
    const batch = Array.from({ length: 20 }, () => 'x'.repeat(60_000));
    assert.equal((await append(master, { messages: batch, w: 2 }, KEY)).status, 201);
    for (let i = 0; i < 20; i += 1) {
      assert.equal((await append(master, { message: `${i}`, w: 2 })).status, 201);
    }
    assert(
      (await health(slow)).length < batch.length,
      'all of this was before the slow one has it',
    );
    await waitFor(
      'the slow one to have all',
      async () => (await health(slow)).length === 40,
      60_000,
    );
    assert.deepEqual(await messages(slow), await messages(master));
    assert.deepEqual(master.events('replication-failed'), [], 'at the first attempt');
  });
});

describe('a secondary that takes nothing any more', () => {
  it('is given up after REPLICATION_TIMEOUT_MS, though the system takes bytes for it', async (t) => {
    const s1 = await startSecondary({ NODE_ID: 's1' });
    const master = await startRecovered([s1.port], { ...FAST, REPLICATION_TIMEOUT_MS: 700 });
    stopAfter(t, master, s1);
    await append(master, { message: 'a', w: 2 });
    s1.signal('SIGSTOP');
    t.after(() => s1.signal('SIGCONT'));
    const batch = Array.from({ length: 20 }, () => 'x'.repeat(60_000));
    assert.equal((await append(master, { messages: batch, w: 1 }, KEY)).status, 201);
    const [failed] = await waitFor('the stream to be given up', () => {
      const events = master.events('replication-failed');
      return events.length > 0 ? events : undefined;
    });
    assert.match(String(failed?.reason), /^no ack within/);
    s1.signal('SIGCONT');
    await waitFor('it to have all', async () => (await health(s1)).length === 21);
  });
});
