import assert from 'node:assert/strict';
import { after, describe } from 'node:test';
import { append } from '../support/client.ts';
import { startCluster } from '../support/cluster.ts';
import { waitFor } from '../support/wait.ts';
import { itSees, open, quit, skip, untilLane, untilMode } from './browser.ts';

const MESSAGES = 10_000;
/** What a hundred times as many messages may add to the page: words that are longer, marks of more places. */
const MORE_ELEMENTS_MAX = 100;
const ELEMENTS = "document.querySelectorAll('*').length";

/** Counts frames, and notes the longest task that keeps the page from reacting. */
const WATCH = `
  globalThis.frames = 0;
  globalThis.longestTaskMs = 0;
  const frame = () => { globalThis.frames += 1; requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      globalThis.longestTaskMs = Math.max(globalThis.longestTaskMs, duration);
    }
  }).observe({ type: 'longtask', buffered: true });
`;

describe('ten thousand messages', { skip }, () => {
  after(quit);

  itSees('come in while frames go on, and the page does not grow', async (t) => {
    const { master } = await startCluster(t, { master: { FAULT_INJECTION: true } });
    const { page } = await open(t, master);
    await untilMode(page, 'OK');
    await page.evaluate(`{${WATCH}}`);
    const batch = Array.from({ length: 100 }, (_, i) => `message ${i}`);
    await append(master, { messages: batch });
    await untilLane(page, 's2', 'shows 100 of 100, no lag');
    const few = Number(await page.evaluate(ELEMENTS));
    for (let sent = batch.length; sent < MESSAGES; sent += batch.length) {
      await append(master, { messages: batch, w: 1 });
    }
    await untilLane(page, 's2', 'shows 10,000 of 10,000, no lag');
    await page.fill('#text', 'burst');
    await page.selectOption('#count', '10000');
    await page.click('#append');
    await untilLane(page, 's2', 'shows 20,000 of 20,000, no lag');
    const many = Number(await page.evaluate(ELEMENTS));
    assert.ok(many <= few + MORE_ELEMENTS_MAX, `${few} elements have become ${many}`);
    // How long a task takes is a matter of the machine: it is told, and gates nothing.
    t.diagnostic(`the longest task took ${await page.evaluate('globalThis.longestTaskMs')} ms`);
    const before = Number(await page.evaluate('globalThis.frames'));
    await waitFor('frames to go on', async () => {
      return Number(await page.evaluate('globalThis.frames')) > before + 10;
    });
  });

  itSees('cost nothing while nothing changes, and do not move for who wants calm', async (t) => {
    const { master } = await startCluster(t);
    const { page } = await open(t, master, { reducedMotion: 'reduce' });
    await untilMode(page, 'OK');
    await page.evaluate(`{
      globalThis.drawn = 0;
      const clear = CanvasRenderingContext2D.prototype.clearRect;
      CanvasRenderingContext2D.prototype.clearRect = function (...all) {
        globalThis.drawn += 1;
        return clear.apply(this, all);
      };
    }`);
    await append(master, { message: 'a' });
    await untilLane(page, 's2', 'shows 1 of 1');
    const seen = await page.textContent('#fact-length');
    assert.equal(seen, '1');
    // A frame for each event of the health and lane at most, and none of an animation.
    const drawn = Number(await page.evaluate('globalThis.drawn'));
    assert.ok(drawn <= 60, `${drawn} drawings`);
  });
});
