/** Whether the pages of members can be read by everybody: with axe, and on a phone. */
import assert from 'node:assert/strict';
import { after, describe } from 'node:test';
import { append } from '../support/client.ts';
import { startMembers } from '../support/members.ts';
import { violations } from './axe.ts';
import { itSees, open, quit, skip, untilLane, untilMode } from './browser.ts';

/** No election unless a node dies; see members.test.ts. */
const PATIENT = { ELECTION_TIMEOUT_MS: 10_000 };
const PHONE = { width: 360, height: 740 };

describe('the pages of members suit their readers', { skip }, () => {
  after(quit);

  for (const colorScheme of ['light', 'dark'] as const) {
    itSees(`axe finds nothing wrong with them, ${colorScheme}`, async (t) => {
      const members = await startMembers(t, 3, PATIENT);
      const master = await members.whole();
      await append(master, { messages: ['a', 'b', 'c'], w: 'all' });
      const options = { colorScheme, bypassCSP: true, tolerated: /ERR_|Failed to load/ };
      const { page } = await open(t, master, options);
      await untilMode(page, 'OK');
      await page.locator('.fault input:enabled').first().waitFor();
      assert.deepEqual(await violations(page), [], 'of the master');
      const [other] = members.others(master) as [typeof master];
      const secondary = (await open(t, other, options)).page;
      await untilMode(secondary, 'Secondary');
      assert.deepEqual(await violations(secondary), [], 'of a secondary');
      await master.kill();
      await untilMode(page, 'No contact');
      assert.deepEqual(await violations(page), [], 'of a dead master');
    });
  }

  itSees('none of them scrolls sideways on a phone', async (t) => {
    const members = await startMembers(t, 3, { ...PATIENT, CLUSTER_TOKEN: 'a-token-of-nodes' });
    const master = await members.whole();
    await append(master, { messages: Array(300).fill('x'.repeat(300)), w: 'all' });
    for (const member of members.list) {
      const { page } = await open(t, member, { viewport: PHONE, hasTouch: true });
      await untilLane(page, member.id, '300 messages');
      await page.getByText('The last messages as a table').click();
      await page.locator('#table tr').nth(20).waitFor();
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), PHONE.width);
    }
  });
});
