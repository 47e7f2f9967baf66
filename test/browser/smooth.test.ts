import assert from 'node:assert/strict';
import { after, describe } from 'node:test';
import { append } from '../support/client.ts';
import { startCluster } from '../support/cluster.ts';
import { waitFor } from '../support/wait.ts';
import { itSees, open, quit, skip, untilLane, untilMode } from './browser.ts';

const MESSAGES = 10_000;
/** What a hundred times as many messages may add to the page: longer texts and numbers. */
const MORE_ELEMENTS_MAX = 100;
/** Frames during these messages, also on a slow machine; there are none if the page is stuck until the end. */
const FRAMES_MIN = 10;
const ELEMENTS = "document.querySelectorAll('*').length";

/** Counts frames, and records the longest task that blocks the page. */
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

/** The states of a cell: none, absent, sent, held back, visible. */
const CELL_STATES = 5;
const QUIET_FRAMES = 60;
/** Counts drawings, and keeps every image that a lane has shown: each is read when the next one is begun. */
const KEEP_IMAGES = `
  globalThis.drawn = 0;
  const images = new Map([...document.querySelectorAll('canvas.cells')].map((one) => [one, new Set()]));
  const keep = (canvas) => images.get(canvas)?.add(canvas.toDataURL());
  const clear = CanvasRenderingContext2D.prototype.clearRect;
  CanvasRenderingContext2D.prototype.clearRect = function (...all) {
    globalThis.drawn += 1;
    keep(this.canvas);
    return clear.apply(this, all);
  };
  globalThis.imagesOf = () => [...images].map(([canvas, seen]) => {
    keep(canvas);
    return seen.size;
  });
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
    const atFirst = Number(await page.evaluate('globalThis.frames'));
    for (let sent = batch.length; sent < MESSAGES; sent += batch.length) {
      await append(master, { messages: batch, w: 1 });
    }
    await untilLane(page, 's2', 'shows 10,000 of 10,000, no lag');
    await page.fill('#text', 'burst');
    await page.selectOption('#count', '10000');
    await page.click('#append');
    await untilLane(page, 's2', 'shows 20,000 of 20,000, no lag');
    const meanwhile = Number(await page.evaluate('globalThis.frames')) - atFirst;
    assert.ok(meanwhile >= FRAMES_MIN, `${meanwhile} frames while they came in`);
    const many = Number(await page.evaluate(ELEMENTS));
    assert.ok(many <= few + MORE_ELEMENTS_MAX, `${few} elements have become ${many}`);
    // The length of a task depends on the machine, so it is only reported.
    t.diagnostic(`the longest task took ${await page.evaluate('globalThis.longestTaskMs')} ms`);
    const before = Number(await page.evaluate('globalThis.frames'));
    await waitFor('frames to go on', async () => {
      return Number(await page.evaluate('globalThis.frames')) > before + 10;
    });
  });

  itSees(
    'are drawn when they change and not otherwise, and do not move for who wants calm',
    async (t) => {
      const { master } = await startCluster(t);
      const { page } = await open(t, master, { reducedMotion: 'reduce' });
      await untilMode(page, 'OK');
      await page.evaluate(`{${WATCH}${KEEP_IMAGES}}`);
      const images = () => page.evaluate('imagesOf()') as Promise<number[]>;
      assert.deepEqual(await images(), [1, 1, 1], 'a canvas for each lane');
      await append(master, { message: 'a' });
      await untilLane(page, 's2', 'shows 1 of 1');
      await waitFor('all lanes to be drawn', async () =>
        (await images()).every((seen) => seen > 1),
      );
      assert.equal(await page.textContent('#fact-length'), '1');
      const since = Number(await page.evaluate('globalThis.frames'));
      const drawn = Number(await page.evaluate('globalThis.drawn'));
      await waitFor('frames in which nothing happens', async () => {
        return Number(await page.evaluate('globalThis.frames')) > since + QUIET_FRAMES;
      });
      const more = Number(await page.evaluate('globalThis.drawn')) - drawn;
      assert.ok(more < QUIET_FRAMES, `${more} drawings of ${QUIET_FRAMES} quiet frames`);
      // At most one image for each state of the cell: an animated cell has a dozen.
      const seen = await images();
      assert.ok(Math.max(...seen) <= CELL_STATES, `${seen} images`);
    },
  );
});
