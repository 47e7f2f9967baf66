/** A browser's own `EventSource` on the log, while its node stops and comes back empty. */
import assert from 'node:assert/strict';
import { after, describe, type TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { append, health, put } from '../support/client.ts';
import {
  FAST,
  type NodeProcess,
  startCluster,
  startMaster,
  startSecondary,
  stopAfter,
} from '../support/cluster.ts';
import { range } from '../support/range.ts';
import { waitFor } from '../support/wait.ts';
import { itSees, open, quit, skip } from './browser.ts';

/** `EventSource.readyState`; one that is closed never connects again. */
const [CONNECTING, OPEN] = [0, 1];

const texts = (from: number, to: number) => range(from, to).map((seq) => `m${seq}`);

/** Follows the log of a node in a document of its own origin that has no policy. */
async function follow(t: TestContext, node: NodeProcess) {
  const document = { url: `${node.url}/livez` };
  const { page } = await open(t, document, { tolerated: /Failed to load|ERR_/ });
  await page.evaluate(`{
    globalThis.seen = [];
    globalThis.source = new EventSource('/messages');
    source.onmessage = ({ lastEventId, data }) =>
      seen.push([lastEventId.replace(/-.*/, ''), JSON.parse(data).message]);
    source.addEventListener('reset', ({ data }) => {
      seen.length = JSON.parse(data).from - 1;
      globalThis.resets = [...(globalThis.resets ?? []), JSON.parse(data).reason];
    });
  }`);
  return new Followed(page);
}

class Followed {
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
  }

  /** Waits until it has seen this many messages: from the first to the last, each once and in order. */
  async until(length: number): Promise<void> {
    const seen = () => this.#page.evaluate('seen') as Promise<[string, string][]>;
    await waitFor(`${length} messages`, async () => (await seen()).length >= length);
    assert.deepEqual(
      await seen(),
      range(1, length).map((seq) => [`${seq}`, `m${seq}`]),
    );
  }

  /** Waits until it has seen this many messages of any kind. */
  async untilSeen(count: number): Promise<void> {
    const isThere = async () => (await this.#page.evaluate('seen.length')) === count;
    await waitFor(`${count} messages`, isThere);
  }

  async resets(): Promise<string[]> {
    return (await this.#page.evaluate('globalThis.resets ?? []')) as string[];
  }

  async untilState(state: number): Promise<void> {
    const isThere = async () => (await this.#page.evaluate('source.readyState')) === state;
    await waitFor(`the state ${state}`, isThere);
  }
}

describe("a browser's EventSource", { skip, concurrency: 3 }, () => {
  after(quit);

  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    itSees(`goes on when its secondary, ended by ${signal}, comes back empty`, async (t) => {
      const { master, secondaries } = await startCluster(t);
      const [s1] = secondaries as [NodeProcess, NodeProcess];
      const followed = await follow(t, s1);
      await append(master, { messages: texts(1, 20) });
      await followed.until(20);
      await s1.stop(signal);
      await followed.untilState(CONNECTING);
      await append(master, { messages: texts(21, 30), w: 2 });
      stopAfter(t, await startSecondary({ NODE_ID: 's1', PORT: s1.port }));
      await append(master, { messages: texts(31, 40), w: 3 });
      await followed.until(40);
    });
  }

  itSees('waits at a secondary that is still empty, and is filled late', async (t) => {
    const { master, secondaries } = await startCluster(t);
    const [s1] = secondaries as [NodeProcess, NodeProcess];
    const followed = await follow(t, s1);
    for (const seq of range(1, 20)) await append(master, { message: `m${seq}` });
    await followed.until(20);
    await s1.stop('SIGKILL');
    await followed.untilState(CONNECTING);
    const late = { FAULT_INJECTION: true, FAULT_DELAY_MS: 600_000 };
    const again = await startSecondary({ NODE_ID: 's1', PORT: s1.port, ...late });
    stopAfter(t, again);
    await followed.untilState(OPEN);
    await append(master, { messages: texts(21, 30), w: 2 });
    await followed.until(20);
    assert.equal((await health(again)).length, 0);
    await put(`${again.url}/faults`, { delayMs: 50 });
    await followed.until(30);
    await append(master, { message: 'm31', w: 3 });
    await followed.until(31);
  });

  itSees('waits at a master that is still recovering', async (t) => {
    const { master, secondaries } = await startCluster(t);
    const followed = await follow(t, master);
    await append(master, { messages: texts(1, 20) });
    await followed.until(20);
    for (const node of secondaries) node.signal('SIGSTOP');
    await master.stop('SIGKILL');
    await followed.untilState(CONNECTING);
    const ports = secondaries.map(({ port }) => port);
    const next = await startMaster(ports, { ...FAST, PORT: master.port });
    stopAfter(t, next);
    await followed.untilState(OPEN);
    assert.equal((await health(next)).status, 'recovering');
    for (const node of secondaries) node.signal('SIGCONT');
    const isOk = async () => (await health(next)).status === 'ok';
    await waitFor('the next master', isOk);
    await append(next, { messages: texts(21, 30) });
    await followed.until(30);
  });

  itSees('is told of a log that began anew, and has that', async (t) => {
    const { master, secondaries } = await startCluster(t);
    const followed = await follow(t, master);
    await append(master, { messages: ['old-1', 'old-2', 'old-3'] });
    await followed.untilSeen(3);
    for (const node of [master, ...secondaries]) await node.stop('SIGKILL');
    await followed.untilState(CONNECTING);
    const ports = secondaries.map(({ port }) => port);
    for (const port of ports) stopAfter(t, await startSecondary({ PORT: port }));
    const next = await startMaster(ports, { ...FAST, PORT: master.port });
    stopAfter(t, next);
    await waitFor('the next master', async () => (await health(next)).status === 'ok');
    await append(next, { messages: texts(1, 5) });
    await followed.until(5);
    assert.deepEqual(await followed.resets(), ['other-log']);
  });
});
