import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { describe, it } from 'node:test';
import { append, health, messages, replicate, request } from '../support/client.ts';
import { DiskCluster, kill, SMALL_DISK, shows } from '../support/disk-cluster.ts';
import { waitFor } from '../support/wait.ts';

const keyed = { 'idempotency-key': '"one"' };
const batched = { 'idempotency-key': '"batch"' };

describe('nodes with DATA_DIR', () => {
  for (const FSYNC of ['always', 'never'] as const) {
    it(`have all that was acknowledged after SIGKILL of all, FSYNC=${FSYNC}`, async (t) => {
      const cluster = new DiskCluster(t, { FSYNC });
      const first = [await cluster.secondary('s1'), await cluster.secondary('s2')];
      const old = await cluster.master();
      await waitFor('all to be up', async () => (await health(old)).status === 'ok');
      assert.equal((await append(old, { message: 'a', w: 3 }, keyed)).status, 201);
      const batch = { messages: ['b', 'c', 'd'] };
      assert.equal((await append(old, { ...batch, w: 2 }, batched)).status, 201);
      assert.equal((await append(old, { message: 'e "\n" їжак', w: 1 })).status, 201);
      const before = await health(old);
      await kill(old, ...first);

      const nodes = [await cluster.secondary('s1'), await cluster.secondary('s2')];
      const master = await cluster.master();
      const all = ['a', 'b', 'c', 'd', 'e "\n" їжак'];
      assert.deepEqual(await messages(master), all);
      const { logId, epoch, discarded } = await health(master);
      assert.deepEqual([logId, epoch, discarded], [before.logId, before.epoch + 1, 0]);
      const again = await append(master, { message: 'a' }, keyed);
      assert.deepEqual([again.status, again.body.seq, again.body.duplicate], [200, 1, true]);
      const batchAgain = await append(master, batch, batched);
      assert.deepEqual(
        [batchAgain.status, batchAgain.body.seq, batchAgain.body.count],
        [200, 2, 3],
      );
      assert.equal((await append(master, { message: 'other' }, keyed)).status, 422);
      assert.equal((await append(master, { message: 'f', w: 3 })).body.seq, 6);
      for (const node of nodes) assert.deepEqual(await messages(node), [...all, 'f']);
      for (const id of ['master', 's1', 's2']) assert.deepEqual(cluster.files(id), ['log.ndjson']);
    });
  }

  it('need nobody: a master alone has it all, under the next epoch', async (t) => {
    const cluster = new DiskCluster(t);
    let epoch = 0;
    for (const round of [1, 2, 3]) {
      const master = await cluster.master();
      assert.equal((await health(master)).length, round - 1);
      const { body } = await append(master, { message: `m${round}` });
      assert.deepEqual([body.seq, body.acked], [round, ['master']]);
      assert(body.epoch > epoch);
      epoch = body.epoch;
      await kill(master);
    }
    assert.deepEqual(await messages(await cluster.master()), ['m1', 'm2', 'm3']);
  });

  it('have everything on the disk when SIGTERM has ended them, and let the directory go', async (t) => {
    const cluster = new DiskCluster(t);
    const s1 = await cluster.secondary('s1');
    const master = await cluster.master();
    const texts = Array.from({ length: 50 }, (_, i) => `m${i}`);
    await Promise.all(texts.map((message) => append(master, { message, w: 2 })));
    const shown = await messages(master);
    assert.deepEqual(await Promise.all([master.stop(), s1.stop()]), [0, 0]);
    for (const id of ['master', 's1']) {
      assert.deepEqual(fs.readdirSync(cluster.directory(id)), ['log.ndjson']);
      const lines = fs.readFileSync(cluster.file(id), 'utf8').split('\n').slice(0, -1);
      const kept = lines.map((line) => JSON.parse(line)).filter(({ seq }) => seq !== undefined);
      assert.deepEqual(
        kept.map(({ message }) => message),
        shown,
      );
    }
  });

  it('keep what they cut off in a side file, and say so', async (t) => {
    const cluster = new DiskCluster(t);
    const alone = await cluster.master();
    await append(alone, { messages: ['a', 'x'] });
    const { logId, epoch } = await health(alone);
    await alone.stop();
    const s1 = await cluster.secondary('s1');
    const s2 = await cluster.secondary('s2');
    await replicate(s1, [{ logId, epoch, from: 1, messages: ['a', 'y', 'z'] }]);
    const run = { logId, epoch, from: 1, messages: ['a'] };
    await replicate(s2, [run, { logId, epoch: epoch + 1, from: 2, messages: ['b'] }]);

    const master = await cluster.master();
    assert.deepEqual(await messages(master), ['a', 'b']);
    assert.equal(master.events('recovered')[0]?.adoptedFrom, 's2');
    await append(master, { message: 'c', w: 3 });
    assert.deepEqual(await messages(s1), ['a', 'b', 'c']);
    for (const [node, id, lost] of [
      [master, 'master', ['x']],
      [s1, 's1', ['y', 'z']],
      [s2, 's2', []],
    ] as const) {
      assert.equal((await health(node)).discarded, lost.length);
      const [line] = node.events('log-cut');
      const cut = lost.length === 0 ? undefined : { from: 2, to: 1 + lost.length };
      assert.deepEqual(line && { from: line.from, to: line.to }, cut);
      const side = cluster.files(id).filter((name) => name !== 'log.ndjson');
      assert.deepEqual(side, lost.length === 0 ? [] : ['discarded-1.ndjson']);
      for (const name of side) {
        const text = fs.readFileSync(cluster.file(id, name), 'utf8');
        const entries = text.split('\n').filter((record) => record.startsWith('{"seq"'));
        assert.deepEqual(
          entries.map((record) => JSON.parse(record).message),
          lost,
        );
      }
    }
    await kill(master, s1);
    assert.deepEqual(await messages(await cluster.secondary('s1')), ['a', 'b', 'c']);
    assert.deepEqual(await messages(await cluster.master()), ['a', 'b', 'c']);
  });
});

describe('a directory at the start', () => {
  it('loses a tail that a crash tore, with a line in the log', async (t) => {
    const cluster = new DiskCluster(t);
    const old = await cluster.master();
    await append(old, { messages: ['a', 'b'] });
    await kill(old);
    fs.appendFileSync(cluster.file('master'), '{"seq":3,"epoch":1,"mess');
    const master = await cluster.master();
    const [line] = master.events('torn-tail-dropped');
    assert.deepEqual([line?.level, line?.bytes, line?.fromSeq], ['warn', 24, 3]);
    assert.deepEqual(await messages(master), ['a', 'b']);
    assert.equal((await append(master, { message: 'c' })).body.seq, 3);
    await kill(master);
    const next = await cluster.master();
    assert.deepEqual(next.events('torn-tail-dropped'), []);
    assert.deepEqual(await messages(next), ['a', 'b', 'c']);
  });

  it('with a damaged record stops it: 65, and a secondary is refilled when it is away', async (t) => {
    const cluster = new DiskCluster(t);
    const s1 = await cluster.secondary('s1');
    const master = await cluster.master();
    await append(master, { messages: ['a', 'b', 'c'], w: 2 });
    await kill(s1);
    const path = cluster.file('s1');
    const damaged = fs.readFileSync(path, 'utf8').replace('"message":"b"', '"message":"B"');
    fs.writeFileSync(path, damaged);
    const broken = await cluster.spawnSecondary('s1');
    assert.equal(await broken.exited(), 65);
    assert.deepEqual(broken.events('listening'), [], 'nothing of it is ever served');
    assert.match(broken.stderr, /log\.ndjson: damaged at line \d+, byte \d+, where seq 2 should/);
    assert.match(
      broken.stderr,
      /Move this file away .* a secondary gets everything from its master/,
    );
    assert.equal(broken.stderr.trim().split('\n').length, 1);
    assert.equal(fs.readFileSync(path, 'utf8'), damaged, 'it is left as it is');

    fs.renameSync(path, `${path}.damaged`);
    const refilled = await cluster.secondary('s1');
    await shows(refilled, 3);
    assert.deepEqual(await messages(refilled), ['a', 'b', 'c']);
    assert.equal((await append(master, { message: 'd', w: 2 })).status, 201);
  });

  it('that another process uses is refused with 75, and does that one no harm', async (t) => {
    const cluster = new DiskCluster(t);
    const master = await cluster.master();
    await append(master, { message: 'a' });
    const second = cluster.spawnMaster();
    assert.equal(await second.exited(), 75);
    assert.match(second.stderr, /^storage: .*master: is in use by another process\n$/);
    assert.equal((await append(master, { message: 'b' })).body.seq, 2);
    await kill(master);
    assert.deepEqual(await messages(await cluster.master()), ['a', 'b']);
  });

  it('that cannot be one is refused with 73', async (t) => {
    const cluster = new DiskCluster(t);
    fs.writeFileSync(cluster.directory('s1'), 'a file');
    const node = await cluster.spawnSecondary('s1');
    assert.equal(await node.exited(), 73);
    assert.match(node.stderr, /^storage: .*s1: cannot be used: (EEXIST|ENOTDIR)\n$/);
  });
});

describe('a directory that is taken away from a running node', () => {
  for (const FSYNC of ['always', 'never'] as const) {
    it(`ends it with 74 before anything more is acknowledged, FSYNC=${FSYNC}`, async (t) => {
      const cluster = new DiskCluster(t, { FSYNC });
      const s1 = await cluster.secondary('s1');
      const master = await cluster.master();
      assert.equal((await append(master, { message: 'a', w: 2 })).status, 201);
      fs.rmSync(cluster.directory('s1'), { recursive: true });
      const waiting = append(master, { message: 'b', w: 2 });
      const told = await waitFor('s1 to notice', () => s1.events('disk-failed')[0]);
      assert.equal(await s1.exited(), 74);
      assert.match(told.reason as string, /s1\/log\.ndjson: was removed or moved away \(ENOENT\)/);
      // After its master has filled it again, it acknowledges what it has.
      const refilled = await cluster.secondary('s1');
      assert.deepEqual((await waiting).body.acked, ['master', 's1']);
      assert.deepEqual(await messages(refilled), ['a', 'b']);
      await waitFor('all to be up', async () => (await health(master)).status === 'ok');

      fs.renameSync(cluster.directory('master'), cluster.directory('moved'));
      await assert.rejects(append(master, { message: 'c', w: 2 }), 'there is no answer');
      assert.equal(await master.exited(), 74);
      assert.match(
        master.events('disk-failed')[0]?.reason as string,
        /master\/log\.ndjson: was removed/,
      );
      fs.renameSync(cluster.directory('moved'), cluster.directory('master'));
      const texts = await messages(await cluster.master());
      assert.deepEqual(texts.slice(0, 2), ['a', 'b'], 'what was acknowledged is there');
    });
  }
});

describe('a full disk', { skip: process.platform === 'win32' }, () => {
  const large = 'x'.repeat(20_000);

  it('of a master refuses appends with 507, loses nothing, and goes on when there is room', async (t) => {
    const cluster = new DiskCluster(t);
    const small = await cluster.master({}, SMALL_DISK);
    let [acked, refused] = [0, await append(small, { message: 'first' }, keyed)];
    while (refused.status === 201 && acked < 100) {
      acked += 1;
      const headers = { 'idempotency-key': `"large-${acked}"` };
      refused = await append(small, { message: large }, headers);
    }
    assert.deepEqual([refused.status, refused.body.type], [507, '/problems/log-full']);
    assert(acked > 5, `${acked} were taken`);
    for (const body of [{ message: large }, { messages: [large, 'y'], w: 1 }]) {
      assert.equal((await append(small, body)).status, 507);
    }
    assert.equal((await health(small)).length, acked, 'nothing was appended');
    assert.equal((await messages(small)).length, acked);
    assert.equal((await request(`${small.url}/messages/${acked}`)).status, 200);
    const again = await append(small, { message: 'first' }, keyed);
    assert.deepEqual([again.status, again.body.seq], [200, 1]);
    await kill(small);

    const master = await cluster.master();
    assert.deepEqual(master.events('torn-tail-dropped'), [], 'no part of it was left behind');
    assert.equal((await messages(master)).length, acked);
    const headers = { 'idempotency-key': `"large-${acked}"` };
    const taken = await append(master, { message: large }, headers);
    assert.deepEqual([taken.status, taken.body.seq], [201, acked + 1], 'the key is not used up');
  });

  it('of a secondary is waited for; the others go on, and it catches up when there is room', async (t) => {
    const cluster = new DiskCluster(t);
    const small = await cluster.secondary('s1', SMALL_DISK);
    const s2 = await cluster.secondary('s2');
    const master = await cluster.master({ BACKOFF_MAX_MS: 200 });
    await waitFor('all to be up', async () => (await health(master)).status === 'ok');
    assert.equal((await append(master, { message: 'first', w: 3 })).status, 201);
    const count = 40;
    for (let i = 0; i < count; i += 1) {
      assert.equal((await append(master, { message: large, w: 2 })).status, 201);
    }
    const told = await waitFor('s1 to refuse', async () => {
      const [first] = (await health(master)).secondaries;
      return /log-full/.test(first.lastError) && first.status === 'Healthy' && first;
    });
    assert(told.length < count, `${told.length}`);
    const shown = await messages(small);
    assert(shown.length > 0 && shown.length < count, 'reads go on');
    const { status, body } = await append(master, { message: 'y', w: 3 }, { prefer: 'wait=0' });
    assert.deepEqual([status, body.pending.includes('s1')], [202, true]);
    const waiting = append(master, { message: 'last', w: 3 });
    await waitFor('it to wait', async () => (await health(master)).waiting === 1);
    await kill(small);
    const s1 = await cluster.secondary('s1');
    assert.deepEqual((await waiting).body.acked, ['master', 's1', 's2']);
    for (const node of [s1, s2]) assert.deepEqual(await messages(node), await messages(master));
  });
});
