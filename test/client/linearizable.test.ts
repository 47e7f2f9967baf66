/** Linearizable reads: they go on at another node, and again, until one has confirmed them or their time is up. */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { ReplicatedLogClient } from '../../src/client.ts';
import { startMembers } from '../support/members.ts';
import { range } from '../support/range.ts';
import { collected, type FakeNode, fakeNode, json, problem, QUICK } from './support.ts';

const readConcern = 'linearizable';
const LOG = { 'log-length': '3', 'log-epoch': '1', 'log-committed': '2' };

/** The ways of reading, each with the answer that a node gives. */
const READS: Record<
  string,
  {
    read: (client: ReplicatedLogClient, waitMs: number) => Promise<unknown>;
    answer: (res: ServerResponse) => void;
    path: string;
  }
> = {
  'a page': {
    read: (client, waitMs) => client.read({ readConcern, waitMs }),
    answer: (res) => json(res, 200, ['a', 'b'], LOG),
    path: '/messages?from=1&readConcern=linearizable',
  },
  lines: {
    read: (client, waitMs) => collected(client.readAll({ readConcern, waitMs })),
    answer: (res) => {
      res.writeHead(200, { 'content-type': 'application/x-ndjson', ...LOG });
      res.end('{"seq":1,"message":"a"}\n{"seq":2,"message":"b"}\n');
    },
    path: '/messages?from=1&readConcern=linearizable',
  },
  'an entry': {
    read: (client, waitMs) => client.get(2, { readConcern, waitMs }),
    answer: (res) => json(res, 200, { seq: 2, message: 'b' }),
    path: '/messages/2?readConcern=linearizable',
  },
};

const unconfirmed = (res: ServerResponse) =>
  json(res, 503, problem(503, 'not-linearizable'), { 'retry-after': '60' });

function nodesOf(t: TestContext, ...answers: Parameters<typeof fakeNode>[1][]) {
  return Promise.all(answers.map((answer) => fakeNode(t, answer)));
}

function clientOf(nodes: readonly FakeNode[]): ReplicatedLogClient {
  return new ReplicatedLogClient({ nodes: nodes.map(({ url }) => url), ...QUICK });
}

describe('a linearizable read', () => {
  for (const [name, { read, answer, path }] of Object.entries(READS)) {
    it(`of ${name} goes on at another node, which may wait as long`, async (t) => {
      const dead = (res: ServerResponse) => res.socket?.resetAndDestroy();
      const nodes = await nodesOf(t, unconfirmed, dead, answer);
      await read(clientOf(nodes), 9000);
      assert.deepEqual(
        nodes.map(({ seen }) => seen.map(({ url, headers }) => [url, headers.prefer])),
        Array(3).fill([[path, 'wait=3']]),
      );
    });

    it(`of ${name} is tried again, until its time is up`, async (t) => {
      let asked = 0;
      const nodes = await nodesOf(t, unconfirmed, (res) => {
        asked += 1;
        return asked < 4 ? unconfirmed(res) : answer(res);
      });
      await read(clientOf(nodes), 20_000);
      assert.equal(asked, 4);
      const never = await nodesOf(t, unconfirmed, unconfirmed);
      const begin = performance.now();
      await assert.rejects(read(clientOf(never), 200), { problem: 'not-linearizable' });
      assert(performance.now() - begin >= 200);
      assert((never[0]?.seen.length ?? 0) > 1);
    });

    it(`of ${name} passes over a secondary that never becomes the master`, async (t) => {
      const cannot = (res: ServerResponse) => json(res, 400, problem(400, 'bad-request'));
      const nodes = await nodesOf(t, cannot, answer);
      await read(clientOf(nodes), 1000);
      const none = await nodesOf(t, cannot, cannot);
      await assert.rejects(read(clientOf(none), 20_000), { problem: 'bad-request' });
      assert.equal(none[1]?.seen.length, 1);
    });
  }

  it('that breaks off goes on with what the first node has confirmed', async (t) => {
    const begin = (res: ServerResponse) => {
      res.writeHead(200, { 'content-type': 'application/x-ndjson', ...LOG });
      return res;
    };
    const [first, second] = (await nodesOf(
      t,
      (res) => begin(res).write('{"seq":1,"message":"a"}\n', () => res.destroy()),
      (res) => begin(res).end('{"seq":2,"message":"b"}\n'),
    )) as [FakeNode, FakeNode];
    const entries = await collected(clientOf([first, second]).readAll({ readConcern }));
    assert.equal(entries.map(({ message }) => message).join(), 'a,b');
    assert.equal(second.seen[0]?.url, '/messages?from=2&limit=1&minSeq=2&readConcern=majority');
  });

  it('shows at every member what another client was acknowledged, over an election', async (t) => {
    const members = await startMembers(t);
    const writer = new ReplicatedLogClient({ nodes: members.urls });
    const readers = members.urls.map(
      (_, index) =>
        new ReplicatedLogClient({
          nodes: [...members.urls.slice(index), ...members.urls.slice(0, index)],
          backoffMaxMs: 200,
        }),
    );
    const check = async (text: string) => {
      const { seq } = await writer.append(text, { w: 'majority' });
      for (const reader of readers) {
        const { messages } = await reader.read({ readConcern, waitMs: 20_000 });
        assert.equal(messages.at(-1), text);
        assert.equal((await reader.get(seq, { readConcern, waitMs: 20_000 })).message, text);
        const entries = await collected(reader.readAll({ readConcern, waitMs: 20_000 }));
        assert.equal(entries.length, seq);
      }
    };
    await check('before');
    await (await members.master()).kill();
    for (const number of range(1, 3)) await check(`after ${number}`);
  });
});
