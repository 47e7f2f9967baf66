/** Where the page marks the epochs of a log. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FollowedLog } from '../../../src/lib/core/concerns/follower.ts';
import { eventIdAt } from '../../../src/lib/wire/event-id.ts';
import { documentOf, scripts, turn } from './scripts.ts';

type Start = readonly [firstSeq: number, epoch: number];

/** The script alone, on a node whose log was written under these epochs. */
function page(length: number, ...starts: Start[]) {
  const asked: number[] = [];
  const node = { length, epoch: starts.at(-1)?.[1] ?? 0, starts };
  const health = { logId: 'L', discarded: 0, role: 'master', length, epoch: node.epoch };
  let isTold = 0;
  const globals = {
    AbortSignal,
    health: health as typeof health | null,
    hasContact: true,
    isElected: true,
    mayAsk: () => true,
    document: documentOf({ cluster: 'elected' }),
    throttled: (_: number, work: () => void) => work,
    call: async (path: string) => {
      const seq = Number(/^\/messages\?from=(\d+)&limit=1$/.exec(path)?.[1]);
      asked.push(seq);
      const epochs = node.starts.map(([firstSeq, epoch]) => ({ firstSeq, epoch, writer: 'w' }));
      const log = { logId: 'L', log: { epochs } } as unknown as FollowedLog;
      const event = `id: ${seq}${eventIdAt(log, seq).rest}\ndata: {"seq":${seq}}\n\n`;
      return { text: async () => event };
    },
    told: () => {
      isTold += 1;
    },
  };
  const run = scripts(['data/epochs.js'], globals);
  run('epochListeners.push(told)');
  const look = async () => {
    await (run('lookForEpochs()') as Promise<void>);
    await turn();
  };
  return { node, health, asked, run, look, times: () => isTold };
}

describe('the epochs of a log', () => {
  it('are found with a request for each, and not asked for again', async () => {
    const { asked, run, look, health, node, times } = page(30, [1, 1], [11, 3], [25, 4]);
    await look();
    assert.deepEqual(asked, [30, 24, 10]);
    assert.deepEqual(
      [1, 10, 11, 24, 25, 30].map((seq) => run(`epochAt(${seq})`)),
      [1, 1, 3, 3, 4, 4],
    );
    assert.deepEqual(
      [1, 10, 11, 25, 26].map((seq) => run(`epochFrom(${seq})`)),
      [null, null, 3, 4, null],
    );
    Object.assign(health, { length: 35 });
    Object.assign(node, { length: 35 });
    await look();
    assert.deepEqual([asked.length, times()], [3, 1]);
    assert.equal(run('epochAt(35)'), 4);
  });

  it('are looked for when a new master has written something', async () => {
    const { asked, run, look, health, node } = page(10, [1, 1]);
    await look();
    assert.deepEqual(asked, [10]);
    // It is elected, and has written nothing.
    health.epoch = 2;
    await look();
    await look();
    assert.deepEqual([asked, run('epochAt(10)')], [[10, 10], 1]);
    Object.assign(node, {
      starts: [
        [1, 1],
        [11, 2],
      ],
    });
    health.length = 12;
    await look();
    await look();
    assert.deepEqual([asked, run('epochFrom(11)')], [[10, 10, 12, 10], 2]);
  });

  it('are not looked for far back, however many there are', async () => {
    const { asked, look, run } = page(1000, [1, 1], [900, 2]);
    await look();
    assert.deepEqual(asked, [1000, 899]);
    assert.equal(run('epochAt(1)'), 1);
    const short = page(100, ...Array.from({ length: 100 }, (_, i): Start => [i + 1, i + 1]));
    await short.look();
    assert.equal(short.asked.length, 8);
    assert.equal(short.run('epochAt(50)'), null);
  });

  it('are none of an answer that names none', () => {
    const { run } = page(1, [1, 1]);
    for (const event of ['', ':', 'id: 7', 'event: reset\nid: 0']) {
      assert.equal(run(`epochInEvent(${JSON.stringify(event)})`), null);
    }
  });
});
