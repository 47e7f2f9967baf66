/**
 * Takes the pictures of the page that the documentation shows, of clusters of its own: `npm run pictures`
 * writes what a reader sees first, and the animation of the README; `npm run pictures -- <folder>` writes whole
 * pages, to look at, to a folder.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { append } from '../support/client.ts';
import { FAST, startMaster } from '../support/cluster.ts';
import { waitFor } from '../support/wait.ts';
import { launch, quit, skip, untilLane, untilMode } from './browser.ts';
import { film } from './film.ts';
import { compose, Stage } from './stage.ts';

const DOCS = 'docs';
const LOADED_MS = 25_000;

interface Shot {
  readonly name: string;
  readonly options?: BrowserContextOptions;
  /** Brings the cluster and its page into the state that the picture shows. */
  readonly play: (stage: Stage, page: Page) => Promise<void>;
}

async function allGreen(stage: Stage, page: Page): Promise<void> {
  await stage.work(LOADED_MS);
  await compose(page, 'Hello', 'all');
  await page.locator('.append[data-state="holds"]').waitFor();
  await untilLane(page, 's2', 'no lag');
}

async function lagging(stage: Stage, page: Page): Promise<void> {
  await stage.work(LOADED_MS / 3);
  await stage.setFaults('s2', { delayMs: 10_000 });
  await page.locator('.fault[data-node="s2"]', { hasText: '10.0 s' }).waitFor();
  for (let i = 1; i <= 5; i += 1) await append(stage.master, { message: `late ${i}`, w: 2 });
  await compose(page, 'All must hold this', 'all');
  await compose(page, 'Two are enough', '2');
  await page.locator('.append[data-state="waits"]').waitFor();
  await untilLane(page, 's2', 'held back');
}

const SHOTS: readonly Shot[] = [
  { name: 'page-ok', play: allGreen },
  { name: 'page-lagging', play: lagging },
  {
    name: 'page-dark',

    options: { colorScheme: 'dark' },
    play: async (stage, page) => {
      await stage.work(LOADED_MS / 3);
      await page.click('#tour-start');
      await page
        .locator('.step[data-state="running"]', { hasText: 'w=1: answered, and' })
        .waitFor();
    },
  },
  {
    name: 'page-phone',
    options: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 },
    play: async (stage, page) => {
      await lagging(stage, page);
      await page.evaluate('lanes.scrollIntoView()');
    },
  },
  {
    name: 'page-read-only',
    play: async (stage, page) => {
      const { secondaries } = stage;
      await stage.work(LOADED_MS / 3);
      for (const node of secondaries) await node.stop('SIGKILL');
      await untilMode(page, 'Read-only');
      await untilLane(page, 's2', /heartbeat [2-9] s ago/);
    },
  },
  {
    name: 'page-recovering',
    play: async ({ master, secondaries }, page) => {
      await compose(page, 'Who has it?', '2');
      await page.locator('.append[data-state="holds"]').waitFor();
      for (const node of [...secondaries, master]) await node.stop('SIGKILL');
      await untilMode(page, 'No contact');
      await startMaster(
        secondaries.map(({ port }) => port),
        { ...FAST, FAULT_INJECTION: true, PORT: master.port },
      );
      await untilMode(page, 'Recovering');
    },
  },
];

async function take({ name, options, play }: Shot, folder?: string): Promise<void> {
  const stage = await Stage.set();
  try {
    const viewport = { width: 1280, height: 940 };
    const page = await (await launch()).newPage({ viewport, reducedMotion: 'reduce', ...options });
    await page.goto(stage.master.url);
    await untilMode(page, 'OK');
    await play(stage, page);
    // The pointer and the caret would be visible.
    await page.evaluate('document.activeElement.blur()');
    const path = join(folder ?? DOCS, `${name}.png`);
    const fullPage = folder !== undefined;
    await waitFor('the picture', async () => page.screenshot({ path, fullPage }));
    console.log(path);
    await page.close();
  } finally {
    await stage.strike();
  }
}

if (skip) throw new Error(skip);
const folder = process.argv[2];
if (folder !== undefined) await mkdir(folder, { recursive: true });
for (const shot of SHOTS) await take(shot, folder);
if (folder === undefined) console.log(await film(DOCS));
await quit();
process.exit();
