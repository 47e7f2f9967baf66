import assert from 'node:assert/strict';
import { after, describe, type TestContext } from 'node:test';
import { append, put, request } from '../support/client.ts';
import {
  FAST,
  type NodeProcess,
  startCluster,
  startDegraded,
  startMaster,
  startRecovered,
  startSecondary,
  stopAfter,
} from '../support/cluster.ts';
import { FakeSecondary } from '../support/fake-secondary.ts';
import { waitFor } from '../support/wait.ts';
import { itSees, lane, open, quit, skip, untilLane, untilMode, untilWhy } from './browser.ts';

const WITH_FAULTS = { master: { FAULT_INJECTION: true } };

describe('the page tells how the cluster is', { skip, concurrency: 2 }, () => {
  after(quit);

  itSees('ok: every node with its log, and no lag', async (t) => {
    const { master } = await startCluster(t, WITH_FAULTS);
    for (const message of ['a', 'b', 'c']) await append(master, { message });
    const { page } = await open(t, master);
    await untilMode(page, 'OK');
    assert.equal(await page.title(), 'OK – replicated log');
    await untilLane(page, 'master', '3 messages');
    for (const id of ['s1', 's2']) await untilLane(page, id, /Healthy.*shows 3 of 3, no lag/);
    assert.equal(await page.textContent('#fact-quorum'), '3 of 3');
    assert.equal(await page.textContent('#fact-required'), '2 of 3');
    assert.equal(await page.textContent('#fact-epoch'), '1');
    const canvas = lane(page, 's1').getByRole('img');
    assert.equal(await canvas.getAttribute('aria-label'), 's1: shows 3 of 3, no lag');
  });

  itSees('a secondary that is late: what it holds back, and then shows', async (t) => {
    const { master } = await startCluster(t, WITH_FAULTS);
    const { page } = await open(t, master);
    await untilMode(page, 'OK');
    await page.getByRole('slider', { name: 'Delay, s2' }).fill('10000');
    await page.locator('.fault[data-node="s2"] .slider', { hasText: '10.0 s' }).waitFor();
    const slow = `${master.url}/secondaries/s2/faults`;
    await waitFor('the delay to be set', async () => {
      return (await request(slow)).body.delayMs === 10_000;
    });
    await append(master, { messages: ['a', 'b', 'c'], w: 2 });
    await untilLane(page, 's2', 'shows 0 of 3, lag 3, 3 held back');
    await untilLane(page, 's1', 'shows 3 of 3, no lag');
    await page.getByText('The last messages as a table').click();
    await page.locator('#table tr', { hasText: /^3cvisiblevisibleheld back$/ }).waitFor();
    await page.getByRole('button', { name: 'No faults on s2' }).click();
    await untilLane(page, 's2', 'shows 3 of 3, no lag');
    await page.locator('#table tr', { hasText: /^3cvisiblevisiblevisible$/ }).waitFor();
  });

  itSees('faults that others set, without taking the slider out of a hand', async (t) => {
    const { master } = await startCluster(t, WITH_FAULTS);
    const { page } = await open(t, master);
    const slider = page.locator('#delayMs-s2');
    await slider.waitFor();
    const set = (delayMs: number) => put(`${master.url}/secondaries/s2/faults`, { delayMs });
    const shown = page.locator('.fault[data-node="s2"] .slider').first();
    await set(3000);
    await shown.filter({ hasText: '3.0 s' }).waitFor();
    assert.equal(await slider.inputValue(), '3000');
    await slider.scrollIntoViewIfNeeded();
    const { x, y, width, height } = (await slider.boundingBox()) ?? assert.fail();
    await page.mouse.move(x + width / 2, y + height / 2);
    await page.mouse.down();
    await shown.filter({ hasText: '5.0 s' }).waitFor();
    const held = () =>
      page.waitForResponse(
        (got) => got.request().method() === 'GET' && got.url().endsWith('s2/faults'),
      );
    await waitFor('the delay to be set', async () => {
      return (await request(`${master.url}/secondaries/s2/faults`)).body.delayMs === 5000;
    });
    await set(7000);
    await held();
    await held();
    assert.equal(await slider.inputValue(), '5000');
    await page.mouse.up();
    await shown.filter({ hasText: '7.0 s' }).waitFor();
  });

  itSees('errors that come and go, and stands still meanwhile', async (t) => {
    const { master } = await startCluster(t, WITH_FAULTS);
    const { page } = await open(t, master);
    await untilMode(page, 'OK');
    await page.getByRole('slider', { name: 'Fails before it applies, s2' }).fill('0.5');
    const error = lane(page, 's2').locator('.lane-error', { hasText: 'Last error' });
    await waitFor('an error', async () => {
      await append(master, { message: 'a', w: 1 });
      return error.isVisible();
    });
    await page.evaluate(`{
      globalThis.heights = new Set();
      const lane = document.querySelector('.lane[data-node="s2"]');
      const look = () => {
        globalThis.heights.add(lane.getBoundingClientRect().height);
        requestAnimationFrame(look);
      };
      look();
    }`);
    await page.getByRole('button', { name: 'No faults on s2' }).click();
    await append(master, { message: 'b', w: 'all' });
    // The error is over, and still shown.
    await untilLane(page, 's2', /no lag.*just now\.Last error/);
    assert.equal(await page.evaluate('globalThis.heights.size'), 1);
  });

  itSees('degraded: who is away, why, and when it is tried again', async (t) => {
    const { master } = await startDegraded(t);
    await append(master, { message: 'a', w: 2 });
    const { page } = await open(t, master);
    await untilMode(page, 'Degraded');
    await untilWhy(page, 's2 is Unhealthy. Appends go on');
    await untilLane(page, 's2', /Unhealthy.*lag 1.*No heartbeat yet.*(next attempt in|trying now)/);
    await untilLane(page, 's2', 'ECONNREFUSED');
  });

  itSees('read-only, and what for; back by itself', async (t) => {
    const stopped: NodeProcess[] = [];
    // Registered before the hooks that end the nodes: a stopped process would not end.
    t.after(() => {
      for (const node of stopped) node.signal('SIGCONT');
    });
    const { master, secondaries } = await startCluster(t);
    stopped.push(...secondaries);
    const { page } = await open(t, master, { tolerated: /503/ });
    await untilMode(page, 'OK');
    await page.evaluate(`{
      globalThis.announced = [];
      new MutationObserver(() => globalThis.announced.push(announcer.textContent))
        .observe(announcer, { childList: true, characterData: true, subtree: true });
    }`);
    for (const node of secondaries) node.signal('SIGSTOP');
    await untilMode(page, 'Read-only');
    await untilWhy(page, 'appends need 2 of 3 nodes, and 1 is available');
    await untilLane(page, 'master', 'takes no appends');
    await page.fill('#text', 'refused');
    await page.click('#append');
    await page.getByText(/Nothing was appended. Read-only/).waitFor();
    // Screen readers announce the mode and its cause, not each heartbeat.
    const said = await waitFor('the mode to be announced', async () => {
      const all = (await page.evaluate('globalThis.announced')) as string[];
      return all.some((words) => words.includes('now: Read-only. A quorum')) ? all : undefined;
    });
    for (const words of ['s1 is now Unhealthy', 's2 is now Unhealthy', 'now: Degraded']) {
      assert.ok(said.join().includes(words), `${words} in ${said.join('; ')}`);
    }
    assert.ok(said.length <= 8, said.join('; '));
    for (const node of secondaries) node.signal('SIGCONT');
    await untilMode(page, 'OK');
  });

  itSees('recovering: whose answer is missing', async (t) => {
    const silent = { heartbeat: () => {} };
    const fakes = [new FakeSecondary(silent), new FakeSecondary(silent)];
    for (const fake of fakes) await fake.listen(t);
    const master = await startMaster(
      fakes.map(({ port }) => port),
      { ...FAST, RECOVERY_TIMEOUT_MS: 200 },
    );
    stopAfter(t, master);
    const { page } = await open(t, master);
    await untilMode(page, 'Recovering');
    await untilWhy(page, 'It waits: s1 and s2 do not answer; 1 of 2 required nodes have answered');
  });

  itSees('fenced: another master has taken over', async (t) => {
    const { master, secondaries } = await startCluster(t);
    const { page } = await open(t, master);
    await untilMode(page, 'OK');
    const next = await startRecovered(
      secondaries.map(({ port }) => port),
      FAST,
    );
    stopAfter(t, next);
    await untilMode(page, 'Fenced');
    await untilWhy(page, 'Another master has taken over under epoch 2');
  });

  itSees('no contact, and contact again', async (t) => {
    const { port, stop, master } = await alone(t);
    const { page } = await open(t, master, { tolerated: /ERR_|Failed to load/ });
    await untilMode(page, 'OK');
    await untilWhy(page, 'The master is alone');
    await stop();
    await untilMode(page, 'No contact');
    stopAfter(t, await startMaster([], { PORT: port }));
    await untilMode(page, 'OK');
  });

  itSees('no contact with a master that hangs, soon, and contact again', async (t) => {
    const { master } = await alone(t);
    const { page } = await open(t, master, { tolerated: /ERR_|Failed to load/ });
    await untilMode(page, 'OK');
    master.signal('SIGSTOP');
    await untilMode(page, 'No contact', 15_000);
    master.signal('SIGCONT');
    await untilMode(page, 'OK');
  });
});

/** A master without secondaries, which the test itself stops. */
async function alone(t: TestContext) {
  const master = await startRecovered([]);
  t.after(() => master.stop('SIGKILL'));
  return { master, port: master.port, stop: () => master.stop('SIGKILL') };
}

describe('the page suits its reader', { skip }, () => {
  after(quit);

  for (const colorScheme of ['light', 'dark'] as const) {
    itSees(`on a phone, ${colorScheme}, without scrolling sideways`, async (t) => {
      const s1 = await startSecondary({ NODE_ID: 's1', FAULT_INJECTION: true });
      const master = await startMaster([s1.port], { ...FAST, FAULT_INJECTION: true });
      stopAfter(t, master, s1);
      const viewport = { width: 360, height: 740 };
      const { page } = await open(t, master, { viewport, colorScheme, hasTouch: true });
      await untilMode(page, 'OK');
      await append(master, { messages: Array(300).fill('x'.repeat(300)) });
      await untilLane(page, 's1', 'shows 300 of 300');
      await page.getByText('The last messages as a table').click();
      await page.locator('#table tr').nth(20).waitFor();
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 360);
      const back = await page.evaluate('getComputedStyle(document.body).backgroundColor');
      const brightness = Number(/\d+/.exec(String(back))?.[0]);
      assert.equal(brightness > 128, colorScheme === 'light');
    });
  }
});
