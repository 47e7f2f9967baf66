/** Logs that break off on the way, nodes that tell too much or too little, and readers that are slow. */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import { NoAnswerError, ReplicatedLogClient } from '../../src/client.ts';
import { startCluster } from '../support/cluster.ts';
import { waitFor } from '../support/wait.ts';
import { collected, fakeNode, json, NotedTail, problem, QUICK, range } from './support.ts';

const line = (seq: number) => `{"seq":${seq},"message":"m${seq}"}\n`;
const event = (seq: number) => `id: ${seq}\ndata: ${line(seq)}\n`;

function begin(res: ServerResponse, type: string, length = 0): ServerResponse {
  res.writeHead(200, { 'content-type': type, 'log-length': length, 'log-epoch': 1 });
  res.flushHeaders();
  return res;
}
const lines = (res: ServerResponse, length: number) => begin(res, 'application/x-ndjson', length);
const events = (res: ServerResponse) => begin(res, 'text/event-stream');

const seqsOf = (entries: { seq: number }[]) => entries.map(({ seq }) => seq);

describe('reading all', () => {
  it('goes on where it broke off, up to where the log ended, on a node that shows so much', async (t) => {
    const first = await fakeNode(t, (res) => {
      lines(res, 4).write(line(1) + line(2) + line(3).slice(0, 9), () => res.destroy());
    });
    const behind = await fakeNode(t, (res) => json(res, 503, problem(503, 'not-caught-up')));
    const last = await fakeNode(t, (res) => lines(res, 9).end(line(3) + line(4)));
    const nodes = [first.url, behind.url, last.url];
    const client = new ReplicatedLogClient({ nodes, ...QUICK });
    const entries = await collected(client.readAll({ waitMs: 0 }));
    assert.deepEqual(
      entries.map(({ message }) => message),
      ['m1', 'm2', 'm3', 'm4'],
    );
    assert.equal(first.seen[0]?.url, '/messages?from=1');
    assert.equal(last.seen[0]?.url, '/messages?from=3&limit=2&minSeq=4');
  });

  it('gives up when no node gives anything', async (t) => {
    const bodies = ['', line(2), 'HTML\n', '{"seq":"1"}\n', '{"seq":1}\n', '\xff\n'];
    for (const body of bodies) {
      const node = await fakeNode(t, (res) => lines(res, 2).end(Buffer.from(body, 'latin1')));
      const client = new ReplicatedLogClient({ nodes: [node.url, node.url], ...QUICK });
      await assert.rejects(collected(client.readAll()), NoAnswerError);
      assert(node.seen.length < 9);
    }
    const html = await fakeNode(t, (res) => res.end('<html></html>'));
    const client = new ReplicatedLogClient({ nodes: [html.url], ...QUICK });
    await assert.rejects(collected(client.readAll()), NoAnswerError);
  });

  it('leaves a node that falls silent', async (t) => {
    const silent = await fakeNode(t, (res) => lines(res, 2).write(line(1)));
    const good = await fakeNode(t, (res) => lines(res, 2).end(line(2)));
    const client = new ReplicatedLogClient({ nodes: [silent.url, good.url], ...QUICK });
    assert.deepEqual(seqsOf(await collected(client.readAll())), [1, 2]);
  });

  it('lets who takes the entries be slow, and leave', async (t) => {
    const { master } = await startCluster(t, { count: 1 });
    const client = new ReplicatedLogClient({ nodes: [master.url], ...QUICK });
    for (const _ of range(1, 4)) await client.append(Array(2000).fill('x'.repeat(500)), { w: 1 });
    const begin = performance.now();
    const seqs: number[] = [];
    for await (const { seq } of client.readAll()) {
      seqs.push(seq);
      if (seq > 1) continue;
      await waitFor('longer than a node may be silent', () => performance.now() - begin > 900);
    }
    assert.deepEqual(seqs, range(1, 8000));
    for await (const { seq } of client.readAll()) if (seq === 10) break;
    for await (const { seq } of client.tail()) if (seq === 10) break;
  });
});

describe('a tail', () => {
  it('drops what it had, and leaves nodes that leave something out or end', async (t) => {
    const first = await fakeNode(t, (res) => {
      events(res).write(`: hello\n\n${event(1)}${event(1)}`);
      res.end(event(3));
    });
    const other = await fakeNode(t, (res, _, index) => {
      if (index === 0) events(res).end(event(1) + event(2));
      else events(res).write(event(2) + event(3) + event(4));
    });
    const client = new ReplicatedLogClient({ nodes: [first.url, other.url], ...QUICK });
    const tail = new NotedTail(t, client);
    await tail.until(4);
    assert.deepEqual(tail.seqs, [1, 2, 3, 4]);
    const resumed = [...first.seen, ...other.seen].sort((one, next) => one.at - next.at);
    assert.deepEqual(
      resumed.map(({ headers }) => headers['last-event-id']),
      ['0', '1', '2', '3'],
    );
  });

  it('asks for ever, with pauses, and ends when it is told to', async (t) => {
    const node = await fakeNode(t, (res, _, index) => {
      if (index % 3 === 0) json(res, 503, problem(503, 'shutting-down'));
      else if (index % 3 === 1) res.destroy();
      else res.end('<html></html>\n');
    });
    const client = new ReplicatedLogClient({ nodes: [node.url], ...QUICK });
    const stop = new AbortController();
    const next = client.tail({ signal: stop.signal }).next();
    await waitFor('some attempts', () => node.seen.length > 8);
    stop.abort(new Error('enough'));
    await assert.rejects(next, /enough/);
  });

  it('ends at once while nothing comes', async (t) => {
    const node = await fakeNode(t, (res) => events(res));
    const client = new ReplicatedLogClient({ nodes: [node.url], ...QUICK });
    const stop = new AbortController();
    const next = client.tail({ signal: stop.signal }).next();
    await waitFor('it to listen', () => node.seen.length === 1);
    stop.abort(new Error('enough'));
    await assert.rejects(next, /enough/);
  });
});
