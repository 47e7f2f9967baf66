import assert from 'node:assert/strict';
import { after, describe } from 'node:test';
import { messages, request } from '../support/client.ts';
import { FAST, startCluster, startMaster, startSecondary, stopAfter } from '../support/cluster.ts';
import { freePort } from '../support/port.ts';
import { waitFor } from '../support/wait.ts';
import { itSees, open, quit, skip, untilMode } from './browser.ts';

const TEXTS = ['Msg1', 'Msg2', 'Msg3', 'Msg4'];
const TOUR_MS = 40_000;

describe('the self-check of the page', { skip, concurrency: 3 }, () => {
  after(quit);

  itSees('passes, and leaves the faults as they were', async (t) => {
    const { master, secondaries } = await startCluster(t, { master: { FAULT_INJECTION: true } });
    const faults = `${master.url}/secondaries/s2/faults`;
    const { page } = await open(t, master);
    await untilMode(page, 'OK');
    await page.click('#tour-start');
    await waitFor('s2 to be late', async () => (await request(faults)).body.delayMs > 0);
    await page.locator('.step', { hasText: /^Msg3, w=3: waits.*passed/ }).waitFor();
    await page.getByText('Passed: all 9 steps.').waitFor({ timeout: TOUR_MS });
    assert.equal(await page.locator('.step[data-state="passed"]').count(), 9);
    assert.deepEqual(await messages(secondaries[1] as never), TEXTS);
    assert.equal((await request(faults)).body.delayMs, 0);
  });

  itSees(
    'can be stopped in the middle, and puts things right; so does closing the page',
    async (t) => {
      const { master } = await startCluster(t, { master: { FAULT_INJECTION: true } });
      const faults = `${master.url}/secondaries/s2/faults`;
      const isLate = async () => (await request(faults)).body.delayMs > 0;
      const { page } = await open(t, master);
      await untilMode(page, 'OK');
      const focused = () => page.evaluate('document.activeElement.id');
      await page.focus('#tour-start');
      await page.keyboard.press('Enter');
      await waitFor('s2 to be late', isLate);
      assert.equal(await focused(), 'tour-stop');
      await page.keyboard.press('Escape');
      await page.getByText('Stopped before its end.').waitFor();
      await waitFor('the focus to be back', async () => (await focused()) === 'tour-start');
      await waitFor('s2 to be as before', async () => !(await isLate()));
      await page.click('#tour-start');
      await waitFor('s2 to be late again', isLate);
      await page.goto('about:blank');
      await waitFor('s2 to be as before', async () => !(await isLate()));
    },
  );

  itSees('asks for a hand where faults cannot be injected', async (t) => {
    const port = await freePort();
    const [s1, s2] = await Promise.all([
      startSecondary({ NODE_ID: 's1' }),
      startSecondary({ NODE_ID: 's2', PORT: port }),
    ]);
    const master = await startMaster([s1.port, port], FAST);
    stopAfter(t, master, s1);
    const { page, requests } = await open(t, master);
    await untilMode(page, 'OK');
    await page.getByText('Closed. Start the nodes with FAULT_INJECTION=true').waitFor();
    await page.click('#tour-start');
    await page.getByText('Now stop it, in a terminal: make stop NODE=s2').waitFor();
    await s2.stop();
    await page.getByText('Now start it again: make start NODE=s2').waitFor();
    const again = await startSecondary({ NODE_ID: 's2', PORT: port });
    stopAfter(t, again);
    await page.getByText('Passed: all 9 steps.').waitFor({ timeout: TOUR_MS });
    assert.deepEqual(await messages(again), TEXTS);
    assert.ok(!requests.some((line) => line.includes('/faults')));
  });
});
