/** Reading only what is committed: pages, lines, single entries and tails. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { EventReader } from '../../support/events.ts';
import { waitFor } from '../../support/wait.ts';
import { type ServedSecondary, serveSecondary } from '../replication/secondary-server.ts';

/** A secondary of A to E, of which A and B are committed. */
async function serve(t: TestContext): Promise<ServedSecondary> {
  const node = await serveSecondary(t);
  const start = { epoch: 1, writer: '', firstSeq: 1 };
  node.feed(1, 1, ['A', 'B', 'C', 'D', 'E'], { epochs: [start], committed: 2 });
  return node;
}

/** The master says what is committed. */
function commit(node: ServedSecondary, committed: number): void {
  node.feed(1, node.core.length + 1, [], { committed });
}

async function read({ url }: ServedSecondary, path: string, headers: Record<string, string> = {}) {
  const response = await fetch(url + path, { headers });
  const { status } = response;
  const text = await response.text();
  const header = (name: string) => response.headers.get(name);
  return { status, text, header, problem: () => JSON.parse(text) };
}

describe('readConcern=majority', () => {
  it('shows pages and lines up to what is committed', async (t) => {
    const node = await serve(t);
    const lines = { accept: 'application/x-ndjson' };
    const all = await read(node, '/messages');
    const committed = await read(node, '/messages?readConcern=majority');
    assert.deepEqual([all.text, committed.text], ['["A","B","C","D","E"]', '["A","B"]']);
    for (const { header } of [all, committed]) {
      assert.deepEqual([header('log-length'), header('log-committed')], ['5', '2']);
    }
    assert.equal((await read(node, '/messages?readConcern=majority&from=2&limit=9')).text, '["B"]');
    assert.equal((await read(node, '/messages?readConcern=majority&from=3')).text, '[]');
    const { text } = await read(node, '/messages?readConcern=majority&from=2', lines);
    assert.equal(text, '{"seq":2,"message":"B"}\n');
    commit(node, 4);
    const more = await read(node, '/messages?readConcern=majority');
    assert.deepEqual([more.text, more.header('log-committed')], ['["A","B","C","D"]', '4']);
  });

  it('has entity tags of its own', async (t) => {
    const node = await serve(t);
    const tagOf = async (path: string) => (await read(node, path)).header('etag') as string;
    const local = await tagOf('/messages?limit=2');
    const majority = await tagOf('/messages?limit=2&readConcern=majority');
    assert.notEqual(local, majority);
    assert.equal(await tagOf('/messages?limit=2&readConcern=local'), local);
    const headers = { 'if-none-match': majority };
    const again = await read(node, '/messages?limit=2&readConcern=majority', headers);
    assert.deepEqual([again.status, again.header('log-committed')], [304, '2']);
  });

  it('shows single entries that are committed, 404 for others', async (t) => {
    const node = await serve(t);
    const shown = await read(node, '/messages/2?readConcern=majority');
    assert.deepEqual([shown.status, shown.header('log-committed')], [200, '2']);
    const hidden = await read(node, '/messages/3?readConcern=majority');
    assert.deepEqual([hidden.status, hidden.header('log-committed')], [404, '2']);
    assert.match(hidden.problem().detail, /2 are known to be committed/);
    assert.equal((await read(node, '/messages/3')).status, 200);
    assert.equal((await read(node, '/messages/3?readConcern=local')).status, 200);
  });

  it('waits with `minSeq` until that is committed', async (t) => {
    const node = await serve(t);
    const path = '/messages?readConcern=majority&minSeq=4';
    const early = await read(node, path, { prefer: 'wait=0' });
    const { type, length, committed, minSeq } = early.problem();
    assert.deepEqual([type, length, committed, minSeq], ['/problems/not-caught-up', 5, 2, 4]);
    assert.equal(early.header('log-committed'), '2');
    const waiting = read(node, path, { prefer: 'wait=20' });
    commit(node, 3);
    commit(node, 4);
    assert.equal((await waiting).text, '["A","B","C","D"]');
    assert.equal((await read(node, '/messages?minSeq=5')).status, 200);
  });

  it('tells tails what is committed, when it is', async (t) => {
    const node = await serve(t);
    const tail = new EventReader(`${node.url}/messages?readConcern=majority`);
    t.after(() => tail.close());
    await tail.until(2);
    commit(node, 4);
    await tail.until(4);
    assert.deepEqual(tail.messages, ['A', 'B', 'C', 'D']);
    assert.equal(tail.headers['log-committed'], '2');
  });

  it('resets no tail for what was cut off, as it was not told that', async (t) => {
    const node = await serve(t);
    const url = `${node.url}/messages?readConcern=majority`;
    const tail = await new EventReader(url).until(2);
    const all = await new EventReader(`${node.url}/messages`).until(5);
    t.after(() => [tail, all].map((reader) => reader.close()));
    const [one, two] = [
      { epoch: 1, writer: '', firstSeq: 1 },
      { epoch: 2, writer: '', firstSeq: 3 },
    ];
    node.feed(2, 3, ['x', 'y', 'z'], { epochs: [one, two] });
    node.feed(2, 6, ['F'], { committed: 5 });
    await tail.until(5);
    assert.deepEqual([tail.resets, tail.messages], [[], ['A', 'B', 'x', 'y', 'z']]);
    await all.untilLog(['A', 'B', 'x', 'y', 'z', 'F']);
    assert.deepEqual(all.resets, [{ from: 3, logId: 'L', reason: 'cut' }]);
  });

  it('waits with a reader who comes from a node that knew more to be committed', async (t) => {
    const epochs = [
      { epoch: 1, writer: '', firstSeq: 1 },
      { epoch: 2, writer: '', firstSeq: 3 },
    ];
    const first = await serveSecondary(t);
    first.feed(2, 1, ['A', 'B', 'C', 'D', 'E'], { epochs, committed: 5 });
    const url = '/messages?readConcern=majority';
    const { lastId } = await new EventReader(first.url + url).until(5);
    // It has what an older master wrote to no other node.
    const stale = await serveSecondary(t);
    const old = { epochs: epochs.slice(0, 1), committed: 2 };
    stale.feed(1, 1, ['A', 'B', 'c', 'd', 'e', 'f'], old);
    const tail = new EventReader(stale.url + url, { 'last-event-id': lastId });
    t.after(() => tail.close());
    await waitFor('the headers', () => tail.status === 200);
    stale.feed(2, 3, ['C', 'D', 'E', 'F'], { epochs, committed: 6 });
    await tail.until(1);
    assert.deepEqual([tail.resets, tail.messages], [[], ['F']]);
  });
});

describe('readConcern', () => {
  it('is refused where it is none, or where a secondary cannot confirm it', async (t) => {
    const node = await serve(t);
    for (const path of ['/messages', '/messages/1']) {
      for (const value of ['', 'Majority', 'all', '1', 'linearizable']) {
        const { status, problem, header } = await read(node, `${path}?readConcern=${value}`);
        assert.deepEqual([status, problem().type], [400, '/problems/bad-request'], value);
        if (value === 'linearizable') assert.match(problem().detail, /is for the master/);
        assert.equal(header('log-committed'), '2');
      }
    }
  });
});
