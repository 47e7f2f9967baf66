/** Epochs in real nodes: very many, the last one, and one beyond it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { append, health, messages, replicate, request } from '../support/client.ts';
import { FAST, startRecovered, startSecondary, stopAfter } from '../support/cluster.ts';
import { DiskCluster } from '../support/disk-cluster.ts';
import { makeManyEpochs } from '../support/many-epochs.ts';

const LAST = 2 ** 48;

describe('a log of 20,000 epochs', () => {
  it('is replicated, recovered from disk and from a secondary, and goes on', async (t) => {
    const epochs = 20_000;
    const cluster = new DiskCluster(t, FAST);
    makeManyEpochs(cluster.directory('master'), epochs);
    makeManyEpochs(cluster.directory('s1'), epochs);
    const onDisk = await cluster.secondary('s1');
    const empty = await startSecondary({ NODE_ID: 's2' });
    stopAfter(t, empty);
    const ports = [onDisk.port, empty.port];
    const expected = Array.from({ length: epochs }, (_, i) => String(i + 1));
    // First it goes on with its own log; then it has none, and adopts that of a secondary.
    for (const own of [{ DATA_DIR: cluster.directory('master') }, {}]) {
      const master = await startRecovered(ports, { ...FAST, ...own });
      stopAfter(t, master);
      const answer = await append(master, { message: 'more', w: 'all' });
      expected.push('more');
      const { seq, epoch } = answer.body;
      assert.deepEqual([answer.status, seq, epoch], [201, expected.length, expected.length]);
      for (const node of [master, onDisk, empty]) {
        assert.deepEqual(await messages(node), expected);
        assert.equal((await health(node)).discarded, 0);
      }
      await master.stop();
    }
  });
});

describe('the last epoch', () => {
  it('is taken, by hand; a larger one is refused with 400 at every way in', async (t) => {
    const node = await startSecondary();
    stopAfter(t, node);
    const frame = { logId: 'L', epoch: LAST, from: 1, messages: ['a'] };
    for (const epoch of [LAST + 1, 2 ** 53 - 2, 2 ** 53 - 1]) {
      assert.equal((await replicate(node, [{ ...frame, epoch }])).status, 400);
      const listed = { ...frame, epoch: LAST, epochs: [[epoch, 1]] };
      assert.equal((await replicate(node, [listed])).status, 400);
      const headers = { 'log-id': 'L', 'log-epoch': String(epoch), 'log-writer': 'W' };
      assert.equal((await request(`${node.url}/heartbeat`, { headers })).status, 400);
    }
    assert.equal((await request(`${node.url}/heartbeat`)).body.logId, null);
    const [ack] = (await replicate(node, [frame])).body.trim().split('\n').map(JSON.parse);
    assert.deepEqual([ack.epoch, ack.length], [LAST, 1]);
  });

  it('leaves one for the next master, and for the one after that', async (t) => {
    const node = await startSecondary();
    stopAfter(t, node);
    await replicate(node, [{ logId: 'L', epoch: LAST, from: 1, messages: ['0'] }]);
    const headers = { 'log-id': 'L', 'log-epoch': String(LAST), 'log-writer': 'zz' };
    assert.equal((await request(`${node.url}/heartbeat`, { headers })).status, 200);
    for (let incarnation = 1; incarnation <= 4; incarnation += 1) {
      const master = await startRecovered([node.port], FAST);
      const answer = await append(master, { message: String(incarnation), w: 2 });
      assert.deepEqual([answer.status, answer.body.epoch], [201, LAST]);
      const expected = Array.from({ length: incarnation + 1 }, (_, i) => String(i));
      assert.deepEqual([await messages(master), await messages(node)], [expected, expected]);
      await master.stop();
    }
  });
});
