/** Answers that break off, nodes that send too much or too little, and slow readers. */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { LogResetError, NoAnswerError, ReplicatedLogClient } from '../../src/client.ts';
import { startCluster } from '../support/cluster.ts';
import { range } from '../support/range.ts';
import { waitFor } from '../support/wait.ts';
import {
  collected,
  type FakeNode,
  fakeNode,
  json,
  problem,
  QUICK,
  RecordedTail,
} from './support.ts';

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
    const tail = new RecordedTail(t, client);
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

const resetEvent = (from: number, logId = 'M', reason = 'cut') =>
  `id: ${from - 1}-${logId}\nevent: reset\ndata: ${JSON.stringify({ from, logId, reason })}\n\n`;
/** With an id that has more than the seq. */
const fullEvent = (seq: number, logId = 'L') => event(seq).replace('\n', `-${logId}\n`);

describe('a tail that is reset', () => {
  it('throws, and goes on after the id that the error has', async (t) => {
    const node = await fakeNode(t, (res, { headers }) => {
      const after = headers['last-event-id'] as string;
      if (after.endsWith('-M')) events(res).write(fullEvent(3, 'M') + fullEvent(4, 'M'));
      else events(res).write([1, 2, 3, 4].map((seq) => fullEvent(seq)).join('') + resetEvent(3));
    });
    const client = new ReplicatedLogClient({ nodes: [node.url], ...QUICK });
    const seqs: number[] = [];
    const error = await (async () => {
      for await (const { seq, id } of client.tail()) {
        seqs.push(seq);
        assert.equal(id, `${seq}-L`);
      }
    })().catch((error) => error);
    assert(error instanceof LogResetError);
    const { from, logId, reason, id } = error;
    assert.deepEqual([from, logId, reason, id], [3, 'M', 'cut', '2-M']);
    assert.match(error.message, /from seq 3 on .* cut off \(M\)/);
    assert.deepEqual(seqs, [1, 2, 3, 4]);
    for await (const { seq } of client.tail({ after: id })) {
      seqs.push(seq);
      if (seq === 4) break;
    }
    assert.deepEqual(seqs, [1, 2, 3, 4, 3, 4]);
  });

  it('calls `onReset` and goes on where it says, with the ids of the other log', async (t) => {
    const first = await fakeNode(t, (res) => {
      events(res).end(fullEvent(1) + fullEvent(2));
    });
    const other = await fakeNode(t, (res, _, index) => {
      if (index > 0) events(res).write(fullEvent(2, 'M') + fullEvent(3, 'M'));
      else events(res).end(resetEvent(1, 'M', 'other-log') + fullEvent(1, 'M'));
    });
    const nodes = [first.url, other.url, other.url];
    const client = new ReplicatedLogClient({ nodes, ...QUICK });
    const seen: unknown[] = [];
    for await (const { id } of client.tail({ onReset: (reset) => seen.push(reset) })) {
      seen.push(id);
      if (id === '3-M') break;
    }
    const reset = { from: 1, logId: 'M', reason: 'other-log' };
    assert.deepEqual(seen, ['1-L', '2-L', reset, '1-M', '2-M', '3-M']);
    const asked = [...first.seen, ...other.seen].map(({ headers }) => headers['last-event-id']);
    assert.deepEqual(asked, ['0', '2-L', '1-M']);
  });

  it('ends with what `onReset` throws, and leaves nodes whose resets make no sense', async (t) => {
    const strange = [
      resetEvent(9),
      resetEvent(0),
      resetEvent(1, 'M', 'whim'),
      'event: reset\ndata: null\n\n',
      'event: reset\ndata: {"from":1,"reason":"cut"}\n\n',
    ];
    const node = await fakeNode(t, (res, _, index) => {
      const next = strange[index - 1];
      if (index === 0) events(res).end(fullEvent(1) + fullEvent(2));
      else if (next !== undefined) events(res).end(next);
      else events(res).write(resetEvent(2));
    });
    const client = new ReplicatedLogClient({ nodes: [node.url], ...QUICK });
    const onReset = ({ from }: { from: number }) => {
      throw new Error(`reset from ${from}`);
    };
    await assert.rejects(collected(client.tail({ onReset })), /reset from 2/);
    assert.equal(node.seen.length, strange.length + 2);
  });

  it('takes no `after` that is no id', async (t) => {
    const node = await fakeNode(t, (res) => res.end());
    const client = new ReplicatedLogClient({ nodes: [node.url], ...QUICK });
    for (const after of ['', 'x', '-1', '3-a\nb', '3 ']) {
      await assert.rejects(collected(client.tail({ after })), TypeError);
    }
    assert.equal(node.seen.length, 0);
  });
});

/** The headers of `/messages` of a fake node. */
interface Shown {
  readonly length: number;
  readonly epoch?: number;
  readonly logId?: string;
}

/** A node that shows more at each request, up to the last of `shown`, but sends tails only the first. */
async function showing(t: TestContext, ...shown: [Shown, ...Shown[]]) {
  let asked = 0;
  return fakeNode(t, (res, { method, headers }) => {
    const now = shown[Math.min(asked, shown.length - 1)] as Shown;
    if (method === 'HEAD') asked += 1;
    const { length, epoch = 1, logId = 'L' } = now;
    const log = length === 0 ? {} : { 'log-id': logId };
    const position = { 'log-length': length, 'log-epoch': epoch, ...log };
    res.writeHead(200, { 'content-type': 'text/event-stream', ...position });
    if (method === 'HEAD') res.end();
    else {
      const after = Number(headers['last-event-id']);
      res.write(
        `:\n\n${range(after + 1, shown[0].length)
          .map(event)
          .join('')}`,
      );
    }
  });
}

const methodsOf = ({ seen }: FakeNode) => seen.map(({ method }) => method).join(' ');

describe('a tail of a node that has nothing more to tell', () => {
  const tailCheckMs = 40;
  const start = (t: TestContext, ...nodes: FakeNode[]) => {
    const urls = nodes.map(({ url }) => url);
    return new RecordedTail(t, new ReplicatedLogClient({ nodes: urls, tailCheckMs, ...QUICK }));
  };

  it('goes on at one that shows more, without gap or repeat', async (t) => {
    const stuck = await showing(t, { length: 2 });
    const dead = await fakeNode(t, (res) => res.destroy());
    const other = await showing(t, { length: 5 });
    const tail = start(t, stuck, dead, other);
    await tail.until(5);
    assert.deepEqual(tail.seqs, range(1, 5));
    const [tailing] = other.seen.filter(({ method }) => method === 'GET');
    assert.equal(tailing?.headers['last-event-id'], '2');
    assert(methodsOf(stuck).startsWith('GET HEAD HEAD'), 'it had time to catch up');
  });

  it('leaves one that hangs', async (t) => {
    const hung = await fakeNode(t, (res, { method }) => {
      const position = { 'log-length': 2, 'log-epoch': 1, 'log-id': 'L' };
      if (method === 'HEAD') return;
      res.writeHead(200, { 'content-type': 'text/event-stream', ...position });
      res.write(event(1) + event(2));
    });
    const other = await showing(t, { length: 3 });
    const tail = await start(t, hung, other).until(3);
    assert.deepEqual(tail.seqs, [1, 2, 3]);
    const tailing = other.seen.find(({ method }) => method === 'GET');
    assert.equal(tailing?.headers['last-event-id'], '2');
  });

  it('leaves one that has lost all it had', async (t) => {
    const empty = await showing(t, { length: 0, epoch: 0 });
    const tail = start(t, empty, await showing(t, { length: 2, epoch: 3 }));
    await tail.until(2);
  });

  it('asks one node once in an interval while none shows more, and stays', async (t) => {
    const quiet = await showing(t, { length: 2 });
    const others = [await showing(t, { length: 2 }), await showing(t, { length: 1 })];
    const tail = start(t, quiet, ...others);
    const asked = () => others.flatMap(({ seen }) => seen).sort((a, b) => a.at - b.at);
    await waitFor('some intervals', () => asked().length > 5);
    for (const [index, { method, at }] of asked().entries()) {
      assert.equal(method, 'HEAD');
      const before = asked()[index - 1]?.at ?? 0;
      assert(at - before > tailCheckMs - 2, `${at - before} ms after the one before`);
    }
    assert.deepEqual([methodsOf(quiet), tail.seqs], ['GET', [1, 2]]);
  });

  const growing = (logId: string, epoch: number) =>
    range(1, 99).map((length) => ({ length, logId, epoch })) as [Shown];
  const left: Record<string, [own: [Shown, ...Shown[]], theirs: [Shown, ...Shown[]]]> = {
    'a shorter log of a newer master': [[{ length: 5 }], [{ length: 3, epoch: 2 }]],
    'another log that grows, and ours does not': [[{ length: 5, epoch: 7 }], growing('M', 1)],
    'a shorter log, and ours is lost': [
      [{ length: 5 }, { length: 0 }],
      [{ length: 1, logId: 'M' }],
    ],
  };
  for (const [what, [own, theirs]] of Object.entries(left)) {
    it(`goes to one that shows ${what}, and lets it compare`, async (t) => {
      const nodes = [await showing(t, ...own), await showing(t, ...theirs)] as const;
      await start(t, ...nodes).until(5);
      const tailing = () => nodes[1].seen.find(({ method }) => method === 'GET');
      await waitFor('it to go there', () => tailing() !== undefined);
      assert.equal(tailing()?.headers['last-event-id'], '5');
    });
  }

  const kept: Record<string, [own: [Shown, ...Shown[]], theirs: [Shown, ...Shown[]]]> = {
    'the log of an older master': [[{ length: 2, epoch: 2 }], [{ length: 9, epoch: 1 }]],
    'another log': [[{ length: 2 }], [{ length: 9, epoch: 3, logId: 'M' }]],
    'as much, to who is slow to take it': [[{ length: 2 }, { length: 9 }], [{ length: 9 }]],
    'what ours shows an interval later': [
      range(1, 10).map((length) => ({ length: 2 * length })) as [Shown],
      range(2, 10).map((length) => ({ length: 2 * length })) as [Shown],
    ],
  };
  for (const [what, [own, theirs]] of Object.entries(kept)) {
    it(`stays though another one shows ${what}`, async (t) => {
      const nodes = [await showing(t, ...own), await showing(t, ...theirs)] as const;
      start(t, ...nodes);
      await waitFor('some questions', () => nodes[1].seen.length > 6);
      assert(!methodsOf(nodes[1]).includes('GET'), methodsOf(nodes[1]));
      assert.match(methodsOf(nodes[0]), /^GET( HEAD)*$/);
    });
  }
});
