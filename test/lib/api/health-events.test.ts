import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { HealthFeed, isNews } from '../../../src/lib/api/health-events.ts';
import type { RequestContext } from '../../../src/lib/http/request-context.ts';

type Times = readonly [lastSeenMsAgo: number | null, nextAttemptInMs: number | null];

const ON_TIME_MS = 2000;

const body = ([lastSeenMsAgo, nextAttemptInMs]: Times, more: object = {}) => ({
  length: 1,
  ...more,
  secondaries: [{ id: 's1', lastSeenMsAgo, nextAttemptInMs }],
});

describe('the health of a node as events', () => {
  const table: [what: string, before: Times, after: Times, elapsedMs: number, isNews: boolean][] = [
    ['time that goes by', [20, null], [520, null], 500, false],
    ['a heartbeat just before the look, as the last time', [20, null], [20, null], 1000, false],
    ['a heartbeat that came in time', [1990, null], [0, null], 1000, false],
    ['a heartbeat that is late', [20, null], [2001, null], 1981, true],
    ['that it goes on being late', [2001, null], [9001, null], 7000, false],
    ['a heartbeat that came too late', [2001, null], [10, null], 500, true],
    [
      'one that came too late, and the next is late as well',
      [9000, null],
      [2500, null],
      3000,
      true,
    ],
    ['an attempt that comes nearer', [20, 800], [520, 300], 500, false],
    ['an attempt that is due', [20, 100], [520, 0], 500, false],
    ['an attempt that was put off', [20, 100], [520, 700], 500, true],
    ['an attempt that was put off, of who was never heard', [null, 100], [null, 700], 500, true],
    ['an attempt that is planned', [20, null], [520, 700], 500, true],
    ['a secondary heard of', [null, 0], [10, 0], 100, true],
    ['a secondary not heard of', [null, 0], [null, 0], 100, false],
  ];
  for (const [what, before, after, elapsedMs, expected] of table) {
    it(`${expected ? 'tells' : 'does not tell'} ${what}`, () => {
      assert.equal(isNews(body(before), body(after), elapsedMs, ON_TIME_MS), expected);
    });
  }

  it('tells all that does not move by itself', () => {
    assert.equal(isNews(body([1, 1]), body([1, 1], { length: 2 }), 0, ON_TIME_MS), true);
    assert.equal(isNews({ secondaries: [] }, { secondaries: [] }, 5000, ON_TIME_MS), false);
  });
});

/** A node with a virtual clock, and the followers of its health. */
class Node {
  now = 0;
  looks = 0;
  length = 0;
  onLook = () => {};
  readonly #waits: { deadline: number; onEnd: (end: string) => void }[] = [];
  #isStopped = false;
  readonly feed = new HealthFeed(
    {
      now: () => this.now,
      awaitShown: (_seq, deadline, onEnd) => {
        if (this.#isStopped) return null;
        this.#waits.push({ deadline, onEnd: onEnd as (end: string) => void });
        return {} as never;
      },
    },
    () => {
      this.looks += 1;
      this.onLook();
      return { length: this.length } as object;
    },
  );

  /** Lets time pass in steps that are shorter than any wait. */
  async passes(ms: number): Promise<void> {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += 50;
      for (const wait of this.#waits.splice(0)) {
        if (wait.deadline <= this.now) wait.onEnd('time-is-up');
        else this.#waits.push(wait);
      }
      await this.settles();
    }
  }

  /** Waits until all followers were sent to, which takes many turns. */
  async settles(): Promise<void> {
    for (let i = 0; i < 40; i += 1) await turn();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const { onEnd } of this.#waits.splice(0)) onEnd('stopping');
    await this.settles();
  }
}

/** A follower, which reads what is written unless it is deaf. */
class Follower {
  readonly written: string[] = [];
  isDeaf = false;
  destroyed = false;
  isEnded = false;
  #onClose = () => {};
  /** Called at each write; may let time pass. */
  onWrite = () => {};

  constructor(node: Node, method = 'GET') {
    node.feed.follow({ req: { method }, res: this } as unknown as RequestContext);
  }

  get writableNeedDrain(): boolean {
    return this.isDeaf;
  }

  write(bytes: Buffer): void {
    this.written.push(bytes.toString());
    this.onWrite();
  }

  writeHead(): void {}
  flushHeaders(): void {}

  end(): void {
    this.isEnded = true;
  }

  once(_event: string, listener: () => void): void {
    this.#onClose = listener;
  }

  close(): void {
    this.destroyed = true;
    this.#onClose();
  }

  /** The events since the last call, without the comments. */
  news(): string[] {
    return this.written.splice(0).filter((text) => text !== ':\n\n');
  }
}

const event = (length: number) => `data: {"length":${length}}\n\n`;

describe('HealthFeed', () => {
  it('looks once for all who follow, and writes the text once', async () => {
    const node = new Node();
    const followers = Array.from({ length: 1000 }, () => new Follower(node));
    await node.settles();
    for (const one of followers) assert.deepEqual(one.news(), [event(0)]);
    node.looks = 0;
    node.length = 1;
    await node.passes(1000);
    for (const one of followers) assert.deepEqual(one.news(), [event(1)]);
    assert.equal(node.looks, 10);
  });

  it('has a comment every 2 s for who gets no news, and none for who does not read', async () => {
    const node = new Node();
    const [one, deaf] = [new Follower(node), new Follower(node)];
    deaf.isDeaf = true;
    await node.passes(60_000);
    assert.match(one.written.join(''), /^data: {"length":0}\n\n(:\n\n){29,30}$/);
    assert.deepEqual(deaf.written, [event(0)]);
  });

  it('tells who reads slowly the newest, soon after he has read, and what was between not at all', async () => {
    const node = new Node();
    const [one, slow] = [new Follower(node), new Follower(node)];
    slow.isDeaf = true;
    for (const length of [1, 2, 3]) {
      node.length = length;
      await node.passes(100);
    }
    assert.deepEqual(one.news(), [0, 1, 2, 3].map(event));
    assert.deepEqual(slow.news(), [event(0)]);
    slow.isDeaf = false;
    await node.passes(100);
    assert.deepEqual([one.news(), slow.news()], [[], [event(3)]]);
  });

  it('tells who comes later how things are then, at once, and all that follows', async () => {
    const node = new Node();
    new Follower(node);
    await node.passes(350);
    node.length = 1;
    const late = new Follower(node);
    assert.deepEqual(late.news(), [event(1)]);
    await node.passes(200);
    node.length = 2;
    await node.passes(200);
    assert.equal(late.news().at(-1), event(2));
  });

  it('does nothing while nobody follows, and begins anew with the next one', async () => {
    const node = new Node();
    const one = new Follower(node);
    one.close();
    await node.passes(200);
    node.looks = 0;
    node.length = 5;
    await node.passes(10_000);
    assert.equal(node.looks, 0);
    const next = new Follower(node);
    await node.passes(200);
    assert.deepEqual([one.written, next.news()], [[event(0)], [event(5)]]);
  });

  it('pauses for longer than it takes to tell all', async () => {
    const node = new Node();
    const followers = Array.from({ length: 500 }, () => new Follower(node));
    for (const one of followers) {
      one.onWrite = () => {
        node.now += 1;
      };
    }
    node.onLook = () => {
      node.length += 1;
    };
    await node.passes(10_000);
    // 500 ms of sending, then a pause of 1500 ms.
    const { length } = followers[0]?.news() ?? [];
    assert(length >= 5 && length <= 7, `${length}`);
  });

  it('writes nothing to who has gone while others were told', async () => {
    const node = new Node();
    const followers = Array.from({ length: 300 }, () => new Follower(node));
    await node.settles();
    const last = followers.at(-1) as Follower;
    (followers[0] as Follower).onWrite = () => last.close();
    node.length = 1;
    await node.passes(100);
    assert.deepEqual(last.news(), [event(0)]);
    assert.deepEqual(followers[1]?.news(), [event(0), event(1)]);
  });

  it('ends with the node, and does not begin again', async () => {
    const node = new Node();
    const one = new Follower(node);
    const gone = new Follower(node);
    await node.passes(100);
    gone.destroyed = true;
    await node.stop();
    assert.deepEqual([one.isEnded, gone.isEnded], [true, false]);
    const late = new Follower(node);
    await node.settles();
    assert.deepEqual([late.news(), late.isEnded], [[event(0)], true]);
  });

  it('sends the headers alone for HEAD', async () => {
    const node = new Node();
    const head = new Follower(node, 'HEAD');
    await node.passes(100);
    assert.deepEqual([head.written, node.looks], [[], 0]);
  });
});
