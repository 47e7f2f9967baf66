/** Tails at a secondary whose log is cut or replaced: each follower is told from which seq on. */
import assert from 'node:assert/strict';
import { get, type IncomingMessage } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import type { EpochStart } from '../../../src/lib/core/log/epochs.ts';
import { EventReader } from '../../support/events.ts';
import { range } from '../../support/range.ts';
import { waitFor } from '../../support/wait.ts';
import { type ServedSecondary, serveSecondary } from '../replication/secondary-server.ts';

function follow(t: TestContext, { url }: { url: string }, after = '', query = ''): EventReader {
  const reader = new EventReader(`${url}/messages${query}`, { 'last-event-id': after });
  t.after(() => reader.close());
  return reader;
}

const start = (epoch: number, firstSeq: number, writer: string = ''): EpochStart => ({
  epoch,
  firstSeq,
  writer,
});
const OLD = ['A', 'B', 'C', 'D', 'E'];
const NEW = ['A', 'B', 'x', 'y', 'z', 'F'];

/** A secondary of A to E. */
async function serveOld(t: TestContext): Promise<ServedSecondary> {
  const node = await serveSecondary(t);
  node.feed(1, 1, OLD);
  return node;
}

/** Another master, which never had C D E. */
function cut(node: ServedSecondary): void {
  node.feed(2, 3, ['x', 'y', 'z'], { epochs: [start(1, 1), start(2, 3)] });
}

describe('a tail', () => {
  it('is told what was cut off while it listened, and goes on there', async (t) => {
    const node = await serveOld(t);
    const live = await follow(t, node).until(5);
    cut(node);
    node.feed(2, 6, ['F']);
    await live.untilLog(NEW);
    assert.deepEqual(live.resets, [{ from: 3, logId: 'L', reason: 'cut' }]);
    assert.deepEqual(live.messages, [...OLD, 'x', 'y', 'z', 'F']);
  });

  it('is told what was cut off while it was away', async (t) => {
    const node = await serveOld(t);
    const { lastId } = await follow(t, node).until(5);
    cut(node);
    node.feed(2, 6, ['F']);
    const again = await follow(t, node, lastId).until(5);
    assert.deepEqual(again.resets, [{ from: 3, logId: 'L', reason: 'cut' }]);
    assert.deepEqual(again.messages, ['x', 'y', 'z', 'F']);
  });

  it('is told of another log', async (t) => {
    const { lastId } = await follow(t, await serveOld(t)).until(5);
    const other = await serveSecondary(t);
    other.feed(1, 1, ['1', '2', '3', '4', '5', '6', '7'], { logId: 'M' });
    const again = await follow(t, other, lastId).until(8);
    assert.deepEqual(again.resets, [{ from: 1, logId: 'M', reason: 'other-log' }]);
    assert.deepEqual(again.seqs, [1, 2, 3, 4, 5, 6, 7]);
    assert.deepEqual(again.events[0]?.id, '0');
  });

  it('is told before anything else comes, when a newer master has less', async (t) => {
    const node = await serveOld(t);
    const live = await follow(t, node).until(5);
    node.feed(2, 3, [], { epochs: [start(1, 1), start(2, 3)] });
    const again = follow(t, node, live.lastId);
    for (const tail of [live, again]) {
      await waitFor('the reset', () => tail.resets.length === 1);
      assert.deepEqual(tail.resets, [{ from: 3, logId: 'L', reason: 'cut' }]);
    }
    // A reader that disconnects now has the id of the last entry that is left.
    const later = follow(t, node, live.lastId);
    node.feed(2, 3, ['x', 'y']);
    await later.until(2);
    assert.deepEqual([later.resets, later.messages], [[], ['x', 'y']]);
  });

  it('is told of a cut by a seq alone while it listens; before that nobody can know', async (t) => {
    const node = await serveOld(t);
    const live = follow(t, node, '5');
    await waitFor('the headers', () => live.status === 200);
    cut(node);
    node.feed(2, 6, ['F']);
    await live.until(5);
    assert.deepEqual(live.resets, [{ from: 3, logId: 'L', reason: 'cut' }]);
    const late = await follow(t, node, '5').until(1);
    assert.deepEqual([late.resets, late.messages], [[], ['F']]);
  });

  it('goes on without a reset at a node that is behind, once that has caught up', async (t) => {
    const node = await serveOld(t);
    cut(node);
    const { lastId } = await follow(t, node).until(5);
    const behind = await serveSecondary(t);
    const tail = follow(t, behind, lastId);
    await waitFor('the headers', () => tail.status === 200);
    behind.feed(1, 1, ['A', 'B', 'C']);
    behind.feed(2, 3, [], { epochs: [start(1, 1), start(2, 3)] });
    behind.feed(2, 3, ['x']);
    behind.feed(2, 4, ['y', 'z', 'F']);
    await tail.until(1);
    assert.deepEqual([tail.resets, tail.messages], [[], ['F']]);
  });

  it('is told by a node that shows another entry at that seq', async (t) => {
    const node = await serveOld(t);
    cut(node);
    const { lastId } = await follow(t, node).until(5);
    const stale = await follow(t, await serveOld(t), lastId).until(4);
    assert.deepEqual(stale.resets, [{ from: 3, logId: 'L', reason: 'cut' }]);
    assert.deepEqual(stale.messages, ['C', 'D', 'E']);
  });

  it('ends after `limit` messages in all, also when a reset comes between', async (t) => {
    const node = await serveOld(t);
    const live = await follow(t, node, '', '?limit=8').until(5);
    const { lastId } = live;
    cut(node);
    node.feed(2, 6, ['F']);
    await live.closed();
    assert.deepEqual(live.messages, [...OLD, 'x', 'y', 'z']);
    const again = await follow(t, node, lastId, '?limit=2').closed();
    assert.deepEqual([again.resets.length, again.messages], [1, ['x', 'y']]);
    const rest = await follow(t, node, again.lastId, '?limit=2').closed();
    assert.deepEqual([rest.resets.length, rest.messages], [0, ['z', 'F']]);
  });

  it('that is slow is told so in the middle of what it is sent', async (t) => {
    const node = await serveSecondary(t);
    const long = (seq: number) => `${seq} ${'x'.repeat(100_000)}`;
    // More than the system buffers for a reader that does not read.
    for (const from of range(0, 29)) {
      node.feed(
        1,
        10 * from + 1,
        range(1, 10).map((i) => long(10 * from + i)),
      );
    }
    const response = await new Promise<IncomingMessage>((resolve) => {
      get(`${node.url}/messages?limit=310`, { headers: { accept: 'text/event-stream' } }, resolve);
    });
    await new Promise((resolve) => response.once('readable', resolve));
    node.feed(2, 2, ['x'], { epochs: [start(1, 1), start(2, 2)] });
    let text = '';
    const until = async (wanted: string) => {
      for await (const chunk of response) {
        text += chunk;
        if (text.includes(wanted)) return;
      }
    };
    await until('"message":"x"');
    response.destroy();
    const blocks = text.split('\n\n').slice(0, -1);
    const at = blocks.findIndex((block) => block.includes('event: reset'));
    assert(at > 1 && at < 300, `${at} of ${blocks.length} messages before it`);
    assert.match(blocks[at] as string, /data: {"from":2,"logId":"L","reason":"cut"}/);
    assert.match(blocks[at + 1] as string, /^id: 2-\S*\ndata: {"seq":2,"message":"x"}$/);
    for (const [index, block] of blocks.slice(0, at).entries()) {
      assert(
        block.endsWith(`data: ${JSON.stringify({ seq: index + 1, message: long(index + 1) })}`),
      );
    }
  });
});

describe('lines', () => {
  it('break off visibly when the log is cut meanwhile', async (t) => {
    const node = await serveSecondary(t);
    for (const from of range(0, 29)) {
      node.feed(1, 10 * from + 1, Array(10).fill('x'.repeat(100_000)));
    }
    const headers = { accept: 'application/x-ndjson' };
    const response = await new Promise<IncomingMessage>((resolve) => {
      get(`${node.url}/messages`, { headers }, resolve);
    });
    await new Promise((resolve) => response.once('readable', resolve));
    node.feed(2, 2, ['x'], { epochs: [start(1, 1), start(2, 2)] });
    await assert.rejects(async () => {
      for await (const _ of response);
    }, /aborted/);
  });
});
