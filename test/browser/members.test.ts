/** The pages of members that elect their master: each asks its own node only. */
import assert from 'node:assert/strict';
import { after, describe, type TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { append, health } from '../support/client.ts';
import { type Member, type Members, startMembers } from '../support/members.ts';
import { range } from '../support/range.ts';
import { waitFor } from '../support/wait.ts';
import { itSees, lane, open, quit, skip, untilLane, untilMode, untilWhy } from './browser.ts';

/** The node is away for a while, or refuses an append. */
const TOLERATED = { tolerated: /ERR_|Failed to load/ };

/**
 * A browser makes a small machine busy, and a master that is only slow must not be replaced. One that was killed is
 * noticed by its refused connection, long before.
 */
const PATIENT = { ELECTION_TIMEOUT_MS: 10_000 };

/** Waits until the page marks this node, and no other one, as the master. */
async function untilMaster(page: Page, id: string): Promise<void> {
  await page.locator(`.lane[data-role="master"][data-node="${id}"]`).waitFor();
  assert.equal(await page.locator('.lane[data-role="master"]').count(), 1);
  await untilLane(page, id, '★ master');
}

async function cluster(t: TestContext, environment = {}) {
  const members = await startMembers(t, 3, { ...PATIENT, ...environment });
  const master = await members.whole();
  const [one, two] = members.others(master) as [Member, Member];
  return { members, master, one, two };
}

/** The epoch of the master. */
async function epochOf(master: Member): Promise<number> {
  return (await health(master)).epoch;
}

/** Fills the log of the whole cluster up to `length`. */
async function fill(members: Members, from: number, to: number): Promise<void> {
  const messages = range(from, to).map((seq) => `m${seq}`);
  await append(await members.whole(), { messages, w: 'all' });
}

/** The places of the pixels of a lane that have the colour of the marks of epochs. */
const MARKS = (id: string) => `(() => {
  const canvas = document.querySelector('.lane[data-node="${id}"] canvas');
  const colour = getComputedStyle(canvas).getPropertyValue('--held').trim();
  const wanted = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  const { width, height } = canvas;
  const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
  const columns = new Set();
  for (let at = 0; at < data.length; at += 4) {
    if (wanted.every((value, i) => value === data[at + i])) columns.add((at / 4) % width);
  }
  return [...columns];
})()`;

describe('the pages of members', { skip, concurrency: 2 }, () => {
  after(quit);

  itSees('show who the master is; only its page has the logs of all', async (t) => {
    const { members, master, one, two } = await cluster(t);
    await fill(members, 1, 3);
    const { page } = await open(t, master);
    await untilMode(page, 'OK');
    await untilMaster(page, master.id);
    await untilLane(page, master.id, '3 messages');
    for (const { id } of [one, two]) await untilLane(page, id, 'shows 3 of 3, no lag');
    assert.equal(await page.textContent('#fact-committed'), '3');
    assert.equal(await page.isEnabled('#append'), true);

    const other = (await open(t, one)).page;
    await untilMode(other, 'Secondary');
    await untilWhy(other, `${master.id} is the master, under epoch ${await epochOf(master)}`);
    await untilMaster(other, master.id);
    await untilLane(other, one.id, new RegExp(`follows ${master.id}.*shows 3 messages`));
    for (const { id } of [master, two]) await untilLane(other, id, 'its log is not known here');
    assert.equal(await other.textContent('#fact-length'), '3');
    assert.equal(await other.textContent('#fact-quorum'), '–');
    assert.equal(await other.title(), `${one.id}: Secondary – replicated log`);
    assert.equal(await other.locator('.lane button:visible').count(), 0);
    // Appends go to the master, whose page is a link away.
    assert.equal(await other.isEnabled('#append'), false);
    await other.fill('#text', 'at the wrong node');
    await other.press('#text', 'Enter');
    const link = other.locator('#composer-where a');
    assert.equal(await link.getAttribute('href'), `${master.url}/`);
    await other.click('#tour-start');
    await other.getByText('Not run: this node is not the master').waitFor();
    await append(master, { message: 'm4', w: 'all' });
    await untilLane(other, one.id, 'shows 4 messages');
  });

  itSees('move the role when the master dies, and link on where it lived', async (t) => {
    const { members, master, one, two } = await cluster(t);
    await fill(members, 1, 12);
    const before = await epochOf(master);
    const dead = (await open(t, master, TOLERATED)).page;
    await untilMaster(dead, master.id);
    const pages = await Promise.all([one, two].map((member) => open(t, member)));
    for (const { page } of pages) await untilMaster(page, master.id);
    await master.kill();
    await untilMode(dead, 'No contact');
    await untilWhy(dead, `${master.id}, which was the master, does not answer`);
    await untilLane(dead, master.id, 'was the master');
    for (const { id, url } of [one, two]) {
      const link = dead.locator(`#members a[data-member="${id}"]`);
      assert.equal(await link.getAttribute('href'), `${url}/`);
    }
    const next = await members.master();
    for (const { page } of pages) await untilMaster(page, next.id);
    const { page } = pages[[one, two].indexOf(next)] as { page: Page };
    await untilMode(page, 'Degraded');
    await untilLane(page, master.id, 'Unhealthy');
    const epoch = await epochOf(next);
    assert.equal(await page.textContent('#fact-epoch'), `${epoch}`);
    // The page goes on as that of the master.
    await page.fill('#text', 'by the new master');
    await page.click('#append');
    await page.locator('.append[data-state="holds"]', { hasText: 'by the new master' }).waitFor();
    await page.getByText('The last messages as a table').click();
    await page.locator('#table tr', { hasText: `13${epoch}by the new master` }).waitFor();
    await page.locator('#table tr', { hasText: `12${before}m12` }).waitFor();
    const x = 12 * 18 - 2;
    await waitFor('the mark of the new epoch', async () => {
      const columns = (await page.evaluate(MARKS(next.id))) as number[];
      return columns.some((column) => Math.abs(column - x) <= 1);
    });
    // The old one comes back as a secondary, and its page says so.
    await master.restart();
    await untilMode(dead, 'Secondary');
    await untilMaster(dead, next.id);
    await untilMode(page, 'OK');
  });

  itSees('have a button to hand over, after which the other page is the master’s', async (t) => {
    const { members, master, one, two } = await cluster(t);
    await fill(members, 1, 2);
    const here = (await open(t, master)).page;
    const there = (await open(t, one)).page;
    await untilMode(there, 'Secondary');
    await here.getByRole('button', { name: `Hand over to ${one.id}` }).click();
    await untilMode(here, 'Secondary');
    const said = `${one.id} is the master now, under epoch ${await epochOf(one)}.`;
    await here.getByText(said).waitFor();
    for (const page of [here, there]) await untilMaster(page, one.id);
    await untilMode(there, 'OK');
    await untilLane(there, two.id, 'shows 2 of 2');
    await there.getByRole('button', { name: `Hand over to ${master.id}` }).click();
    for (const page of [here, there]) await untilMaster(page, master.id);
    await untilMode(here, 'OK');
    assert.equal(await here.isEnabled('#append'), true);
  });

  itSees('keep the token of the cluster out of the browser', async (t) => {
    const { master } = await cluster(t, { CLUSTER_TOKEN: 'a-token-of-nodes' });
    const { page } = await open(t, master);
    await untilMode(page, 'OK');
    await page.getByText('Handing over is closed on this page').waitFor();
    assert.equal(await page.getByRole('button', { name: /Hand over/ }).count(), 0);
    assert.doesNotMatch(await page.content(), /a-token-of-nodes/);
  });

  itSees('tell apart what is not committed', async (t) => {
    const { members, master, one, two } = await cluster(t);
    await fill(members, 1, 2);
    const { page } = await open(t, master);
    await untilMode(page, 'OK');
    for (const { id } of [one, two]) {
      await page.getByRole('slider', { name: `Delay, ${id}` }).fill('10000');
      await page.locator(`.fault[data-node="${id}"] .slider`, { hasText: '10.0 s' }).waitFor();
    }
    await waitFor('the delays to be set', async () => {
      const urls = [one, two].map(({ id }) => `${master.url}/secondaries/${id}/faults`);
      const all = await Promise.all(urls.map(async (url) => (await fetch(url)).json()));
      return all.every((faults) => (faults as { delayMs: number }).delayMs === 10_000);
    });
    await append(master, { messages: ['m3', 'm4'], w: 1 });
    await untilLane(page, master.id, '4 messages, 2 not committed yet');
    assert.equal(await page.textContent('#fact-committed'), '2');
    await page.getByText('The last messages as a table').click();
    await page
      .locator('#table tr', { hasText: /^4\d+m4visible, not committedheld back/ })
      .waitFor();
    await page.locator('#table tr', { hasText: /^2\d+m2visiblevisiblevisible$/ }).waitFor();
    for (const { id } of [one, two]) {
      await page.getByRole('button', { name: `No faults on ${id}` }).click();
    }
    await untilLane(page, master.id, /4 messages$/);
    await page.locator('#table tr', { hasText: /^4\d+m4visiblevisiblevisible$/ }).waitFor();
    assert.equal(
      await lane(page, master.id).getByRole('img').getAttribute('aria-label'),
      `${master.id}: 4 messages`,
    );
  });
});
