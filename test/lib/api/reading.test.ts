import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import {
  type EntryForm,
  encodeEntries,
  eventForm,
  LINE,
} from '../../../src/lib/api/message-writers.ts';
import { listRoute } from '../../../src/lib/api/messages.ts';
import type { NodePort } from '../../../src/lib/api/ports.ts';
import type { ReadEnd } from '../../../src/lib/core/concerns/read-barrier.ts';
import { Log } from '../../../src/lib/core/log/log.ts';
import { packMessages } from '../../../src/lib/core/log/messages.ts';
import { createServer } from '../../../src/lib/http/server.ts';
import { EventReader } from '../../support/events.ts';
import { waitFor } from '../../support/wait.ts';
import { serveSecondary } from '../replication/secondary-server.ts';
import { Dice, seeds } from '../support.ts';

const LINES = { accept: 'application/x-ndjson' };

async function read(url: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, { headers });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

function linesOf(texts: readonly string[], from = 1): string {
  return texts.map((m, i) => `${JSON.stringify({ seq: from + i, message: m })}\n`).join('');
}

function follow(t: TestContext, url: string, headers: Record<string, string> = {}): EventReader {
  const reader = new EventReader(`${url}/messages`, headers);
  t.after(() => reader.close());
  return reader;
}

describe('entries as lines and events', () => {
  it('are what JSON.stringify would write, for random texts and ranges', () => {
    for (const seed of seeds(100)) {
      const dice = new Dice(seed);
      const texts = Array.from({ length: dice.integer(1, 30) }, () => dice.text(40));
      if (dice.chance(0.1)) texts.push('x'.repeat(100_000));
      const log = new Log();
      log.append(packMessages(texts), { epoch: 1, writer: '' });
      const from = dice.integer(1, texts.length);
      const to = dice.integer(from, texts.length);
      const part = texts.slice(from - 1, to);
      const written = (form: EntryForm) =>
        Buffer.concat(encodeEntries(log, { from, to }, form)).toString();
      assert.equal(written(LINE), linesOf(part, from));
      const idOf = (seq: number) => ({ rest: `-${seq >>> 2}`, last: seq | 3 });
      const expected = part.map((message, i) => {
        const seq = from + i;
        return `id: ${seq}-${seq >>> 2}\ndata: ${JSON.stringify({ seq, message })}\n\n`;
      });
      assert.equal(written(eventForm(idOf)), expected.join(''));
    }
  });
});

describe('GET /messages as NDJSON', () => {
  it('has a line for each entry, pages, and says 304', async (t) => {
    const { url, feed } = await serveSecondary(t);
    const empty = await read(`${url}/messages`, LINES);
    assert.deepEqual([empty.text, empty.headers.get('log-id')], ['', null]);
    feed(1, 1, ['a', 'b"\n', 'c']);
    const all = await read(`${url}/messages`, LINES);
    assert.equal(all.headers.get('content-type'), 'application/x-ndjson');
    assert.equal(all.headers.get('log-length'), '3');
    assert.equal(all.headers.get('log-id'), 'L');
    assert.equal(all.headers.get('vary'), 'Accept');
    assert.equal(all.text, linesOf(['a', 'b"\n', 'c']));
    const page = await read(`${url}/messages?from=2&limit=1`, LINES);
    assert.equal(page.text, linesOf(['b"\n'], 2));
    const etag = page.headers.get('etag') as string;
    const path = `${url}/messages?from=2&limit=1`;
    assert.equal((await read(path, { ...LINES, 'if-none-match': etag })).status, 304);
    assert.equal((await read(path, { 'if-none-match': etag })).status, 200, 'another form');
  });

  it('is written a piece at a time', async (t) => {
    const { url, feed } = await serveSecondary(t);
    const texts = Array.from({ length: 5000 }, (_, i) => `${i} ${'x'.repeat(i % 100)}`);
    feed(1, 1, texts);
    assert.equal((await read(`${url}/messages`, LINES)).text, linesOf(texts));
  });
});

describe('GET /messages as events', () => {
  it('goes on with what comes', async (t) => {
    const { url, feed } = await serveSecondary(t);
    feed(1, 1, ['a', 'b']);
    const reader = await follow(t, url).until(2);
    feed(1, 3, ['c']);
    await reader.until(3);
    feed(1, 4, ['d', 'e']);
    await reader.until(5);
    assert.deepEqual(reader.messages, ['a', 'b', 'c', 'd', 'e']);
    assert.deepEqual(reader.seqs, [1, 2, 3, 4, 5]);
    assert.equal(reader.headers['content-type'], 'text/event-stream');
  });

  it('waits on a node that has nothing yet, with its headers already there', async (t) => {
    const { url, feed } = await serveSecondary(t);
    const reader = follow(t, url);
    await waitFor('the headers', () => reader.status === 200);
    feed(1, 1, ['a']);
    assert.deepEqual((await reader.until(1)).messages, ['a']);
  });

  it('is 200 in every state of the node: at any other status a browser gives up for good', async (t) => {
    const { url, feed, stop } = await serveSecondary(t);
    const empty = follow(t, url);
    await waitFor('its headers', () => empty.status === 200);
    feed(1, 1, ['a']);
    await empty.until(1);
    stop();
    const late = await follow(t, url, { 'last-event-id': '1' }).closed();
    assert.deepEqual([late.status, late.events], [200, []]);
    await empty.closed();
  });

  it('begins at `from`, or after the last id, which counts more', async (t) => {
    const { url, feed } = await serveSecondary(t);
    feed(1, 1, ['a', 'b', 'c', 'd']);
    const idsOf = async (query: string, headers: Record<string, string>) => {
      const reader = new EventReader(`${url}/messages?limit=2${query}`, headers);
      return (await reader.closed()).seqs;
    };
    assert.deepEqual(await idsOf('', {}), [1, 2], 'ends after its limit');
    assert.deepEqual(await idsOf('&from=3', {}), [3, 4]);
    assert.deepEqual(await idsOf('&from=1', { 'last-event-id': '2' }), [3, 4]);
    assert.deepEqual(await idsOf('', { 'last-event-id': '0' }), [1, 2]);
    assert.deepEqual(await idsOf('', { 'last-event-id': '' }), [1, 2]);
    for (const id of ['x', '-1', '1.5', '9007199254740993']) {
      const headers = { accept: 'text/event-stream', 'last-event-id': id };
      const answer = await read(`${url}/messages`, headers);
      assert.deepEqual([answer.status, JSON.parse(answer.text).type], [400, '/problems/bad-range']);
    }
  });

  it('waits behind the end of a log that is shorter than what it has seen', async (t) => {
    const { url, feed } = await serveSecondary(t);
    feed(1, 1, ['a']);
    const reader = follow(t, url, { 'last-event-id': '2' });
    await waitFor('the headers', () => reader.status === 200);
    feed(1, 2, ['b', 'c']);
    assert.deepEqual((await reader.until(1)).seqs, [3]);
  });

  it('ends when the node stops', async (t) => {
    const { url, feed, stop } = await serveSecondary(t);
    feed(1, 1, ['a', 'b']);
    const stopped = await follow(t, url).until(2);
    stop();
    await stopped.closed();
    const late = await follow(t, url).closed();
    assert.equal(late.status, 200, 'it tells what there is, and ends');
    assert.deepEqual(late.messages, ['a', 'b']);
  });

  it('gets a comment every 15 s, also when nothing comes', async (t) => {
    let clock = 0;
    const core = { log: new Log(), length: 0, committed: 0, logId: null, logEpoch: 0 };
    const waits: number[] = [];
    const port = {
      core,
      now: () => clock,
      awaitShown: (seq: number, deadline: number, onEnd: (end: ReadEnd) => void) => {
        if (waits.push(deadline) === 4) return null;
        setImmediate(() => {
          clock = deadline;
          onEnd('time-is-up');
        });
        return { seq, w: 1, deadline, since: 0, onEnd: () => {} };
      },
      cancelRead: () => {},
    };
    const routes = [listRoute(port as unknown as NodePort)];
    const logger = { debug: () => {}, error: () => {} };
    const { server } = createServer({ routes, apiToken: null, clusterToken: null, logger });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.after(() => server.close());
    const { port: number } = server.address() as AddressInfo;
    const reader = await follow(t, `http://127.0.0.1:${number}`).closed();
    assert.deepEqual(waits, [15_000, 30_000, 45_000, 60_000]);
    assert.equal(reader.comments, 3);
  });

  it('answers HEAD with the headers alone', async (t) => {
    const { url } = await serveSecondary(t);
    const headers = { accept: 'text/event-stream' };
    const response = await fetch(`${url}/messages`, { method: 'HEAD', headers });
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    assert.equal(await response.text(), '');
  });
});

describe('what is negotiated', () => {
  const types = ['application/json', 'application/x-ndjson', 'text/event-stream'];
  const asked: [path: string, status: number, headers: Record<string, string>][] = [
    ...types.map(
      (accept) => ['/messages', 200, { accept }] as [string, number, { accept: string }],
    ),
    ['/messages', 200, {}],
    ['/messages', 304, { 'if-none-match': '*' }],
    ['/messages', 304, { accept: 'application/x-ndjson', 'if-none-match': '*' }],
    ['/messages', 406, { accept: 'text/html' }],
    ['/messages?from=0', 400, {}],
    ['/messages?minSeq=9', 503, { prefer: 'wait=0' }],
    ['/health', 200, {}],
    ['/health', 200, { accept: 'text/event-stream' }],
    ['/health', 406, { accept: 'text/html' }],
  ];

  it('says that it varies by `Accept`, once, whatever the answer is', async (t) => {
    const { url } = await serveSecondary(t);
    for (const method of ['GET', 'HEAD']) {
      for (const [path, status, headers] of asked) {
        const response = await fetch(url + path, { method, headers });
        const vary = response.headers.get('vary');
        await response.body?.cancel();
        const what = `${method} ${path} ${JSON.stringify(headers)}`;
        assert.deepEqual([response.status, vary], [status, 'Accept'], what);
      }
    }
    const fixed = await read(`${url}/livez`);
    assert.equal(fixed.headers.get('vary'), null, 'there is one type only');
  });
});

describe('GET /messages?minSeq', () => {
  const prefer = (wait: number) => ({ prefer: `wait=${wait}` });

  it('answers once the seq is shown', async (t) => {
    const { url, feed } = await serveSecondary(t);
    feed(1, 1, ['a']);
    assert.equal((await read(`${url}/messages?minSeq=1`)).text, '["a"]');
    const waiting = read(`${url}/messages?minSeq=3&from=2`, prefer(20));
    feed(1, 2, ['b']);
    feed(1, 3, ['c']);
    const { text, headers } = await waiting;
    assert.equal(text, '["b","c"]');
    assert.equal(headers.get('preference-applied'), 'wait=20');
  });

  it('says 503 not-caught-up with the length when the time is up', async (t) => {
    const { url, feed } = await serveSecondary(t);
    feed(1, 1, ['a']);
    for (const headers of [prefer(0), { prefer: 'respond-async' }, prefer(1)]) {
      const answer = await read(`${url}/messages?minSeq=2`, headers);
      const { type, length } = JSON.parse(answer.text);
      assert.deepEqual([answer.status, type, length], [503, '/problems/not-caught-up', 1]);
      assert.equal(answer.headers.get('retry-after'), '1');
    }
  });

  it('says so of a node that stops', async (t) => {
    const { url, stop } = await serveSecondary(t);
    const waiting = read(`${url}/messages?minSeq=1`, prefer(20));
    const settled = waiting.then(() => true);
    await waitFor('it to wait, and the stop to end it', async () => {
      stop();
      return Promise.race([settled, new Promise((resolve) => setTimeout(resolve, 20, false))]);
    });
    const answer = await waiting;
    assert.deepEqual(
      [answer.status, JSON.parse(answer.text).type],
      [503, '/problems/shutting-down'],
    );
  });

  for (const value of ['0', '-1', '1.5', 'x', '', '9007199254740993']) {
    it(`refuses ${JSON.stringify(value)}`, async (t) => {
      const { url } = await serveSecondary(t);
      const answer = await read(`${url}/messages?minSeq=${value}`);
      assert.deepEqual([answer.status, JSON.parse(answer.text).type], [400, '/problems/bad-range']);
    });
  }
});
