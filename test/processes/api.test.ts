import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { append, health, messages, request } from '../support/client.ts';
import {
  FAST,
  type NodeProcess,
  startRecovered,
  startSecondary,
  stopAfter,
} from '../support/cluster.ts';
import { waitFor } from '../support/wait.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

async function startPair(
  t: TestContext,
  environment = {},
): Promise<{ master: NodeProcess; s1: NodeProcess }> {
  const s1 = await startSecondary({ NODE_ID: 's1' });
  const master = await startRecovered([s1.port], { ...FAST, ...environment });
  stopAfter(t, master, s1);
  await waitFor('the cluster to be ok', async () => (await health(master)).status === 'ok');
  return { master, s1 };
}

/** [what, body, status, problem] */
const BAD_APPENDS: readonly [string, string | Uint8Array, number, string][] = [
  ['no JSON', 'hello', 400, 'bad-json'],
  ['an empty body', '', 400, 'bad-json'],
  ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 400, 'bad-json'],
  ['a list', '["a"]', 400, 'bad-request'],
  ['null', 'null', 400, 'bad-request'],
  ['no message', '{}', 400, 'bad-request'],
  ['a message and messages', '{"message":"a","messages":["b"]}', 400, 'bad-request'],
  ['a number as the message', '{"message":1}', 400, 'bad-request'],
  ['null as the message', '{"message":null}', 400, 'bad-request'],
  ['a lone surrogate', '{"message":"\\ud800"}', 400, 'bad-request'],
  ['an unknown field', '{"message":"a","W":1}', 400, 'bad-request'],
  ['a __proto__', '{"message":"a","__proto__":{"w":1}}', 400, 'bad-request'],
  ['no messages', '{"messages":[]}', 400, 'bad-request'],
  ['a bad one among messages', '{"messages":["a",2]}', 400, 'bad-request'],
  ['10001 messages', JSON.stringify({ messages: Array(10_001).fill('') }), 400, 'bad-request'],
  ['w as text', '{"message":"a","w":"2"}', 400, 'bad-w'],
  ['w true', '{"message":"a","w":true}', 400, 'bad-w'],
  ['w null', '{"message":"a","w":null}', 400, 'bad-w'],
  ['w 0', '{"message":"a","w":0}', 400, 'bad-w'],
  ['w -1', '{"message":"a","w":-1}', 400, 'bad-w'],
  ['w 1.5', '{"message":"a","w":1.5}', 400, 'bad-w'],
  ['w beyond the cluster', '{"message":"a","w":3}', 400, 'w-exceeds-cluster'],
  ['a message too large', JSON.stringify({ message: 'x'.repeat(1001) }), 413, 'content-too-large'],
  [
    'a message too large in bytes',
    JSON.stringify({ message: 'é'.repeat(501) }),
    413,
    'content-too-large',
  ],
  ['a body too large', ' '.repeat(17 * 1024 * 1024), 413, 'content-too-large'],
];

describe('the client API of a master', () => {
  it('refuses bad appends with the problem that names them, and appends nothing', async (t) => {
    const { master } = await startPair(t, { MAX_MESSAGE_BYTES: 1000 });
    for (const [what, body, status, problem] of BAD_APPENDS) {
      const options = { method: 'POST', headers: JSON_TYPE, body };
      const answer = await request(`${master.url}/messages`, options);
      assert.equal(answer.status, status, what);
      assert.equal(answer.headers.get('content-type'), 'application/problem+json', what);
      assert.equal(answer.body.type, `/problems/${problem}`, what);
      assert.equal(answer.body.status, status, what);
      assert.equal('stack' in answer.body, false, what);
    }
    const exceeding = await append(master, { message: 'a', w: 3 });
    assert.match(exceeding.body.detail, /2 nodes/);
    assert.equal((await health(master)).length, 0);
    assert.equal((await append(master, { message: 'é'.repeat(500) })).body.seq, 1);
  });

  it('refuses what HTTP says, by route, method and header', async (t) => {
    const { master, s1 } = await startPair(t);
    await append(master, { message: 'a' });
    const post = (headers: Record<string, string>) => ({
      method: 'POST',
      headers,
      body: '{"message":"x"}',
    });
    const long = 'k'.repeat(256);
    const cases: readonly [string, object, number, string][] = [
      ['/nothing', {}, 404, 'not-found'],
      ['/messages/', {}, 404, 'not-found'],
      ['/messages/2', {}, 404, 'not-found'],
      ['/messages/0', {}, 404, 'not-found'],
      ['/messages/x', {}, 404, 'not-found'],
      ['/messages/1/2', {}, 404, 'not-found'],
      ['/faults', {}, 404, 'not-found'],
      ['/messages/1?w=0', {}, 400, 'bad-w'],
      ['/messages/1?w=x', {}, 400, 'bad-w'],
      ['/messages/1?w=3', {}, 400, 'w-exceeds-cluster'],
      ['/messages?from=0', {}, 400, 'bad-range'],
      ['/messages?from=x', {}, 400, 'bad-range'],
      ['/messages?limit=-1', {}, 400, 'bad-range'],
      ['/messages?limit=1.5', {}, 400, 'bad-range'],
      ['/messages?form=1', {}, 400, 'bad-request'],
      ['/messages?from=1&from=2', {}, 400, 'bad-request'],
      ['/messages', { method: 'DELETE' }, 405, 'method-not-allowed'],
      ['/health', { method: 'POST', body: 'x' }, 405, 'method-not-allowed'],
      ['/messages', { headers: { accept: 'text/html' } }, 406, 'not-acceptable'],
      ['/messages', post({ ...JSON_TYPE, accept: 'text/html' }), 406, 'not-acceptable'],
      ['/messages', post({}), 415, 'unsupported-media-type'],
      [
        '/messages',
        post({ 'content-type': 'application/json; charset=latin1' }),
        415,
        'unsupported-media-type',
      ],
      [
        '/messages',
        post({ ...JSON_TYPE, 'content-encoding': 'gzip' }),
        415,
        'unsupported-media-type',
      ],
      ['/messages', post({ ...JSON_TYPE, 'idempotency-key': '""' }), 400, 'bad-idempotency-key'],
      ['/messages', post({ ...JSON_TYPE, 'idempotency-key': long }), 400, 'bad-idempotency-key'],
      ['/messages', post({ ...JSON_TYPE, 'idempotency-key': 'ké' }), 400, 'bad-idempotency-key'],
      ['/messages', { headers: { 'x-much': 'x'.repeat(20_000) } }, 431, 'headers-too-large'],
    ];
    for (const [path, options, status, problem] of cases) {
      const answer = await request(master.url + path, options);
      assert.equal(answer.status, status, path);
      assert.equal(answer.body.type, `/problems/${problem}`, path);
    }
    const put = await request(`${master.url}/messages`, { method: 'PUT' });
    assert.equal(put.headers.get('allow'), 'POST, GET, HEAD');
    const elsewhere = await append(s1, { message: 'x' });
    assert.equal(elsewhere.status, 405);
    assert.equal(elsewhere.headers.get('allow'), 'GET, HEAD');
    assert.match(elsewhere.body.detail, /master/);
    assert.equal((await health(master)).length, 1);
  });

  it('appends a batch at consecutive positions', async (t) => {
    const { master, s1 } = await startPair(t);
    await append(master, { message: 'first' });
    const { status, body, headers } = await append(master, { messages: ['a', 'b', 'c'], w: 2 });
    assert.equal(status, 201);
    assert.equal(headers.get('location'), '/messages/2');
    assert.deepEqual(body, {
      seq: 2,
      epoch: 1,
      w: 2,
      acked: ['master', 's1'],
      pending: [],
      count: 3,
    });
    assert.deepEqual(await messages(s1), ['first', 'a', 'b', 'c']);
  });

  it('appends once for an idempotency key, quoted or not', async (t) => {
    const { master } = await startPair(t);
    const key = (value: string) => ({ 'idempotency-key': value });
    const first = await append(master, { message: 'a' }, key('k 1'));
    assert.equal(first.status, 201);
    const second = await append(master, { message: 'a', w: 1 }, key('"k 1"'));
    assert.equal(second.status, 200);
    assert.equal(second.body.seq, 1);
    assert.equal(second.body.duplicate, true);
    const other = await append(master, { message: 'b' }, key('k 1'));
    assert.equal(other.status, 422);
    assert.equal(other.body.type, '/problems/idempotency-key-reused');
    await append(master, { messages: ['x', 'y'] }, key('batch'));
    const repeat = await append(master, { messages: ['x', 'y'] }, key('batch'));
    assert.equal(repeat.body.count, 2);
    assert.equal((await append(master, { messages: ['x'] }, key('batch'))).status, 422);
    await append(master, { message: 'a' });
    assert.deepEqual(await messages(master), ['a', 'x', 'y', 'a']);
  });

  it('pages, tags and streams the log', async (t) => {
    const { master, s1 } = await startPair(t);
    const texts = Array.from({ length: 30 }, (_, i) => `${i} ${'é"\\\n'.repeat(2500)}`);
    await append(master, { messages: texts });
    for (const node of [master, s1]) {
      const all = await request(`${node.url}/messages`);
      assert.deepEqual(all.body, texts);
      assert.equal(all.headers.get('log-length'), '30');
      assert.equal(all.headers.get('log-epoch'), '1');
      const page = await request(`${node.url}/messages?from=3&limit=2`);
      assert.deepEqual(page.body, texts.slice(2, 4));
      assert.deepEqual((await request(`${node.url}/messages?from=31`)).body, []);
      const etag = page.headers.get('etag') as string;
      const tagged = { headers: { 'if-none-match': `"x", W/${etag}` } };
      const same = await request(`${node.url}/messages?from=3&limit=2`, tagged);
      assert.equal(same.status, 304);
      const head = await request(`${node.url}/messages`, { method: 'HEAD' });
      assert.equal(head.status, 200);
      assert.equal(head.headers.get('content-length'), all.headers.get('content-length'));
      const entry = await request(`${node.url}/messages/5`);
      assert.equal(entry.body.seq, 5);
      assert.equal(entry.body.message, texts[4]);
    }
  });

  it('answers 507 when the log is full; reads and replication go on', async (t) => {
    const { master, s1 } = await startPair(t, { MAX_LOG_BYTES: 24 });
    assert.equal((await append(master, { message: '12345' })).status, 201);
    const full = await append(master, { messages: ['123', '456'] });
    assert.equal(full.status, 507);
    assert.equal(full.body.type, '/problems/log-full');
    assert.equal((await append(master, { message: '67890' })).status, 201);
    assert.deepEqual([full.body.limit, full.body.used], [24, 12]);
    assert.deepEqual(await messages(s1), ['12345', '67890']);
  });

  it('counts what an entry costs, also an empty one and its key', async (t) => {
    const { master, s1 } = await startPair(t, { MAX_LOG_BYTES: 70 });
    assert.equal((await append(master, { messages: Array(100).fill('') })).status, 507);
    assert.equal((await append(master, { messages: Array(4).fill('') })).status, 201);
    const key = { 'idempotency-key': '1234' };
    assert.equal((await append(master, { message: '' }, key)).status, 201);
    const full = await append(master, { message: 'x' }, { 'idempotency-key': '5' });
    assert.deepEqual([full.status, full.body.limit, full.body.used], [507, 70, 5 * 7 + 32]);
    assert.equal((await append(master, { message: '' }, key)).status, 200);
    assert.equal((await append(master, { message: '' })).status, 507);
    assert.deepEqual(await messages(s1), Array(5).fill(''));
  });

  it('wants the token of clients when there is one, but not from probes', async (t) => {
    const { master, s1 } = await startPair(t, { API_TOKEN: 'sesame' });
    const path = `${master.url}/messages`;
    for (const authorization of ['', 'Bearer wrong', 'Basic sesame', 'Bearer sesame2']) {
      const answer = await request(path, { headers: { authorization } });
      assert.equal(answer.status, 401, authorization);
      assert.equal(answer.headers.get('www-authenticate'), 'Bearer');
    }
    const headers = { authorization: 'bearer sesame' };
    assert.equal((await request(path, { headers })).status, 200);
    assert.equal((await append(master, { message: 'a' }, headers)).status, 201);
    assert.deepEqual(await messages(s1), ['a']);
    for (const probe of ['/livez', '/readyz', '/health']) {
      assert.equal((await request(master.url + probe)).status, 200, probe);
    }
  });
});
