import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Call } from '../../../src/lib/http/call.ts';
import { isNews, streamHealth } from '../../../src/lib/http/health-stream.ts';
import type { ReadPort } from '../../../src/lib/http/ports.ts';

type Times = readonly [lastSeenMsAgo: number | null, nextAttemptInMs: number | null];

const body = ([lastSeenMsAgo, nextAttemptInMs]: Times, more: object = {}) => ({
  length: 1,
  ...more,
  secondaries: [{ id: 's1', lastSeenMsAgo, nextAttemptInMs }],
});

describe('the health of a node as events', () => {
  const table: [what: string, before: Times, after: Times, elapsedMs: number, isNews: boolean][] = [
    ['time that goes by', [20, null], [520, null], 500, false],
    ['a heartbeat just before the look, as the last time', [20, null], [20, null], 1000, true],
    [
      'a heartbeat, though it was longer ago than the last time',
      [20, null],
      [90, null],
      1000,
      true,
    ],
    ['an attempt that comes nearer', [20, 800], [520, 300], 500, false],
    ['an attempt that is due', [20, 100], [520, 0], 500, false],
    ['an attempt that was put off', [20, 100], [520, 700], 500, true],
    ['an attempt that is planned', [20, null], [520, 700], 500, true],
    ['a secondary heard of', [null, 0], [10, 0], 100, true],
    ['a secondary not heard of', [null, 0], [null, 0], 100, false],
  ];
  for (const [what, before, after, elapsedMs, expected] of table) {
    it(`${expected ? 'tells' : 'does not tell'} ${what}`, () => {
      assert.equal(isNews(body(before), body(after), elapsedMs), expected);
    });
  }

  it('tells all that does not move by itself', () => {
    assert.equal(isNews(body([1, 1]), body([1, 1], { length: 2 }), 0), true);
    assert.equal(isNews({ secondaries: [] }, { secondaries: [] }, 5000), false);
  });

  for (const isDeaf of [false, true]) {
    it(`has ${isDeaf ? 'nothing' : 'comments'} for a ${isDeaf ? 'deaf ' : ''}reader without news`, async () => {
      const written = await streamed(60_000, isDeaf);
      assert.match(written, isDeaf ? /^data: {}\n\n$/ : /^data: {}\n\n(:\n\n){29}$/);
    });
  }
});

/** What is written in `forMs` of a clock of its own to a reader who, if he is deaf, takes the first event and no more. */
async function streamed(forMs: number, isDeaf: boolean): Promise<string> {
  let now = 0;
  let written = '';
  const res = {
    destroyed: false,
    get writableNeedDrain() {
      return isDeaf && written !== '';
    },
    write(text: string) {
      written += text;
    },
    writeHead() {},
    flushHeaders() {},
    end() {},
    once() {},
    removeListener() {},
  };
  const port = {
    now: () => now,
    awaitShown(_seq: number, deadline: number, done: (end: string) => void) {
      now = deadline;
      if (now >= forMs) return null;
      queueMicrotask(() => done('time up'));
      return {};
    },
  };
  const call = { req: { method: 'GET' }, res } as unknown as Call;
  await streamHealth(port as unknown as ReadPort, call, () => ({}));
  return written;
}
