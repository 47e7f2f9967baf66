/** Makes the animation of the README: a cluster that lags, dies and agrees again, in about twenty seconds. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { decodePng, encodeApng, type Frame } from './apng.ts';
import { launch, untilLane, untilMode } from './browser.ts';
import { compose, Stage } from './stage.ts';

const VIEWPORT = { width: 1280, height: 800 };
/** Slow enough to show a node as Suspected before it is Unhealthy. */
const HEARTBEATS = { HEARTBEAT_INTERVAL_MS: 400, HEARTBEAT_TIMEOUT_MS: 400 };
const CAPTION_STYLE = `
  #caption {
    position: fixed; inset: auto 0 0 0; margin: 0; padding: 14px; font-size: 19px; text-align: center;
    color: #fff; background: #1b2333;
  }`;
const WORK_MS = 1200;
const LATE_MS = 4000;
const READ_MS = 2000;
/** How long the last frame is shown before the animation begins again. */
const LAST_MS = 3000;

interface Shot {
  readonly png: Buffer;
  readonly atMs: number;
}

/** Plays the story on a cluster of its own, films the page, and returns the path of the animation. */
export async function film(folder: string): Promise<string> {
  const stage = await Stage.set(HEARTBEATS);
  try {
    await stage.work(WORK_MS);
    const page = await (await launch()).newPage({ viewport: VIEWPORT, bypassCSP: true });
    await page.goto(stage.master.url);
    await page.addStyleTag({ content: CAPTION_STYLE });
    await page.evaluate("document.body.appendChild(document.createElement('p')).id = 'caption'");
    await untilMode(page, 'OK');
    const shots = await record(page, () => play(stage, page));
    await page.close();
    const path = join(folder, 'page.png');
    await writeFile(path, encodeApng(framesOf(shots)));
    return path;
  } finally {
    await stage.strike();
  }
}

async function play(stage: Stage, page: Page): Promise<void> {
  await caption(
    page,
    'A message is appended. All three nodes must hold it before the answer: w=all.',
  );
  await sleep(READ_MS);
  await compose(page, 'Hello', 'all');
  await page.locator('.append[data-state="holds"]').waitFor();
  await sleep(READ_MS);

  await caption(page, 's2 becomes four seconds late. w=2 is answered at once, w=all waits for s2.');
  await stage.setFaults('s2', { delayMs: LATE_MS });
  await sleep(READ_MS);
  await compose(page, 'Two are enough', '2');
  await compose(page, 'All must hold this', 'all');
  const waits = page.locator('.append[data-state="waits"]', { hasText: 'All must hold this' });
  await waits.waitFor();
  await waits.waitFor({ state: 'detached' });
  await stage.setFaults('s2', { delayMs: 0 });
  await untilLane(page, 's2', 'no lag');
  await sleep(READ_MS);

  await caption(page, 'Both secondaries are killed. Without a majority the log is read-only.');
  await sleep(READ_MS);
  await stage.killSecondaries();
  await untilMode(page, 'Read-only');
  await sleep(READ_MS);

  await caption(page, 'They start again with empty memories, and get all that they lack.');
  await stage.startSecondaries();
  await untilMode(page, 'OK');
  for (const id of ['s1', 's2']) await untilLane(page, id, 'no lag');
}

/** Shows a caption below the page. */
async function caption(page: Page, words: string): Promise<void> {
  await page.evaluate(`caption.textContent = ${JSON.stringify(words)}`);
}

/** Takes pictures of the page, one after the other, while the story goes on. */
async function record(page: Page, story: () => Promise<void>): Promise<Shot[]> {
  const shots: Shot[] = [];
  let isOver = false;
  const shoot = async () => {
    while (!isOver) shots.push({ atMs: performance.now(), png: await page.screenshot() });
  };
  const end = () => {
    isOver = true;
  };
  await Promise.all([story().finally(end), shoot()]);
  return shots;
}

/** The pictures that differ, each shown until the next one was taken. */
function framesOf(shots: readonly Shot[]): Frame[] {
  const different = shots.filter(({ png }, i) => shots[i - 1]?.png.equals(png) !== true);
  return different.map(({ png, atMs }, i) => {
    const next = different[i + 1];
    return {
      picture: decodePng(png),
      delayMs: next === undefined ? LAST_MS : next.atMs - atMs,
    };
  });
}
