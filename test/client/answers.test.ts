/** How the client treats answers: valid ones, refusals, and those of broken servers and proxies. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NoAnswerError, ProblemError, ReplicatedLogClient } from '../../src/client.ts';
import { freePort } from '../support/port.ts';
import { waitFor } from '../support/wait.ts';
import { type Answering, fakeNode, json, problem, QUICK, RECEIPT } from './support.ts';

/** Answers the first request in this way, and all others with a receipt. */
const first =
  (answer: Answering): Answering =>
  (res, seen, index) =>
    index === 0 ? answer(res, seen, index) : json(res, 201, RECEIPT);

const refusals: Record<string, Answering> = {
  'a 503': (res) => json(res, 503, problem(503, 'recovering')),
  'a 503 that has stored it': (res) =>
    json(res, 503, problem(503, 'shutting-down', { ...RECEIPT, appended: true })),
  'a fence': (res) => json(res, 503, problem(503, 'fenced', { ...RECEIPT, appended: true })),
  'a defect of the node': (res) => json(res, 500, problem(500, 'internal-error')),
  'a page of a proxy': (res) => res.writeHead(502, { 'content-type': 'text/html' }).end('<h1>'),
  'an endless page of a proxy': (res) => {
    res.writeHead(502, { 'content-type': 'text/html' });
    res.write('x'.repeat(200_000));
  },
  'HTML that says it is well': (res) => res.writeHead(200).end('<html></html>'),
  'JSON that is no receipt': (res) => json(res, 201, {}),
  'a receipt without holders': (res) => json(res, 201, { seq: 1 }),
  'a redirect': (res) => res.writeHead(307, { location: '/elsewhere' }).end(),
  silence: () => {},
  'half an answer': (res) => {
    res.writeHead(201, { 'content-length': 100 }).write('{"seq":1');
  },
  'a reset': (res) => res.socket?.resetAndDestroy(),
};

describe('an append is sent again, under the same key, after', () => {
  for (const [name, answer] of Object.entries(refusals)) {
    it(name, async (t) => {
      const node = await fakeNode(t, first(answer));
      const client = new ReplicatedLogClient({ nodes: [node.url], ...QUICK });
      const receipt = await client.append('hello', { w: 1 });
      assert.deepEqual([receipt.seq, receipt.count, receipt.status], [1, 1, 'acknowledged']);
      const keys = node.seen.map(({ headers }) => headers['idempotency-key']);
      assert.deepEqual(keys, [`"${receipt.key}"`, `"${receipt.key}"`]);
      assert.deepEqual(
        node.seen.map(({ body }) => body),
        Array(2).fill('{"message":"hello","w":1}'),
      );
    });
  }
});

describe('an append', () => {
  it('waits at least as long as Retry-After says', async (t) => {
    const later = { 'retry-after': '1' };
    const node = await fakeNode(
      t,
      first((res) => json(res, 503, problem(503, 'overloaded'), later)),
    );
    await new ReplicatedLogClient({ nodes: [node.url], ...QUICK }).append('hello');
    const [one, other] = node.seen.map(({ at }) => at) as [number, number];
    assert(other - one >= 999, `${other - one} ms`);
  });

  it('is refused for good by any 4xx, and by a full log', async (t) => {
    for (const [status, name] of [
      [400, 'w-exceeds-cluster'],
      [401, 'unauthorized'],
      [422, 'idempotency-key-reused'],
      [507, 'log-full'],
    ] as const) {
      const node = await fakeNode(t, (res) => json(res, status, problem(status, name, { n: 3 })));
      const client = new ReplicatedLogClient({ nodes: [node.url], ...QUICK });
      await assert.rejects(client.append('hello'), (error) => {
        assert(error instanceof ProblemError);
        assert.deepEqual([error.status, error.problem], [status, name]);
        assert.deepEqual([error.detail, error.fields], [`it is ${name}`, { n: 3 }]);
        return true;
      });
      assert.equal(node.seen.length, 1);
    }
  });

  it('names a refusal that is no problem by its status', async (t) => {
    const node = await fakeNode(t, (res) => res.writeHead(403).end('<h1>no</h1>'));
    const client = new ReplicatedLogClient({ nodes: [node.url], ...QUICK });
    await assert.rejects(client.append('hello'), { problem: 'http-403', status: 403 });
  });

  it('waits for its write concern in parts, and for no longer than it was told', async (t) => {
    const node = await fakeNode(t, (res, _, index) => json(res, index < 3 ? 202 : 200, RECEIPT));
    const client = new ReplicatedLogClient({ nodes: [node.url], ...QUICK });
    assert.equal((await client.append('hello')).status, 'acknowledged');
    assert.equal(node.seen.length, 4);
    const pending = await fakeNode(t, (res) => json(res, 202, RECEIPT));
    const other = new ReplicatedLogClient({ nodes: [pending.url], ...QUICK });
    assert.equal((await other.append('hello', { waitMs: 0 })).status, 'pending');
    assert.deepEqual(
      pending.seen.map(({ headers }) => headers.prefer),
      ['wait=0'],
    );
  });

  it('ends when it is told to, with the reason', async (t) => {
    const node = await fakeNode(t, (res) => json(res, 503, problem(503, 'read-only')));
    const all = new AbortController();
    const client = new ReplicatedLogClient({ nodes: [node.url], signal: all.signal, ...QUICK });
    const [one, reason] = [new AbortController(), new Error('enough')];
    const appending = client.append('hello', { signal: one.signal });
    await waitFor('some attempts', () => node.seen.length > 3);
    one.abort(reason);
    await assert.rejects(appending, reason);
    const others = [client.append('hello'), client.append('hello')];
    all.abort(reason);
    for (const other of others) await assert.rejects(other, reason);
    await assert.rejects(client.health(), reason);
    await assert.rejects(client.tail().next(), reason);
    await assert.rejects(client.readAll().next(), reason);
  });

  it('refuses what cannot be sent, before it is sent', async (t) => {
    const node = await fakeNode(t, (res) => json(res, 201, RECEIPT));
    const client = new ReplicatedLogClient({ nodes: [node.url] });
    await assert.rejects(client.append('x', { key: 'schlüssel' }), TypeError);
    await assert.rejects(client.append('x', { key: '' }), TypeError);
    await assert.rejects(client.append('x', { waitMs: -1 }), RangeError);
    assert.equal(node.seen.length, 0);
    for (const nodes of [[], ['127.0.0.1:8080'], ['ftp://x'], ['http://x/?a=b'], ['']]) {
      assert.throws(() => new ReplicatedLogClient({ nodes }), TypeError);
    }
    assert.throws(() => new ReplicatedLogClient({ nodes: [node.url], token: 'a\nb' }), TypeError);
  });
});

describe('a client', () => {
  it('refuses a node at a port that fetch refuses, and says so', async () => {
    for (const url of [
      'http://127.0.0.1:1',
      'http://[::1]:6000/',
      'https://x:10080',
      'http://x:0',
    ]) {
      const good = 'http://127.0.0.1:8080';
      assert.throws(() => new ReplicatedLogClient({ nodes: [good, url] }), {
        name: 'TypeError',
        message: `the port of a node must not be a port that fetch refuses (WHATWG bad ports); got '${url}'`,
      });
    }
    for (const url of ['http://x', 'https://x', 'http://x:6001', 'http://x:80']) {
      assert.equal(new ReplicatedLogClient({ nodes: [url] }).nodes.length, 1);
    }
  });
});

describe('a read', () => {
  it('fails when no node answers, with what tells most', async (t) => {
    const dead = `http://127.0.0.1:${await freePort()}`;
    const client = new ReplicatedLogClient({ nodes: [dead], ...QUICK });
    await assert.rejects(client.read(), NoAnswerError);
    await assert.rejects(client.health(), NoAnswerError);
    const late = await fakeNode(t, (res) => json(res, 503, problem(503, 'not-caught-up')));
    const both = new ReplicatedLogClient({ nodes: [late.url, dead], ...QUICK });
    await assert.rejects(both.read({ minSeq: 5, waitMs: 0 }), { problem: 'not-caught-up' });
  });

  it('passes over what is not a node', async (t) => {
    const page = await fakeNode(t, (res) => res.writeHead(200).end('<html></html>'));
    const list = await fakeNode(t, (res) => json(res, 200, ['not', 'ours']));
    const log = { 'log-length': '2', 'log-epoch': '3' };
    const node = await fakeNode(t, (res, { url }) =>
      url === '/health' ? json(res, 200, { status: 'ok', length: 2 }) : json(res, 200, ['a'], log),
    );
    const nodes = [page.url, list.url, node.url];
    const client = new ReplicatedLogClient({ nodes, ...QUICK });
    const { messages, length, epoch } = await client.read({ from: 2, limit: 1 });
    assert.deepEqual([messages, length, epoch], [['a'], 2, 3]);
    assert.equal(node.seen[0]?.url, '/messages?from=2&limit=1');
    assert.equal((await client.health()).length, 2);
    await client.read();
    assert.equal(page.seen.length, 1, 'reads stay with the node that answers');
  });
});
