import assert from 'node:assert/strict';
import { after, describe } from 'node:test';
import { append, put } from '../support/client.ts';
import { startCluster } from '../support/cluster.ts';
import { violations } from './axe.ts';
import { itSees, open, quit, skip, untilLane, untilMode } from './browser.ts';

describe('axe finds nothing wrong with the page', { skip }, () => {
  after(quit);

  for (const colorScheme of ['light', 'dark'] as const) {
    itSees(`ok, late, degraded, read-only, and without contact, ${colorScheme}`, async (t) => {
      const environment = { API_TOKEN: 'a-secret', FAULT_INJECTION: true };
      const { master, secondaries } = await startCluster(t, {
        master: environment,
        secondary: environment,
      });
      const as = { authorization: 'Bearer a-secret' };
      // The page's policy would block axe, as it should.
      const options = { colorScheme, bypassCSP: true, tolerated: /401|503|ERR_/ };
      const { page } = await open(t, master, options);
      const passes = async (state: string) => {
        assert.deepEqual(await violations(page), [], state);
      };
      await untilMode(page, 'OK');
      await passes('a token is asked for');
      await page.fill('#token', 'wrong');
      await page.keyboard.press('Enter');
      await page.getByText('That token is not the right one.').waitFor();
      await passes('a token is wrong');
      await page.fill('#token', 'a-secret');
      await page.keyboard.press('Enter');
      await page.locator('#delayMs-s2:enabled').waitFor();
      // Later than axe takes on a busy machine.
      await put(`${master.url}/secondaries/s2/faults`, { delayMs: 600_000 }, as);
      await append(master, { messages: Array(200).fill('a'), w: 2 }, as);
      await untilLane(page, 's2', /held back/);
      await page.fill('#text', 'waits');
      await page.selectOption('#w', 'all');
      await page.click('#append');
      await page.locator('.append[data-state="waits"]').waitFor();
      await page.getByText('The last messages as a table').click();
      await page.locator('#table td.message').first().waitFor();
      await page.click('#tour-start');
      await page.locator('.step[data-state="running"]').waitFor();
      await passes('a secondary is late, the self-check runs');
      await page.keyboard.press('Escape');
      await page.locator('#tour-start').waitFor();
      await secondaries[1]?.stop('SIGKILL');
      await untilMode(page, 'Degraded');
      await untilLane(page, 's2', /Last error/);
      await passes('degraded');
      await secondaries[0]?.stop('SIGKILL');
      await untilMode(page, 'Read-only');
      await page.fill('#text', 'refused');
      await page.click('#append');
      await page.getByText(/Nothing was appended/).waitFor();
      await passes('read-only');
      await master.stop('SIGKILL');
      await untilMode(page, 'No contact');
      await passes('no contact');
    });
  }
});
