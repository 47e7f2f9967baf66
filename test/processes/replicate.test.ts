import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { acks, health, messages, replicate, request } from '../support/client.ts';
import { type NodeProcess, startSecondary, stopAfter } from '../support/cluster.ts';
import { RawConnection } from '../support/raw.ts';
import { waitFor } from '../support/wait.ts';

const frame = (from: number, ...texts: string[]) => ({
  logId: 'L',
  epoch: 1,
  from,
  messages: texts,
});

async function startOne(t: TestContext, environment = {}): Promise<NodeProcess> {
  const node = await startSecondary({ NODE_ID: 's', ...environment });
  stopAfter(t, node);
  return node;
}

describe('POST /replicate on a secondary', () => {
  it('speaks the protocol to a single curl with one line', async (t) => {
    const node = await startOne(t);
    const empty = await request(`${node.url}/heartbeat`);
    assert.equal(empty.body.logId, null);
    assert.equal(empty.body.epoch, 0);
    const answer = await replicate(node, [frame(1, 'msg1')]);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('content-type'), 'application/x-ndjson');
    const { bootId } = empty.body;
    assert.deepEqual(acks(answer), [{ bootId, logId: 'L', epoch: 1, length: 1 }]);
  });

  it('shows 1 - 1 - 1 - 1,2,3,4 when it receives 1, 3, 4, 2', async (t) => {
    const node = await startOne(t);
    const shown = [];
    for (const seq of [1, 3, 4, 2]) {
      await replicate(node, [frame(seq, `m${seq}`)]);
      shown.push((await messages(node)).join());
    }
    assert.deepEqual(shown, ['m1', 'm1', 'm1', 'm1,m2,m3,m4']);
    assert.equal((await health(node)).held, 0);
  });

  it('answers several frames in order, and acknowledges again what it has', async (t) => {
    const node = await startOne(t);
    const frames = [
      frame(1, 'a'),
      frame(3, 'c'),
      frame(1, 'a'),
      frame(2, 'b'),
      frame(1, 'a', 'b', 'c', 'd'),
    ];
    const lengths = acks(await replicate(node, frames)).map(({ length }) => length);
    assert.deepEqual(lengths, [1, 1, 1, 3, 4]);
    assert.deepEqual(await messages(node), ['a', 'b', 'c', 'd']);
  });

  it('refuses what contradicts it, and changes nothing', async (t) => {
    const node = await startOne(t);
    await replicate(node, [frame(1, 'a', 'b'), frame(5, 'e')]);
    const cases: [string, object | string, number, string][] = [
      ['another text', frame(2, 'x'), 409, 'diverged'],
      ['another text of what is held', frame(5, 'x'), 409, 'diverged'],
      ['a lower epoch', { ...frame(3, 'c'), epoch: 0.5 }, 400, 'bad-request'],
      ['another log', { ...frame(3, 'c'), logId: 'M' }, 409, 'log-mismatch'],
      ['a frame far ahead', frame(20_000, 'z'), 409, 'gap'],
      ['no frame', '{}', 400, 'bad-request'],
      ['no JSON', '{', 400, 'bad-json'],
      ['no lines', '', 400, 'bad-request'],
      ['a number', { ...frame(3), messages: [1] }, 400, 'bad-request'],
      ['from 0', frame(0, 'c'), 400, 'bad-request'],
      ['a key outside the frame', { ...frame(3, 'c'), keys: { 4: 'k' } }, 400, 'bad-request'],
    ];
    for (const [what, body, status, problem] of cases) {
      const answer = await replicate(node, [body]);
      assert.equal(answer.status, status, what);
      assert.equal(answer.body.type, `/problems/${problem}`, what);
    }
    const far = await replicate(node, [frame(20_000, 'z')]);
    assert.equal(far.body.length, 2);
    await replicate(node, [{ ...frame(3, 'c'), epoch: 2 }]);
    const stale = await replicate(node, [frame(4, 'd')]);
    assert.equal(stale.status, 409);
    assert.equal(stale.body.type, '/problems/stale-epoch');
    assert.deepEqual(await messages(node), ['a', 'b', 'c']);
  });

  it('ends the answer at a refusal behind the first ack', async (t) => {
    const node = await startOne(t);
    const answer = await replicate(node, [frame(1, 'a'), frame(1, 'x'), frame(2, 'b')]);
    assert.deepEqual(
      acks(answer).map(({ length }) => length),
      [1],
    );
  });

  it('answers the frames before a line that is none, also when they are delayed', async (t) => {
    const node = await startOne(t, { FAULT_INJECTION: true, FAULT_DELAY_MS: 200 });
    const answer = await replicate(node, [frame(1, 'a'), '{', frame(2, 'b')]);
    assert.equal(answer.status, 200);
    assert.deepEqual(
      acks(answer).map(({ length }) => length),
      [1],
    );
    assert.deepEqual(await messages(node), ['a']);
  });

  it('says that it closes the connection when it refuses', async (t) => {
    const node = await startOne(t);
    const answer = await replicate(node, ['{}']);
    assert.equal(answer.headers.get('connection'), 'close');
  });

  it('waits before applying, and keeps the order', async (t) => {
    const node = await startOne(t, { FAULT_INJECTION: true, FAULT_DELAY_MS: 300 });
    const begin = performance.now();
    const lengths = acks(await replicate(node, [frame(1, 'a'), frame(2, 'b'), frame(3, 'c')]));
    const took = performance.now() - begin;
    assert.deepEqual(
      lengths.map(({ length }) => length),
      [1, 2, 3],
    );
    assert(took >= 299, `${took} ms`);
  });

  it('fails before or behind applying, repeatably for a seed', async (t) => {
    const before = await startOne(t, { FAULT_INJECTION: true, FAULT_ERROR_RATE: 1 });
    assert.equal((await replicate(before, [frame(1, 'a')])).status, 500);
    assert.deepEqual(await messages(before), []);
    const after = await startOne(t, { FAULT_INJECTION: true, FAULT_ERROR_AFTER_APPLY_RATE: 1 });
    assert.equal((await replicate(after, [frame(1, 'a')])).status, 500);
    assert.deepEqual(await messages(after), ['a']);
    const seeded = { FAULT_INJECTION: true, FAULT_ERROR_RATE: 0.5, FAULT_SEED: 42 };
    const statuses = async () => {
      const node = await startOne(t, seeded);
      const results = [];
      for (let i = 0; i < 12; i += 1) results.push((await replicate(node, [frame(1, 'a')])).status);
      return results;
    };
    const story = await statuses();
    assert.deepEqual(await statuses(), story);
    assert(story.includes(500) && story.includes(200), String(story));
  });

  it('lets its faults be read and changed, each by name', async (t) => {
    const node = await startOne(t, { FAULT_INJECTION: true });
    const put = (body: string, type = 'application/json') =>
      request(`${node.url}/faults`, { method: 'PUT', headers: { 'content-type': type }, body });
    assert.deepEqual((await put('{"errorRate":0.25}')).body, {
      delayMs: 0,
      errorRate: 0.25,
      errorAfterApplyRate: 0,
    });
    for (const bad of [
      '{"errorRate":2}',
      '{"delayMs":-1}',
      '{"delayMs":"1"}',
      '{"x":1}',
      '[]',
      '{',
    ]) {
      assert.equal((await put(bad)).status, 400, bad);
    }
    assert.equal((await put('{}', 'text/plain')).status, 415);
    assert.equal((await request(`${node.url}/faults`)).body.errorRate, 0.25);
    assert.equal((await request(`${node.url}/faults?delayMs=1`)).status, 400);
    const plain = await startOne(t);
    assert.equal((await request(`${plain.url}/faults`)).status, 404);
  });

  it('wants the token of the cluster when there is one', async (t) => {
    const node = await startOne(t, { CLUSTER_TOKEN: 'a-secret-of-ours-16' });
    assert.equal((await replicate(node, [frame(1, 'a')])).status, 401);
    assert.equal((await request(`${node.url}/heartbeat`)).status, 401);
    const headers = { authorization: 'Bearer a-secret-of-ours-16' };
    assert.equal((await replicate(node, [frame(1, 'a')], headers)).status, 200);
    assert.deepEqual(await messages(node), ['a']);
  });

  it('is ready once it has heard from a master', async (t) => {
    const node = await startOne(t);
    assert.equal((await request(`${node.url}/livez`)).status, 200);
    assert.equal((await request(`${node.url}/readyz`)).status, 503);
    await request(`${node.url}/heartbeat`);
    assert.equal((await request(`${node.url}/readyz`)).status, 200);
  });

  it('forgets the torn last line of a stream that broke', async (t) => {
    const node = await startOne(t);
    const connection = new RawConnection(node.port);
    const head = 'POST /replicate HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n';
    const line = JSON.stringify(frame(1, 'a'));
    const torn = JSON.stringify(frame(2, 'b'));
    const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
    connection.send(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk(`${line}\n`)}${chunk(torn)}`);
    await connection.until('"length":1');
    connection.destroy();
    await waitFor('it to settle', async () => (await health(node)).length === 1);
    await replicate(node, [frame(2, 'c')]);
    assert.deepEqual(await messages(node), ['a', 'c']);
  });

  it('ends its streams at once when it stops', async (t) => {
    const node = await startSecondary();
    const connection = new RawConnection(node.port);
    t.after(() => connection.destroy());
    const line = `${JSON.stringify(frame(1, 'a'))}\n`;
    const head = 'POST /replicate HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n';
    connection.send(
      `${head}Transfer-Encoding: chunked\r\n\r\n${line.length.toString(16)}\r\n${line}\r\n`,
    );
    await connection.until('"length":1');
    const begin = performance.now();
    assert.equal(await node.stop(), 0);
    await connection.closed();
    assert(performance.now() - begin < 4000, 'it does not wait for the master to go');
  });
});
