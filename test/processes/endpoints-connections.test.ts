/** Hostile connections: slow, idle, not reading, flooding, or waiting by the thousand. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { append, health, messages, request } from '../support/client.ts';
import { type NodeProcess, startDegraded, startMaster, stopAfter } from '../support/cluster.ts';
import { freePort } from '../support/port.ts';
import { RawConnection, rawAppend } from '../support/raw.ts';
import { peakMebibytes, residentMebibytes } from '../support/usage.ts';
import { DEADLINE_MS, waitFor } from '../support/wait.ts';

const skip = !existsSync('/proc');
const isBun = process.env.RUNTIME?.includes('bun') ?? false;
/** The contract's figure: 20 deaf readers of a large log may cost 64 MB. */
const DEAF_READERS_MEBIBYTES_MAX = 64e6 / 1024 / 1024;

function open(t: TestContext, node: NodeProcess): RawConnection {
  const connection = new RawConnection(node.port);
  t.after(() => connection.destroy());
  return connection;
}

async function startAlone(t: TestContext, environment = {}): Promise<NodeProcess> {
  const master = await startMaster([], environment);
  stopAfter(t, master);
  return master;
}

/** Checks that other clients are served meanwhile. */
async function appendMeanwhile(master: NodeProcess): Promise<void> {
  const soon = AbortSignal.timeout(DEADLINE_MS);
  const answer = await append(master, { message: 'm', w: 1 }, {}, soon);
  assert.equal(answer.status, 201);
}

const get = (path: string, accept = '*/*') =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nAccept: ${accept}\r\n\r\n`;
const countOf = (text: string, part: string) => text.split(part).length - 1;

describe('readers that do not read', () => {
  it('cost less than 64 MB when 20 of them ask for 45 MB, in every form', { skip }, async (t) => {
    const master = await startAlone(t);
    const big = Array<string>(15).fill('x'.repeat(1_000_000));
    for (let i = 0; i < 3; i += 1) {
      assert.equal((await append(master, { messages: big, w: 1 })).status, 201);
    }
    // Read once before, because the cost of any read is not part of the figure.
    assert.equal((await messages(master)).length, 45);
    const before = await residentMebibytes(master);
    const forms = ['application/json', 'application/x-ndjson', 'text/event-stream'];
    const readers = Array.from({ length: 20 }, (_, i) =>
      open(t, master).send(get('/messages', forms[i % forms.length])),
    );
    for (const reader of readers) {
      await reader.until('HTTP/1.1 200');
      reader.pause();
    }
    let grown = 0;
    for (let i = 0; i < 20; i += 1) {
      await appendMeanwhile(master);
      grown = Math.max(grown, (await residentMebibytes(master)) - before);
    }
    t.diagnostic(`20 readers of 45 MB that do not read: ${grown.toFixed(1)} MiB`);
    assert(grown < DEAF_READERS_MEBIBYTES_MAX, `they cost ${grown} MiB`);
    // One of them reads at last, and gets the whole log as it was at its request.
    const [reader] = readers as [RawConnection];
    reader.resume();
    await waitFor('the whole log', () => reader.received.length > 45_000_000);
    assert.equal(master.stderr, '');
  });

  it('cost no more when they follow a log that grows', { skip }, async (t) => {
    const master = await startAlone(t);
    // Small entries are copied for each reader; large ones would be views of the log.
    const batch = { messages: Array<string>(7500).fill('x'.repeat(2000)), w: 1 };
    const read = open(t, master).send(get('/messages', 'text/event-stream'));
    const grow = async () => assert.equal((await append(master, batch)).status, 201);
    const readUntil = async (seq: number) => {
      await waitFor(`seq ${seq}`, () =>
        read.received.includes(`id: ${seq}-`, read.received.length - 5000),
      );
    };
    for (let i = 0; i < 2; i += 1) await grow();
    await readUntil(15_000);
    const before = await residentMebibytes(master);
    const after = 'text/event-stream\r\nLast-Event-ID: 15000';
    const deaf = Array.from({ length: 20 }, () => open(t, master).send(get('/messages', after)));
    for (const reader of deaf) {
      await reader.until('HTTP/1.1 200');
      reader.pause();
    }
    for (let i = 0; i < 2; i += 1) await grow();
    await readUntil(30_000);
    for (let i = 0; i < 20; i += 1) await appendMeanwhile(master);
    let grown = 0;
    // Garbage of the growth is collected at some time; what is kept for readers that do not read would stay.
    await waitFor('20 tails that do not read 30 MB to cost less than 64 MB', async () => {
      await appendMeanwhile(master);
      // The log itself has grown by 30 MB.
      grown = (await residentMebibytes(master)) - before - 30e6 / 1024 / 1024;
      return grown < DEAF_READERS_MEBIBYTES_MAX;
    }).finally(() => t.diagnostic(`20 tails that do not read 30 MB: ${grown.toFixed(1)} MiB`));
    const [reader] = deaf as [RawConnection];
    reader.resume();
    const last = `id: ${(await health(master)).length}-`;
    const isAll = () => reader.received.includes(last, reader.received.length - 5000);
    await waitFor('all of it, for one of them that reads after all', isAll);
    assert.equal(master.stderr, '');
  });

  it('cost no more when each asks for an entry a thousand times at once', { skip }, async (t) => {
    const master = await startAlone(t);
    await append(master, { messages: ['x'.repeat(1_000_000), 'y'.repeat(50_000)], w: 1 });
    assert.equal((await request(`${master.url}/messages/1`)).status, 200);
    const before = await residentMebibytes(master);
    for (const path of ['/messages/1', '/messages?from=2', '/messages/2']) {
      const deaf = Array.from({ length: 5 }, () =>
        open(t, master).pause().send(get(path).repeat(1000)),
      );
      for (let i = 0; i < 5; i += 1) await appendMeanwhile(master);
      const grown = (await residentMebibytes(master)) - before;
      // One such connection was 1,300 MiB.
      assert(grown < 200, `5000 answers that nobody reads cost ${grown} MiB`);
      for (const connection of deaf) connection.destroy();
    }
    const reader = open(t, master).send(get('/messages/2').repeat(100));
    const whole = () => countOf(reader.received, '"acked":["master"]') === 100;
    await waitFor('all answers of one who reads', whole);
    assert.equal(master.stderr, '');
  });
});

describe('connections by the thousand', () => {
  it('may be idle, two thousand of them, while others are served', { skip }, async (t) => {
    const master = await startAlone(t);
    const before = await residentMebibytes(master);
    const idle: RawConnection[] = [];
    for (let i = 0; i < 2000; i += 1) {
      // Some have sent nothing, some a request, and some a part of one.
      const bytes = ['', get('/livez'), 'GET /livez HTT', rawAppend({ message: 'a' }).slice(0, -3)];
      idle.push(open(t, master).send(bytes[i % bytes.length] as string));
      if (i % 200 === 0) await appendMeanwhile(master);
    }
    await waitFor(
      'the answers',
      () => idle.filter(({ received }) => received !== '').length >= 500,
    );
    await appendMeanwhile(master);
    const grown = (await residentMebibytes(master)) - before;
    t.diagnostic(`2000 idle connections: ${grown.toFixed(1)} MiB`);
    assert(grown < 100, `2000 idle connections cost ${grown} MiB`);
    assert.equal(master.stderr, '');
  });

  it('are ended with 408 when their headers trickle in', { timeout: 60_000 }, async (t) => {
    const master = await startAlone(t);
    const slow = Array.from({ length: 100 }, () =>
      open(t, master).send('POST /messages HTTP/1.1\r\nHost: x\r\n'),
    );
    const trickle = setInterval(() => {
      for (const connection of slow) connection.send('a: b\r\n');
    }, 300);
    t.after(() => clearInterval(trickle));
    const answered = () => slow.filter(({ received }) => received !== '');
    await waitFor('all of them to be answered', () => answered().length === slow.length, 40_000);
    await appendMeanwhile(master);
    for (const { received } of slow) assert.match(received, /^HTTP\/1.1 408 .*request-timeout/s);
    await waitFor('all to be closed', () => slow.every(({ isClosed }) => isClosed));
    assert.equal((await health(master)).length, 1);
  });

  it('may flood it with requests, and all are answered', { skip }, async (t) => {
    const master = await startAlone(t);
    const floods = Array.from({ length: 10 }, () => open(t, master));
    for (const flood of floods) flood.send(get('/livez').repeat(2000));
    await appendMeanwhile(master);
    const appends = open(t, master).send(rawAppend({ message: 'a' }).repeat(2000));
    const answers = (flood: RawConnection) => countOf(flood.received, 'HTTP/1.1 200');
    await waitFor('all of them', () => floods.every((flood) => answers(flood) === 2000));
    await waitFor('all appends', () => countOf(appends.received, 'HTTP/1.1 201') === 2000);
    assert.equal((await health(master)).length, 2001);
    assert((await peakMebibytes(master)) < 400);
    assert.equal(master.stderr, '');
  });

  it('may not have more requests open than there may be, but one each always', {
    skip,
  }, async (t) => {
    const master = await startAlone(t, {
      SECONDARIES: `http://127.0.0.1:${await freePort()}`,
      QUORUM_APPEND: false,
      MAX_WAITING: 100_000,
    });
    await append(master, { message: 'a', w: 1 });
    // A request that waits also delays the answers to those behind it.
    const floods = Array.from({ length: 30 }, () =>
      open(t, master).send(get('/messages/1?w=2').repeat(2000)),
    );
    await waitFor('some to be cut off', () => floods.some(({ isClosed }) => isClosed));
    assert((await health(master)).waiting <= 32_768);
    await appendMeanwhile(master);
    for (const flood of floods) flood.destroy();
    await waitFor('nobody to wait', async () => (await health(master)).waiting === 0);
    assert((await peakMebibytes(master)) < 700);
    assert.equal(master.stderr, '');
  });
});

describe('clients that wait', () => {
  it('are 10,000 at once; one more is refused before anything is appended', {
    timeout: 90_000,
  }, async (t) => {
    const { master, startSecond } = await startDegraded(t);
    const clients = Array.from({ length: 100 }, () => open(t, master));
    for (const client of clients) client.send(rawAppend({ message: 'a', w: 3 }).repeat(100));
    await waitFor('all to wait', async () => (await health(master)).waiting === 10_000);
    const surplus = await append(master, { message: 'b', w: 3 });
    assert.equal(surplus.status, 503);
    assert.equal(surplus.body.type, '/problems/overloaded');
    assert.equal(surplus.body.limit, 10_000);
    assert.equal(surplus.headers.get('retry-after'), '1');
    assert.equal((await health(master)).length, 10_000);
    assert.equal((await request(`${master.url}/messages/1?w=3`)).status, 503);
    await appendMeanwhile(master);
    const noWait = await append(master, { message: 'c', w: 3 }, { prefer: 'wait=0' });
    assert.equal(noWait.status, 202);
    await startSecond();
    const answers = (client: RawConnection) => countOf(client.received, 'HTTP/1.1 201');
    await waitFor('every answer', () => clients.every((client) => answers(client) === 100), 60_000);
    const seqs = clients.flatMap(({ received }) => received.match(/"seq":\d+/g) ?? []);
    assert.equal(new Set(seqs).size, 10_000);
    assert.equal(master.stderr, '');
  });
});

describe('requests that are not quite HTTP', () => {
  it('lose no header, however many there are', {
    skip: isBun && 'Bun refuses so many',
  }, async (t) => {
    const master = await startAlone(t);
    const bytes = rawAppend({ message: 'a' });
    const many = bytes.replace('Host', `${'a: b\r\n'.repeat(1500)}Idempotency-Key: k\r\nHost`);
    assert.match(await open(t, master).send(many).until('}'), /^HTTP\/1.1 201 /);
    assert.match(await open(t, master).send(many).until('}'), /^HTTP\/1.1 200 .*duplicate/s);
    const tooMany = bytes.replace('Host', `${'abc: defgh\r\n'.repeat(2500)}Host`);
    assert.match(await open(t, master).send(tooMany).closed(), /^HTTP\/1.1 431 /);
    assert.equal((await health(master)).length, 1);
  });

  it('are answered, and their connection closed', async (t) => {
    const master = await startAlone(t);
    const cases: [string, RegExp][] = [
      ['CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1.1 405 .*Allow/s],
      ['GET /livez HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n', /^HTTP\/1.1 400 .*given twice/s],
      ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', /^HTTP\/1.1 400 /],
      ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', /^HTTP\/1.1 400 /],
      ['GET /livez HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n', /^HTTP\/1.1 (200|400) /],
      ['GET /liv\0ez HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1.1 400 /],
      ['GET /livez HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n', /^HTTP\/1.1 400 /],
    ];
    for (const [bytes, expected] of cases) {
      const answer = await open(t, master).send(bytes).until('\r\n\r\n{');
      assert.match(answer, expected, bytes);
    }
  });

  it('add up to nothing behind one that waits', async (t) => {
    const { master, startSecond } = await startDegraded(t);
    const waiting = open(t, master).send(rawAppend({ message: 'b', w: 3 }));
    await waitFor('it to wait', async () => (await health(master)).waiting === 1);
    for (let i = 0; i < 50; i += 1) {
      await waiting.sendAll('garbage\r\n\r\n');
      await health(master);
    }
    await startSecond();
    assert.match(await waiting.closed(), /^HTTP\/1.1 201 /);
    // Each piece of garbage used to add a listener, until node warned of a leak.
    assert.equal(master.stderr, '');
  });
});
