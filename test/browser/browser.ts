/**
 * A browser for tests of the page, if one is installed: `CHROMIUM` names it, or it is searched for where
 * packages install it. Every page is watched: its console, its errors, and its requests.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { it, type TestContext } from 'node:test';
import {
  type Browser,
  type BrowserContextOptions,
  chromium,
  type Page,
  type Request,
} from 'playwright-core';
import { answersOf } from '../support/described.ts';
import { DEADLINE_MS } from '../support/wait.ts';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Why there are no tests here; false if there are. */
export const skip = existsSync(CHROMIUM) ? false : `there is no browser: ${CHROMIUM} is missing`;

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** For each test, how its pages are closed. */
const closing = new WeakMap<TestContext, (() => Promise<void>)[]>();

function closers(t: TestContext): (() => Promise<void>)[] {
  const known = closing.get(t) ?? [];
  closing.set(t, known);
  return known;
}

/**
 * A test whose pages are closed before its nodes are stopped: hooks run in the order in which they were
 * registered, and a page would complain that its master is gone.
 */
export function itSees(name: string, body: (t: TestContext) => Promise<void>): void {
  it(name, async (t) => {
    try {
      await body(t);
    } finally {
      for (const close of closers(t)) await close();
    }
  });
}

let browser: Promise<Browser> | null = null;

/** The browser of this test process. */
export function launch(): Promise<Browser> {
  browser ??= chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
  return browser;
}

/** Closes it; to be called after the last test of a file. */
export async function quit(): Promise<void> {
  await (await browser)?.close();
  browser = null;
}

/** What was seen of a page. */
export interface Watched {
  readonly page: Page;
  /** Warnings and errors on its console, uncaught errors, and violations of its policy. */
  readonly complaints: string[];
  /** The origins of its requests. */
  readonly origins: Set<string>;
  /** The methods and paths of its requests. */
  readonly requests: string[];
}

/** Opens the page of a node. Every complaint fails the test, except those that `tolerated` matches. */
export async function open(
  t: TestContext,
  node: { readonly url: string },
  options: BrowserContextOptions & { readonly tolerated?: RegExp } = {},
): Promise<Watched> {
  const { tolerated, ...contextOptions } = options;
  const context = await (await launch()).newContext({ locale: 'en-GB', ...contextOptions });
  context.setDefaultTimeout(DEADLINE_MS);
  const page = await context.newPage();
  const watched: Watched = { page, complaints: [], origins: new Set(), requests: [] };
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    watched.complaints.push(message.text());
  });
  page.on('pageerror', (error) => watched.complaints.push(String(error)));
  page.on('request', (request) => {
    const { protocol, origin, pathname } = new URL(request.url());
    if (protocol !== 'data:') watched.origins.add(origin);
    watched.requests.push(`${request.method()} ${pathname}`);
  });
  const held: Promise<void>[] = [];
  page.on('requestfinished', (request) => {
    held.push(hold(request).catch((error) => void watched.complaints.push(String(error))));
  });
  closers(t).push(async () => {
    await Promise.all(held);
    await context.close();
    const serious = watched.complaints.filter((text) => tolerated?.test(text) !== true);
    assert.deepEqual(serious, [], 'the page complained');
    assert.deepEqual([...watched.origins], [new URL(node.url).origin], 'a request left the origin');
  });
  await page.goto(node.url);
  return watched;
}

/** Checks a node's answer to the page against the description; a stream of events never ends. */
async function hold(request: Request): Promise<void> {
  const { protocol, port, pathname, search } = new URL(request.url());
  if (protocol === 'data:') return;
  const holdAnswer = answersOf(Number(port));
  // The answers to a page that was left or closed are lost.
  const answer = await answerTo(request).catch(() => null);
  if (answer === null) return;
  const { status, headers, body } = answer;
  holdAnswer({ method: request.method(), target: `${pathname}${search}`, status, headers }, body);
}

async function answerTo(request: Request) {
  const response = await request.response();
  if (response === null) return null;
  const headers = Object.entries(await response.allHeaders());
  return { status: response.status(), headers, body: await response.text() };
}

/** Waits until the page shows this mode. */
export async function untilMode(page: Page, word: string, timeout = DEADLINE_MS): Promise<void> {
  await page.locator('#mode-word', { hasText: new RegExp(`^${word}$`) }).waitFor({ timeout });
}

/** Waits until the page shows this reason for its mode. */
export async function untilWhy(page: Page, words: string): Promise<void> {
  await page.locator('#mode-why', { hasText: words }).waitFor();
}

/** The lane of a node. */
export function lane(page: Page, id: string) {
  return page.locator(`.lane[data-node="${id}"]`);
}

/** Waits until the lane of a node shows this. */
export async function untilLane(page: Page, id: string, words: string | RegExp): Promise<void> {
  await lane(page, id).filter({ hasText: words }).waitFor();
}
