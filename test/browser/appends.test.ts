import assert from 'node:assert/strict';
import { after, describe } from 'node:test';
import type { Route } from 'playwright-core';
import { append, messages } from '../support/client.ts';
import {
  FAST,
  startCluster,
  startDegraded,
  startMaster,
  startRecovered,
  startSecondary,
  stopAfter,
} from '../support/cluster.ts';
import { freePort } from '../support/port.ts';
import { waitFor } from '../support/wait.ts';
import { itSees, open, quit, skip, untilLane, untilMode, untilWhy } from './browser.ts';

describe('the composer', { skip, concurrency: 2 }, () => {
  after(quit);

  itSees('appends, says who holds it, and takes a message for text alone', async (t) => {
    const { master, secondaries } = await startCluster(t);
    const { page } = await open(t, master);
    await untilMode(page, 'OK');
    const text = '<img src=x onerror="document.title=1"> & "quotes"';
    await page.fill('#text', text);
    await page.selectOption('#w', 'all');
    await page.click('#append');
    const item = page.locator('.append', { hasText: text });
    await item.filter({ hasText: /w=all \(3\) – answered after .*✓ master ✓ s1 ✓ s2/ }).waitFor();
    await waitFor(
      's2 to show it',
      async () => (await messages(secondaries[1] as never))[0] === text,
    );
    await page.getByText('The last messages as a table').click();
    await page.locator('#table td.message', { hasText: text }).waitFor();
    assert.equal(await page.locator('main img').count(), 0);
  });

  itSees('lists what waits, with who is pending, and lets others pass', async (t) => {
    const { master, startSecond } = await startDegraded(t);
    const { page } = await open(t, master);
    await untilMode(page, 'Degraded');
    const compose = async (text: string, w: string, wait = '') => {
      await page.fill('#text', text);
      await page.selectOption('#w', w);
      await page.selectOption('#wait', wait);
      await page.click('#append');
      await page.locator('.append', { hasText: text }).waitFor();
    };
    // More than a browser has connections, so that waiting appends must not occupy them.
    for (let i = 1; i <= 8; i += 1) await compose(`waits ${i}`, '3');
    await compose('not at all', '3', '0');
    await compose('passes', '2');
    await page.locator('.append[data-state="holds"]', { hasText: 'passes' }).waitFor();
    await page.getByText('8 of them wait.').waitFor();
    const waiting = page.locator('.append[data-state="waits"]');
    assert.equal(await waiting.count(), 8);
    const words = await waiting.first().textContent();
    assert.match(words ?? '', /w=3 – waits: 2 of 3 nodes hold it✓ master ✓ s1 … s2 pending/);
    // The appends that the page follows count as waiting clients, like the one that the master knows.
    await page.locator('#fact-waiting', { hasText: /^8$/ }).waitFor();
    const client = new AbortController();
    append(master, { message: 'elsewhere', w: 3 }, {}, client.signal).catch(() => {});
    await page.locator('#fact-waiting', { hasText: /^9$/ }).waitFor();
    client.abort();
    await page.locator('#fact-waiting', { hasText: /^8$/ }).waitFor();
    await page
      .locator('.append[data-state="given-up"]', { hasText: 'goes on replicating' })
      .waitFor();
    await startSecond();
    await page.getByText('None of them waits.').waitFor();
    await page.locator('.append[data-state="given-up"]', { hasText: 'it holds by now' }).waitFor();
    await untilMode(page, 'OK');
  });

  itSees('goes on waiting while the master is away and recovers', async (t) => {
    const s1 = await startSecondary({ NODE_ID: 's1' });
    const ports = [s1.port, await freePort()];
    const master = await startRecovered(ports, FAST);
    // A stopped process would not end.
    t.after(() => s1.signal('SIGCONT'));
    stopAfter(t, master, s1);
    const { page } = await open(t, master, { tolerated: /ERR_|503/ });
    await untilMode(page, 'Degraded');
    await page.fill('#text', 'patient');
    await page.selectOption('#w', '3');
    await page.click('#append');
    const item = page.locator('.append[data-state="waits"]', { hasText: 'patient' });
    await item.waitFor();
    s1.signal('SIGSTOP');
    await master.stop('SIGKILL');
    await untilMode(page, 'No contact');
    stopAfter(t, await startMaster(ports, { ...FAST, PORT: master.port }));
    await untilMode(page, 'Recovering');
    // Each event of the health would have caused a request, and a 404.
    await page.locator('#fact-waiting', { hasText: /^1$/ }).waitFor();
    await page.locator('.lane', { hasText: 'nothing known of its log yet' }).nth(1).waitFor();
    await item.waitFor();
    s1.signal('SIGCONT');
    // To a master without memory, the remaining secondary may hold what was acknowledged.
    await untilWhy(
      page,
      'It waits: s2 does not answer and may hold messages that were acknowledged',
    );
    await item.waitFor();
    stopAfter(t, await startSecondary({ NODE_ID: 's2', PORT: ports[1] as number }));
    await untilMode(page, 'OK');
    await page.locator('.append[data-state="holds"]', { hasText: 'patient' }).waitFor();
  });

  itSees('says that a log is gone, and forgets who is not there any more', async (t) => {
    const s1 = await startSecondary({ NODE_ID: 's1', FAULT_INJECTION: true });
    const master = await startRecovered([s1.port], { ...FAST, FAULT_INJECTION: true });
    stopAfter(t, master, s1);
    const { page } = await open(t, master, { tolerated: /ERR_/ });
    await untilMode(page, 'OK');
    await page.locator('#delayMs-s1').waitFor();
    await page.fill('#text', 'lost');
    await page.click('#append');
    await page.locator('.append[data-state="holds"]', { hasText: 'lost' }).waitFor();
    await master.stop('SIGKILL');
    await untilMode(page, 'No contact');
    await page.fill('#text', 'nobody hears it');
    await page.click('#append');
    await page.getByText('No answer from the master: look at the log').waitFor();
    assert.equal(await page.inputValue('#text'), 'nobody hears it');
    stopAfter(t, await startMaster([], { ...FAST, PORT: master.port, FAULT_INJECTION: true }));
    await untilMode(page, 'OK');
    const gone = page.locator('.append[data-state="failed"]', { hasText: 'lost' });
    await gone.filter({ hasText: 'is gone' }).waitFor();
    assert.equal(await gone.locator('.chip').count(), 0);
    await page.getByText('This master has none.').waitFor();
    assert.equal(await page.locator('.fault').count(), 0);
  });

  itSees('works by keyboard alone, in an order that makes sense', async (t) => {
    const { master } = await startCluster(t, { master: { FAULT_INJECTION: true } });
    const { page } = await open(t, master);
    await untilMode(page, 'OK');
    await page.locator('#delayMs-s2').waitFor();
    const focused = () =>
      page.evaluate('document.activeElement.id || document.activeElement.tagName');
    const seen: unknown[] = [];
    for (let i = 0; i < 20; i += 1) {
      await page.keyboard.press('Tab');
      seen.push(await focused());
    }
    const form = ['text', 'w', 'wait', 'count', 'append'];
    const wanted = [...form, 'tour-start', 'delayMs-s1', 'errorRate-s2'];
    const places = wanted.map((id) => seen.indexOf(id));
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
      `${seen}`,
    );
    assert.ok(!places.includes(-1), `${seen}`);
    await page.focus('#delayMs-s2');
    await page.keyboard.press('ArrowRight');
    await page.locator('.fault[data-node="s2"] .slider', { hasText: '0.1 s' }).waitFor();
    await page.focus('#text');
    await page.keyboard.type('by keyboard');
    await page.keyboard.press('Enter');
    await page.locator('.append', { hasText: 'by keyboard' }).waitFor();
    assert.equal(await focused(), 'text');
  });

  itSees('asks for a token where one is needed, and keeps it', async (t) => {
    const environment = { API_TOKEN: 'a-secret', FAULT_INJECTION: true };
    const { master, secondaries } = await startCluster(t, {
      master: environment,
      secondary: environment,
    });
    const tolerated = /401/;
    const { page, requests } = await open(t, master, { tolerated });
    await untilMode(page, 'OK');
    assert.deepEqual([...new Set(requests)], ['GET /', 'GET /health']);
    const give = async (token: string) => {
      await page.getByLabel('API token').fill(token);
      await page.getByRole('button', { name: 'Use it' }).click();
    };
    await page.fill('#text', 'with a token');
    await page.click('#append');
    await page.getByText('Nothing was appended. The master requires a token').waitFor();
    // It cannot be sent in a header.
    await give('falsch→');
    await page.getByText('A token has letters, digits and signs of ASCII only').waitFor();
    // While it is checked, no other request uses it.
    const tried = new Promise<Route>((resolve) => page.route('**/messages?limit=1', resolve));
    await give('a-wrong-one');
    const trial = await tried;
    await secondaries[0]?.stop();
    await untilLane(page, 's1', 'Unhealthy');
    await trial.continue();
    await page.unroute('**/messages?limit=1');
    await page.getByText('That token is not the right one.').waitFor();
    assert.ok(!requests.some((line) => line.includes('/faults')));
    await give('a-secret');
    await page.locator('#delayMs-s2:enabled').waitFor();
    assert.equal(await page.inputValue('#text'), 'with a token');
    await page.click('#append');
    await page.locator('.append[data-state="holds"]').waitFor();
    assert.equal(await page.isVisible('#token-form'), false);
    await append(master, { message: 'x', w: 2 }, { authorization: 'Bearer a-secret' });
    await untilLane(page, 's2', 'shows 2 of 2');
  });
});
