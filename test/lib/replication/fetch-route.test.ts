import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Frame } from '../../../src/lib/core/protocol.ts';
import {
  FRAME_MESSAGE_BYTES_MAX,
  FRAME_MESSAGES_MAX,
} from '../../../src/lib/core/replication/frame-end.ts';
import { FRAME_EPOCHS_MAX } from '../../../src/lib/core/replication/outgoing-stream.ts';
import { type Answer, request } from '../../support/client.ts';
import { RawConnection } from '../../support/raw.ts';
import { waitFor } from '../../support/wait.ts';
import { SlowDisk } from '../core/log/slow-disk.ts';
import { preparing } from '../support.ts';
import { serveSecondary } from './secondary-server.ts';

interface ExportedFrame {
  readonly logId: string;
  readonly epoch: number;
  readonly bootId?: string;
  readonly from: number;
  readonly messages: string[];
  readonly keys?: Record<string, string>;
  readonly epochs?: [number, number][];
  readonly epochsPart?: [number, number][];
  readonly epochsOffset?: number;
  readonly epochsMore?: boolean;
}

function framesOf(answer: Answer): ExportedFrame[] {
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('content-type'), 'application/x-ndjson');
  return answer.body
    .trimEnd()
    .split('\n')
    .map((line: string) => JSON.parse(line));
}

describe('GET /replicate on a secondary', () => {
  it('gives its log as frames, the first with the epochs', async (t) => {
    const node = await serveSecondary(t);
    node.feed(1, 1, ['a', 'b']);
    node.feed(2, 3, ['c'], { keys: [[3, 'k']] });
    const answer = await request(`${node.url}/replicate`);
    assert.equal(answer.headers.get('log-length'), '3');
    const epochs = [
      [1, 1],
      [2, 3],
    ];
    const origin = { logId: 'L', epoch: 2, bootId: 'B' };
    assert.deepEqual(framesOf(answer), [
      { ...origin, from: 1, epochs, messages: ['a', 'b', 'c'], keys: { 3: 'k' } },
    ]);
    const rest = framesOf(await request(`${node.url}/replicate?from=3`));
    assert.deepEqual(rest, [{ ...origin, from: 3, epochs, messages: ['c'], keys: { 3: 'k' } }]);
  });

  it('tells a long list of epochs in parts, of which the last brings the first entries', async (t) => {
    const node = await serveSecondary(t);
    const count = 2 * FRAME_EPOCHS_MAX + 5;
    for (let epoch = 1; epoch <= count; epoch += 1) node.feed(epoch, epoch, [`${epoch}`]);
    const frames = framesOf(await request(`${node.url}/replicate?from=2`));
    const told = frames.flatMap(({ epochsPart = [] }) => epochsPart);
    assert.deepEqual(
      told,
      Array.from({ length: count }, (_, i) => [i + 1, i + 1]),
    );
    const shapes = frames.map(({ from, messages, epochsOffset, epochsMore }) => {
      return [from, messages.length, epochsOffset, epochsMore];
    });
    assert.deepEqual(shapes, [
      [2, 0, 0, true],
      [2, 0, FRAME_EPOCHS_MAX, true],
      [2, count - 1, 2 * FRAME_EPOCHS_MAX, false],
    ]);
  });

  it('gives a frame without messages where there are none, so that logs can be compared', async (t) => {
    const node = await serveSecondary(t);
    node.feed(1, 1, ['a']);
    for (const from of [2, 3, 9]) {
      const frames = framesOf(await request(`${node.url}/replicate?from=${from}`));
      const origin = { logId: 'L', epoch: 1, bootId: 'B' };
      assert.deepEqual(frames, [{ ...origin, from, epochs: [[1, 1]], messages: [] }]);
    }
  });

  it('names the master whose prepare it has heard', async (t) => {
    const node = await serveSecondary(t);
    node.feed(1, 1, ['a']);
    node.core.heartbeat(preparing({ logId: 'L', epoch: 4, writer: 'W' }));
    const [frame] = framesOf(await request(`${node.url}/replicate`));
    assert.deepEqual(frame, {
      logId: 'L',
      epoch: 4,
      writer: 'W',
      bootId: 'B',
      from: 1,
      epochs: [[1, 1]],
      messages: ['a'],
    });
  });

  it('gives what is durable, and nothing beyond', async (t) => {
    const journal = new SlowDisk();
    const node = await serveSecondary(t, { journal });
    node.feed(1, 1, ['a', 'b', 'c']);
    journal.sync(2);
    const answer = await request(`${node.url}/replicate`);
    assert.equal(answer.headers.get('log-length'), '2');
    assert.deepEqual(framesOf(answer)[0]?.messages, ['a', 'b']);
  });

  it('ends a frame as a master does: by messages and bytes, never in a keyed append', async (t) => {
    const node = await serveSecondary(t);
    const count = FRAME_MESSAGES_MAX + 5;
    const keys = Array.from({ length: 10 }, (_, i) => [count - 9 + i, 'batch'] as const);
    node.feed(1, 1, Array<string>(count).fill(''), { keys });
    const large = 'x'.repeat(FRAME_MESSAGE_BYTES_MAX - 3);
    node.feed(1, count + 1, [large, 'y', 'z']);
    const frames = framesOf(await request(`${node.url}/replicate`));
    assert.deepEqual(
      frames.map(({ from, messages }) => [from, from + messages.length - 1]),
      [
        [1, count - 10],
        [count - 9, count],
        [count + 1, count + 1],
        [count + 2, count + 3],
      ],
    );
    assert.deepEqual(
      frames.map(({ epochs }) => epochs),
      [[[1, 1]], undefined, undefined, undefined],
    );
  });

  it('answers HEAD with the headers alone', async (t) => {
    const node = await serveSecondary(t);
    node.feed(1, 1, ['a']);
    const { status, headers, body } = await request(`${node.url}/replicate`, { method: 'HEAD' });
    assert.deepEqual([status, headers.get('log-length'), body], [200, '1', '']);
  });

  it('says what is wrong with a question', async (t) => {
    const node = await serveSecondary(t);
    const empty = await request(`${node.url}/replicate`);
    assert.deepEqual([empty.status, empty.body.type], [404, '/problems/not-found']);
    node.feed(1, 1, ['a']);
    for (const from of ['0', '-1', 'x', '1.5', '']) {
      const { status, body } = await request(`${node.url}/replicate?from=${from}`);
      assert.deepEqual([status, body.type], [400, '/problems/bad-range'], from);
    }
    for (const query of ['?to=1', '?from=1&from=2']) {
      assert.equal((await request(`${node.url}/replicate${query}`)).status, 400, query);
    }
    const put = await request(`${node.url}/replicate`, { method: 'PUT' });
    assert.equal(put.status, 405);
    assert.deepEqual(put.headers.get('allow')?.split(', ').sort(), ['GET', 'HEAD', 'POST']);
  });

  it('wants the token of the cluster', async (t) => {
    const node = await serveSecondary(t, { clusterToken: 'a-secret-of-ours-16' });
    node.feed(1, 1, ['a']);
    assert.equal((await request(`${node.url}/replicate`)).status, 401);
    const headers = { authorization: 'Bearer a-secret-of-ours-16' };
    assert.equal((await request(`${node.url}/replicate`, { headers })).status, 200);
  });

  it('breaks off when the log is cut under it: what was cut must not be taken for the log', async (t) => {
    const node = await serveSecondary(t);
    const text = 'x'.repeat(1_000_000);
    for (let seq = 1; seq <= 40; seq += 1) node.feed(1, seq, [text]);
    const connection = new RawConnection(Number(new URL(node.url).port));
    t.after(() => connection.destroy());
    connection.send('GET /replicate HTTP/1.1\r\nHost: x\r\n\r\n');
    await connection.until('"from":1');
    connection.pause();
    const epochs: Frame['epochs'] = [{ epoch: 2, writer: 'W', firstSeq: 1 }];
    node.feed(2, 1, ['other'], { writer: 'W', epochs });
    assert.equal(node.core.length, 1);
    connection.resume();
    await connection.closed();
    assert(connection.received.length < 40_000_000, 'it was broken off');
    assert(!connection.received.endsWith('\r\n0\r\n\r\n'), 'and does not look complete');
  });

  it('breaks off when a newer master is heard: from then on nobody may rely on what it says', async (t) => {
    const node = await serveSecondary(t);
    const text = 'x'.repeat(1_000_000);
    for (let seq = 1; seq <= 40; seq += 1) node.feed(1, seq, [text]);
    for (const writer of ['A', 'B']) {
      const connection = new RawConnection(Number(new URL(node.url).port));
      t.after(() => connection.destroy());
      connection.send('GET /replicate HTTP/1.1\r\nHost: x\r\n\r\n');
      await connection.until('"from":1');
      connection.pause();
      node.core.heartbeat(preparing({ logId: 'L', epoch: 2, writer }));
      assert.deepEqual([node.core.epoch, node.core.writer, node.core.length], [2, writer, 40]);
      connection.resume();
      await connection.closed();
      assert(connection.received.length < 40_000_000, 'it was broken off');
      assert(!connection.received.endsWith('\r\n0\r\n\r\n'), 'and does not look complete');
    }
  });

  it('stops when the reader is gone', async (t) => {
    const node = await serveSecondary(t);
    const text = 'x'.repeat(1_000_000);
    for (let seq = 1; seq <= 40; seq += 1) node.feed(1, seq, [text]);
    const connection = new RawConnection(Number(new URL(node.url).port));
    connection.send('GET /replicate HTTP/1.1\r\nHost: x\r\n\r\n');
    await connection.until('"from":1');
    connection.destroy();
    await waitFor('others to be served', async () => {
      return (await request(`${node.url}/heartbeat`)).status === 200;
    });
  });
});

describe('GET /messages on a secondary', () => {
  it('has another tag when another incarnation of the same epoch wrote what is shown', async (t) => {
    const tags = new Set<string | null>();
    for (const writer of ['', 'A', 'B']) {
      const node = await serveSecondary(t);
      const epochs: Frame['epochs'] = [{ epoch: 1, writer, firstSeq: 1 }];
      node.feed(1, 1, ['a'], { writer, epochs });
      tags.add((await request(`${node.url}/messages`)).headers.get('etag'));
    }
    assert.equal(tags.size, 3);
  });

  it('breaks off when the log is cut under it, short of the length it has promised', async (t) => {
    const node = await serveSecondary(t);
    const text = 'x'.repeat(1_000_000);
    for (let seq = 1; seq <= 40; seq += 1) node.feed(1, seq, [text]);
    const connection = new RawConnection(Number(new URL(node.url).port));
    t.after(() => connection.destroy());
    connection.send('GET /messages HTTP/1.1\r\nHost: x\r\n\r\n');
    await connection.until('["x');
    connection.pause();
    const epochs: Frame['epochs'] = [{ epoch: 2, writer: 'W', firstSeq: 1 }];
    node.feed(2, 1, ['other'], { writer: 'W', epochs });
    connection.resume();
    await connection.closed();
    assert(connection.received.length < 40_000_000, 'it was broken off');
    assert.deepEqual((await request(`${node.url}/messages`)).body, ['other']);
  });
});

describe('GET /heartbeat on a secondary', () => {
  it('applies the prepare in its headers, and answers with a prepare reply', async (t) => {
    const node = await serveSecondary(t);
    node.feed(1, 1, ['a']);
    const headers = { 'log-id': 'L', 'log-epoch': '3', 'log-writer': 'W' };
    const { body } = await request(`${node.url}/heartbeat`, { headers });
    assert.deepEqual(body, {
      nodeId: 's',
      bootId: 'B',
      logId: 'L',
      epoch: 3,
      length: 1,
      writer: 'W',
      lastEpoch: 1,
      lastWriter: null,
      agreed: false,
      complete: false,
      held: 0,
    });
    assert.deepEqual([node.core.epoch, node.core.writer], [3, 'W']);
    const epochs = [
      { epoch: 1, writer: '', firstSeq: 1 },
      { epoch: 3, writer: 'W', firstSeq: 2 },
    ];
    node.feed(3, 2, [], { writer: 'W', epochs });
    assert.equal((await request(`${node.url}/heartbeat`, { headers })).body.agreed, true);
  });

  it('answers a poll with all it knows of itself, and changes nothing', async (t) => {
    const node = await serveSecondary(t);
    node.feed(1, 1, ['a'], { writer: 'A', epochs: [{ epoch: 1, writer: 'A', firstSeq: 1 }] });
    node.feed(1, 2, [], { writer: 'A', bootId: 'B', completeFrom: 1 });
    const { body } = await request(`${node.url}/heartbeat`, { headers: { 'log-poll': 'true' } });
    assert.deepEqual(body, {
      nodeId: 's',
      bootId: 'B',
      logId: 'L',
      epoch: 1,
      length: 1,
      writer: 'A',
      lastEpoch: 1,
      lastWriter: 'A',
      agreed: false,
      complete: true,
      held: 0,
    });
  });

  const forwards: [bootId: string, epoch: number, complete: boolean, committed: number][] = [
    ['B', 1, true, 2],
    ['an earlier run', 1, false, 0],
  ];
  for (const [bootId, epoch, complete, committed] of forwards) {
    it(`listens to what is said to ${bootId}: ${complete}`, async (t) => {
      const node = await serveSecondary(t);
      const epochs = [{ epoch: 1, writer: 'W', firstSeq: 1 }];
      node.feed(1, 1, ['a', 'b'], { writer: 'W', epochs });
      const headers = {
        'log-id': 'L',
        'log-epoch': '1',
        'log-writer': 'W',
        'boot-id': encodeURIComponent(bootId),
        'log-complete-from': '2',
        'log-committed': '9',
      };
      const { body } = await request(`${node.url}/heartbeat`, { headers });
      assert.deepEqual([body.epoch, body.complete], [epoch, complete]);
      const health = (await request(`${node.url}/health`)).body;
      assert.deepEqual([health.complete, health.committed], [complete, committed]);
    });
  }

  it('adds nothing to an answer without a prepare, and refuses half a prepare', async (t) => {
    const node = await serveSecondary(t);
    const { body } = await request(`${node.url}/heartbeat`);
    assert.deepEqual(body, { nodeId: 's', bootId: 'B', logId: null, epoch: 0, length: 0 });
    const half = await request(`${node.url}/heartbeat`, { headers: { 'log-id': 'L' } });
    assert.deepEqual([half.status, half.body.type], [400, '/problems/bad-request']);
    const odd = { 'log-id': 'L', 'log-epoch': '1', 'log-writer': 'W', 'log-committed': '-1' };
    const third = await request(`${node.url}/heartbeat`, { headers: odd });
    assert.deepEqual([third.status, third.body.type], [400, '/problems/bad-request']);
    assert.equal(node.core.logId, null);
  });
});

describe('POST /replicate on a secondary: incarnations', () => {
  it('refuses what is for another one, and says which it is', async (t) => {
    const node = await serveSecondary(t);
    const frame = { logId: 'L', epoch: 1, writer: 'W', from: 1, messages: ['a'] };
    const send = (bootId: string) =>
      request(`${node.url}/replicate`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson' },
        body: JSON.stringify({ ...frame, bootId, epochs: [[1, 1]], writers: ['W'] }),
      });
    const refused = await send('an earlier run');
    assert.deepEqual([refused.status, refused.body.type], [409, '/problems/boot-mismatch']);
    assert.equal(refused.body.bootId, 'B');
    assert.deepEqual([node.core.logId, node.core.length], [null, 0]);
    const taken = await send('B');
    assert.deepEqual([taken.status, JSON.parse(taken.body).length], [200, 1]);
  });
});

describe('POST /replicate on a secondary: epochs', () => {
  it('wants them from a writer it has not heard, and says so', async (t) => {
    const node = await serveSecondary(t);
    const frame = { logId: 'L', epoch: 1, writer: 'W', from: 1, messages: ['a'] };
    const send = (body: object) =>
      request(`${node.url}/replicate`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson' },
        body: JSON.stringify(body),
      });
    const refused = await send(frame);
    assert.deepEqual([refused.status, refused.body.type], [409, '/problems/epochs-missing']);
    const taken = await send({ ...frame, epochs: [[1, 1]], writers: ['W'] });
    assert.deepEqual([taken.status, JSON.parse(taken.body).length], [200, 1]);
  });

  it('refuses a frame for which the disk has no room with 507', async (t) => {
    const journal = new SlowDisk();
    journal.isFull = true;
    const node = await serveSecondary(t, { journal });
    const refused = await request(`${node.url}/replicate`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: '{"logId":"L","epoch":1,"from":1,"messages":["a"]}',
    });
    assert.deepEqual([refused.status, refused.body.type], [507, '/problems/log-full']);
  });
});
