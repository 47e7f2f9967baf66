import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, it, type TestContext } from 'node:test';
import { append, health, messages, replicate, request, setFaults } from '../support/client.ts';
import {
  FAST,
  isWhole,
  type NodeProcess,
  startCluster,
  startMaster,
  startRecovered,
  startSecondary,
  stopAfter,
} from '../support/cluster.ts';
import { FakeSecondary, HONEST } from '../support/fake-secondary.ts';
import { freePort } from '../support/port.ts';
import { waitFor } from '../support/wait.ts';

/** Another master for the same secondaries; stopped after the test. */
async function nextMaster(
  t: TestContext,
  secondaries: readonly NodeProcess[],
  environment = {},
): Promise<NodeProcess> {
  const ports = secondaries.map(({ port }) => port);
  const master = await startRecovered(ports, { ...FAST, ...environment });
  stopAfter(t, master);
  return master;
}

/** A secondary of log L with these texts under these epochs, which the test pushed. */
async function fedSecondary(
  t: TestContext,
  id: string,
  ...runs: [epoch: number, ...texts: string[]][]
): Promise<NodeProcess> {
  const node = await startSecondary({ NODE_ID: id });
  stopAfter(t, node);
  let from = 1;
  for (const [epoch, ...texts] of runs) {
    const answer = await replicate(node, [{ logId: 'L', epoch, from, messages: texts }]);
    assert.equal(answer.status, 200);
    from += texts.length;
  }
  return node;
}

/** Ms between two lines of a node's log. */
function between(node: NodeProcess, first: string, second: string): number {
  const at = (event: string) => Date.parse(node.events(event)[0]?.time as string);
  return at(second) - at(first);
}

async function agree(...nodes: NodeProcess[]): Promise<void> {
  const [first, ...others] = nodes as [NodeProcess, ...NodeProcess[]];
  const expected = await messages(first);
  for (const node of others) {
    await waitFor(`${node.url} to be complete`, async () => {
      return (await health(node)).length === expected.length;
    });
    assert.deepEqual(await messages(node), expected);
  }
}

describe('the next master', () => {
  it('has every message, on another port, under the next epoch; keys still append once', async (t) => {
    const { master, secondaries } = await startCluster(t);
    const keyed = { 'idempotency-key': '"one"' };
    const batched = { 'idempotency-key': '"batch"' };
    await append(master, { message: 'a' }, keyed);
    await append(master, { messages: ['b', 'c', 'd'] }, batched);
    await append(master, { message: 'e' });
    const { logId, epoch } = await health(master);
    await master.stop('SIGKILL');

    const next = await nextMaster(t, secondaries);
    t.diagnostic(`recovered ${between(next, 'listening', 'recovered')} ms after it listened`);
    assert.notEqual(next.port, master.port);
    const now = await health(next);
    assert.deepEqual([now.logId, now.epoch, now.length], [logId, epoch + 1, 5]);
    assert.deepEqual(await messages(next), ['a', 'b', 'c', 'd', 'e']);
    const again = await append(next, { message: 'a' }, keyed);
    assert.deepEqual([again.status, again.body.seq, again.body.duplicate], [200, 1, true]);
    assert.equal(again.body.epoch, epoch);
    const batch = await append(next, { messages: ['b', 'c', 'd'] }, batched);
    assert.deepEqual([batch.status, batch.body.seq, batch.body.count], [200, 2, 3]);
    const other = await append(next, { message: 'x' }, batched);
    assert.equal(other.status, 422);
    const fresh = await append(next, { message: 'f' });
    assert.deepEqual([fresh.status, fresh.body.seq, fresh.body.epoch], [201, 6, epoch + 1]);
    await agree(next, ...secondaries);
    assert.equal((await health(secondaries[0] as NodeProcess)).discarded, 0);

    const [line] = next.events('recovered');
    assert.match(String(line?.adoptedFrom), /^s[12]$/);
    assert.deepEqual([line?.answered, line?.unanswered, line?.length], [['s1', 's2'], [], 5]);
    assert.deepEqual([line?.rule, line?.incomplete], ['complete-quorum', ['master']]);
  });

  it('and the one after it, on the same port, as a restart policy does', async (t) => {
    const { master, secondaries } = await startCluster(t);
    let { port } = master;
    let last = master;
    for (const round of [1, 2, 3]) {
      await append(last, { message: `m${round}` });
      port = last.port;
      await last.stop('SIGKILL');
      last = await nextMaster(t, secondaries, { PORT: port });
    }
    assert.deepEqual(await messages(last), ['m1', 'm2', 'm3']);
    assert.equal((await health(last)).epoch, 4);
  });

  it('has a long log too, of large keyed batches, in many frames', async (t) => {
    const { master, secondaries } = await startCluster(t);
    const texts = Array.from({ length: 10_000 }, (_, index) => `${index} ${'x'.repeat(50)}`);
    for (let i = 0; i < 10; i += 1) {
      await append(master, { messages: texts }, { 'idempotency-key': `"batch-${i}"` });
    }
    await master.stop('SIGKILL');
    const next = await nextMaster(t, secondaries);
    t.diagnostic(`100,000 messages in ${between(next, 'listening', 'recovered')} ms`);
    assert.equal((await health(next)).length, 100_000);
    const headers = { 'idempotency-key': '"batch-9"' };
    assert.equal((await append(next, { messages: texts }, headers)).body.seq, 90_001);
    assert.equal((await append(next, { message: 'next' })).status, 201);
  });

  it('adopts the longest log of the highest epoch, and the others are cut back to it', async (t) => {
    const s1 = await fedSecondary(t, 's1', [1, 'a', 'b', 'x', 'y', 'z', 'z']);
    const s2 = await fedSecondary(t, 's2', [1, 'a', 'b'], [2, 'c']);
    const s3 = await fedSecondary(t, 's3', [1, 'a', 'b'], [2, 'c', 'd']);
    const master = await nextMaster(t, [s1, s2, s3]);
    assert.deepEqual(await messages(master), ['a', 'b', 'c', 'd']);
    assert.deepEqual((await health(master)).epoch, 3);
    assert.equal(master.events('recovered')[0]?.adoptedFrom, 's3');
    assert.equal((await append(master, { message: 'e' })).status, 201);
    await agree(master, s1, s2, s3);
    const discarded = await Promise.all(
      [s1, s2, s3].map(async (one) => (await health(one)).discarded),
    );
    assert.deepEqual(discarded, [4, 0, 0]);
    const [line] = s1.events('log-cut');
    assert.deepEqual(
      [line?.level, line?.from, line?.to, line?.writtenUnder, line?.epoch],
      ['warn', 3, 6, 1, 3],
    );
    assert.deepEqual(s2.events('log-cut'), []);
  });

  it('is writable at once where there are no secondaries', async (t) => {
    const master = await startMaster([], FAST);
    stopAfter(t, master);
    assert.equal((await append(master, { message: 'a' })).status, 201);
  });

  it('starts alone if it needs no quorum', async (t) => {
    const ports = [await freePort(), await freePort()];
    const master = await startRecovered(ports, { ...FAST, QUORUM_APPEND: false });
    stopAfter(t, master);
    t.diagnostic(`recovered ${between(master, 'listening', 'recovered')} ms after it listened`);
    assert.equal((await append(master, { message: 'a', w: 1 })).status, 201);
    const [line] = master.events('recovered');
    assert.deepEqual([line?.rule, line?.unanswered], ['whoever-answers', ['s1', 's2']]);
  });
});

describe('a master without a quorum', () => {
  it('stays recovering, takes nothing, and goes on when one secondary comes', async (t) => {
    const port = await freePort();
    const master = await startMaster([port, await freePort()], FAST);
    stopAfter(t, master);
    await waitFor('a poll to fail', () => master.events('recovery-unfinished')[0]);
    const refused = await append(master, { message: 'early', w: 1 });
    assert.deepEqual([refused.status, refused.body.type], [503, '/problems/recovering']);
    assert.equal(refused.headers.get('retry-after'), '1');
    const ready = await request(`${master.url}/readyz`);
    assert.deepEqual([ready.status, ready.body.type], [503, '/problems/recovering']);
    const { status, epoch, logId, length } = await health(master);
    assert.deepEqual([status, epoch, logId, length], ['recovering', 0, null, 0]);
    assert.deepEqual(await messages(master), []);
    assert.equal((await request(`${master.url}/messages/1?w=1`)).status, 404);
    const s1 = await startSecondary({ NODE_ID: 's1', PORT: port });
    stopAfter(t, s1);
    await waitFor(
      'it to be ready',
      async () => (await request(`${master.url}/readyz`)).status === 200,
    );
    assert.equal((await append(master, { message: 'first', w: 2 })).body.seq, 1);
    const [line] = master.events('recovered');
    assert.deepEqual([line?.rule, line?.unanswered], ['new-log', ['s2']]);
  });

  it('can be stopped while it recovers', async () => {
    const master = await startMaster([await freePort()], FAST);
    await waitFor('a poll to fail', () => master.events('recovery-unfinished')[0]);
    assert.equal(await master.stop(), 0);
  });
});

describe('a secondary that hangs', () => {
  it('delays the start by the time-out of the recovery, once', async (t) => {
    const { master: old, secondaries } = await startCluster(t);
    await append(old, { message: 'a' });
    await old.stop('SIGKILL');
    const hung = await new FakeSecondary({ heartbeat: () => {} }).listen(t);
    // Two complete nodes of four are enough: each majority of three has one of them.
    const ports = [...secondaries.map(({ port }) => port), hung.port];
    const master = await startRecovered(ports, { ...FAST, RECOVERY_TIMEOUT_MS: 400 });
    stopAfter(t, master);
    const tookMs = between(master, 'listening', 'recovered');
    t.diagnostic(`recovered ${tookMs} ms after it listened`);
    assert(tookMs < 400 + 3000, `${tookMs} ms`);
    assert.deepEqual(master.events('recovered')[0]?.unanswered, ['s3']);
    assert.equal((await append(master, { message: 'b', w: 2 })).status, 201);
  });

  it('when its log is fetched delays it as little, and is asked again', async (t) => {
    const fake = new FakeSecondary({ fetch: () => {} });
    Object.assign(fake, { logId: 'L', epoch: 3, length: 1 });
    await fake.listen(t);
    const environment = { ...FAST, RECOVERY_TIMEOUT_MS: 200, LOG_LEVEL: 'debug' };
    const master = await startMaster([fake.port], environment);
    stopAfter(t, master);
    // On a slow machine the first poll may be over before it is answered.
    await waitFor('the fetch to be given up', () =>
      master.events('recovery-unfinished').find(({ reason }) => reason === 'nothing came in time'),
    );
    fake.behaviour = {
      ...HONEST,
      fetch: (res) => {
        res.end('{"logId":"L","epoch":3,"from":1,"messages":["a"],"epochs":[[3,1]]}\n');
      },
    };
    const { epoch } = await waitFor('it to recover', () => master.events('recovered')[0]);
    assert((epoch as number) > 4, 'every attempt prepares an epoch of its own');
    assert.deepEqual(await messages(master), ['a']);
    assert.equal((await append(master, { message: 'b', w: 2 })).body.epoch, epoch);
    assert.deepEqual(fake.frames[0]?.epochs, [
      [3, 1],
      [epoch, 2],
    ]);
  });
});

describe('an old master that is still alive', () => {
  it('is fenced: it stops for good, says so, and lets its waiters go', async (t) => {
    const { master: old, secondaries } = await startCluster(t);
    const [s1, s2] = secondaries as [NodeProcess, NodeProcess];
    assert.equal((await append(old, { message: 'a' })).status, 201);
    await setFaults(s2, { errorRate: 1 });
    const waiting = append(old, { message: 'b', w: 3 });
    await waitFor('it to wait', async () => (await health(old)).waiting === 1);
    await waitFor('s1 to have it', async () => (await health(s1)).length === 2);
    const { epoch } = await health(old);

    const next = await startRecovered([s1.port, s2.port], FAST);
    stopAfter(t, next);
    const { status, body, headers } = await waiting;
    assert.deepEqual([status, body.type, body.appended], [503, '/problems/fenced', true]);
    assert.deepEqual([body.seq, body.epoch], [2, epoch]);
    assert(headers.has('retry-after'));

    const told = await health(old);
    assert.deepEqual(
      [told.status, told.fenced, told.waiting],
      ['read-only', { byEpoch: epoch + 1 }, 0],
    );
    assert.equal(old.events('fenced').length, 1);
    for (const w of [1, 2]) {
      const refused = await append(old, { message: 'late', w });
      assert.deepEqual([refused.status, refused.body.type], [503, '/problems/fenced']);
    }
    const ready = await request(`${old.url}/readyz`);
    assert.deepEqual([ready.status, ready.body.type], [503, '/problems/fenced']);
    assert.equal((await request(`${old.url}/livez`)).status, 200);
    assert.deepEqual(await messages(old), ['a', 'b']);
    assert.equal((await request(`${old.url}/messages/1`)).body.message, 'a');

    const { logId } = told;
    const frame = await replicate(s1, [{ logId, epoch, from: 3, messages: ['late'] }]);
    assert.deepEqual([frame.status, frame.body.type], [409, '/problems/stale-epoch']);
    assert.deepEqual(await messages(next), ['a', 'b']);
    assert.equal((await append(next, { message: 'c', w: 2 })).body.seq, 3);
    assert.deepEqual(await messages(s1), ['a', 'b', 'c']);
  });

  it('is fenced when it wakes from a pause, by the first frame it sends', async (t) => {
    const { master: old, secondaries } = await startCluster(t, {
      master: { HEARTBEAT_INTERVAL_MS: 60_000 },
    });
    await append(old, { message: 'a' });
    old.signal('SIGSTOP');
    const next = await nextMaster(t, secondaries);
    await append(next, { message: 'b' });
    old.signal('SIGCONT');
    const late = await append(old, { message: 'late', w: 2 });
    assert.deepEqual([late.status, late.body.type], [503, '/problems/fenced']);
    assert.deepEqual([late.body.appended, late.body.seq], [true, 2]);
    await agree(next, ...secondaries);
    assert.deepEqual(await messages(next), ['a', 'b']);
  });
});

describe('a secondary that returns with an unshared tail', () => {
  it('is cut back, with a warning in its log, and gets what it lacks', async (t) => {
    const { master: old, secondaries } = await startCluster(t, { count: 3 });
    const [s1, s2, s3] = secondaries as [NodeProcess, NodeProcess, NodeProcess];
    await append(old, { messages: ['a', 'b'] });
    // What its master wrote to only one of them.
    for (const one of [s1, s2]) await setFaults(one, { errorRate: 1 });
    await append(old, { messages: ['x', 'y', 'z'], w: 1 });
    await waitFor('s3 to have it', async () => (await health(s3)).length === 5);
    s3.signal('SIGSTOP');
    await old.stop('SIGKILL');
    for (const one of [s1, s2]) await setFaults(one, { errorRate: 0 });
    const ports = secondaries.map(({ port }) => port);
    const master = await startRecovered(ports, { ...FAST, RECOVERY_TIMEOUT_MS: 200 });
    stopAfter(t, master);
    assert.equal((await append(master, { message: 'c', w: 3 })).status, 201);
    s3.signal('SIGCONT');
    await waitFor('it to be cut back', async () => (await health(s3)).discarded === 3);
    const all = await append(master, { message: 'd' });
    assert.deepEqual([all.status, all.body.acked], [201, ['master', 's1', 's2', 's3']]);
    assert.deepEqual(await messages(s3), ['a', 'b', 'c', 'd']);
    assert.deepEqual((await health(s1)).discarded, 0);
    const [line] = s3.events('log-cut');
    assert.deepEqual(
      [line?.level, line?.from, line?.to, line?.writtenUnder, line?.epoch],
      ['warn', 3, 5, 1, 2],
    );
  });
});

describe('a master that starts with no memory waits for those who remember', () => {
  it('while the only other holder of an acknowledged entry is paused', async (t) => {
    const { master: old, secondaries } = await startCluster(t);
    const [s1, s2] = secondaries as [NodeProcess, NodeProcess];
    await append(old, { message: 'a' });
    await setFaults(s2, { errorRate: 1 });
    const held = await append(old, { message: 'b', w: 'majority' });
    assert.deepEqual([held.status, held.body.acked], [201, ['master', 's1']]);
    await old.stop('SIGKILL');
    s1.signal('SIGSTOP');
    await setFaults(s2, { errorRate: 0 });
    const master = await startMaster([s1.port, s2.port], { ...FAST, RECOVERY_TIMEOUT_MS: 200 });
    stopAfter(t, master);
    const {
      reason,
      status,
      secondaries: seen,
    } = await waitFor('it to say why', async () => {
      const now = await health(master);
      return /s1/.test(now.reason) && now;
    });
    assert.equal(status, 'recovering');
    assert.equal(
      reason,
      's1 does not answer and may hold messages that were acknowledged; ' +
        'master has lost its memory, or never had all of it',
    );
    assert.deepEqual(
      seen.map(({ id, complete }: { id: string; complete: boolean }) => [id, complete]),
      [
        ['s1', false],
        ['s2', true],
      ],
    );
    const refused = await append(master, { message: 'early', w: 1 });
    assert.deepEqual([refused.status, refused.body.type], [503, '/problems/recovering']);
    assert.match(refused.body.detail, /s1 does not answer/);
    s1.signal('SIGCONT');
    await waitFor('it to recover', () => master.events('recovered')[0]);
    assert.deepEqual(await messages(master), ['a', 'b']);
    assert.equal((await health(master)).epoch, 2, 'no epoch is used up by waiting');
    await agree(master, s1, s2);
  });

  it('while all others are empty and the last one is paused: no new log takes its place', async (t) => {
    const { master: old, secondaries } = await startCluster(t);
    const [s1, s2] = secondaries as [NodeProcess, NodeProcess];
    await append(old, { message: 'a' });
    const { logId } = await health(old);
    s2.signal('SIGSTOP');
    await old.stop('SIGKILL');
    await s1.stop('SIGKILL');
    const empty = await startSecondary({ NODE_ID: 's1', PORT: s1.port });
    const environment = { ...FAST, RECOVERY_TIMEOUT_MS: 200 };
    const master = await startMaster([s1.port, s2.port], environment);
    stopAfter(t, master, empty);
    await waitFor('it to say why', async () => /s2 does not/.test((await health(master)).reason));
    s2.signal('SIGCONT');
    const [line] = await waitFor('it to recover', () => {
      const lines = master.events('recovered');
      return lines.length > 0 && lines;
    });
    assert.deepEqual([line?.rule, line?.incomplete], ['all-answered', ['master', 's1']]);
    assert.equal((await health(master)).logId, logId);
    assert.deepEqual(await messages(master), ['a']);
    await agree(master, empty, s2);
    await waitFor('all to be complete', () => isWhole(master));
  });

  it('and with a disk need not wait: what it has itself counts', async (t) => {
    const directory = mkdtempSync(`${tmpdir()}/master-`);
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const disk = { DATA_DIR: directory };
    const { master: old, secondaries } = await startCluster(t, { master: disk });
    const [s1, s2] = secondaries as [NodeProcess, NodeProcess];
    await append(old, { message: 'a' });
    await old.stop('SIGKILL');
    s1.signal('SIGSTOP');
    const environment = { ...FAST, ...disk, RECOVERY_TIMEOUT_MS: 200 };
    const master = await startRecovered([s1.port, s2.port], environment);
    stopAfter(t, master);
    const [line] = master.events('recovered');
    assert.deepEqual([line?.rule, line?.incomplete], ['complete-quorum', []]);
    assert.deepEqual(await messages(master), ['a']);
    s1.signal('SIGCONT');
  });
});

describe('a secondary that lost its memory', () => {
  it('is complete again when it has all that there was when it was met', async (t) => {
    const { master, secondaries } = await startCluster(t);
    const [s1, s2] = secondaries as [NodeProcess, NodeProcess];
    await append(master, { messages: ['a', 'b', 'c'] });
    await s1.stop('SIGKILL');
    const empty = await startSecondary({
      NODE_ID: 's1',
      PORT: s1.port,
      FAULT_INJECTION: true,
      FAULT_ERROR_RATE: 1,
    });
    stopAfter(t, empty);
    await waitFor('it to be met', () => empty.events('joined-log')[0]);
    assert.equal((await health(empty)).complete, false);
    await setFaults(empty, { errorRate: 0 });
    await waitFor('it to have caught up', async () => (await health(empty)).complete);
    const [line] = empty.events('became-complete');
    assert.deepEqual([line?.completeFrom, (await health(empty)).length], [3, 3]);
    await waitFor('its master to know', () => isWhole(master));
    await agree(master, empty, s2);
  });

  it('refuses what is for the incarnation before, and obeys nobody who speaks to that', async (t) => {
    const { master, secondaries } = await startCluster(t);
    const [s1] = secondaries as [NodeProcess];
    await append(master, { message: 'a' });
    const { bootId, logId, epoch } = await health(s1);
    const s3 = await startSecondary({ NODE_ID: 's3' });
    stopAfter(t, s3);
    const start = { logId, epoch, writer: 'W', from: 1, bootId, completeFrom: 0 };
    const frame = { ...start, messages: [], epochs: [[epoch, 1]], writers: ['W'] };
    const refused = await replicate(s3, [frame]);
    assert.deepEqual([refused.status, refused.body.type], [409, '/problems/boot-mismatch']);
    const headers = { 'log-id': 'L', 'log-epoch': '7', 'log-writer': 'W', 'boot-id': bootId };
    const told = await request(`${s3.url}/heartbeat`, { headers });
    assert.deepEqual([told.status, told.body.epoch, told.body.complete], [200, 0, false]);
    const { logId: none, epoch: still, complete, bootId: own } = await health(s3);
    assert.deepEqual([none, still, complete], [null, 0, false]);
    const meant = await replicate(s3, [{ ...frame, bootId: own }]);
    assert.equal(meant.status, 200);
    assert.equal((await health(s3)).complete, true);
  });
});
