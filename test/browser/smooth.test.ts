import assert from 'node:assert/strict';
import { after, describe } from 'node:test';
import { append } from '../support/client.ts';
import { startCluster } from '../support/cluster.ts';
import { waitFor } from '../support/wait.ts';
import { itSees, open, quit, skip, untilLane, untilMode } from './browser.ts';

const MESSAGES = 10_000;
const LONG_TASK_MS_MAX = 200;

/** Counts frames, and notes tasks that keep the page from reacting. */
const WATCH = `
  globalThis.frames = 0;
  globalThis.longTasksMs = [];
  const frame = () => { globalThis.frames += 1; requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) globalThis.longTasksMs.push(duration);
  }).observe({ type: 'longtask', buffered: true });
`;

describe('ten thousand messages', { skip }, () => {
  after(quit);

  itSees('come in while frames go on, and no task takes long', async (t) => {
    const { master } = await startCluster(t, { master: { FAULT_INJECTION: true } });
    const { page } = await open(t, master);
    await untilMode(page, 'OK');
    await page.evaluate(`{${WATCH}}`);
    const batch = Array.from({ length: 100 }, (_, i) => `message ${i}`);
    for (let sent = 0; sent < MESSAGES; sent += batch.length) {
      await append(master, { messages: batch, w: 1 });
    }
    await untilLane(page, 's2', 'shows 10,000 of 10,000, no lag');
    await page.fill('#text', 'burst');
    await page.selectOption('#count', '10000');
    await page.click('#append');
    await untilLane(page, 's2', 'shows 20,000 of 20,000, no lag');
    const tasks = (await page.evaluate('globalThis.longTasksMs')) as number[];
    assert.deepEqual(
      tasks.filter((ms) => ms > LONG_TASK_MS_MAX),
      [],
    );
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
