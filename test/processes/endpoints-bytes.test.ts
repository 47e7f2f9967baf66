/** Requests that could take more memory than their bytes: endless, byte by byte, nested, many at once. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { append, health, messages, replicate, request } from '../support/client.ts';
import { type NodeProcess, startMaster, startSecondary, stopAfter } from '../support/cluster.ts';
import { RawConnection } from '../support/raw.ts';
import { cpuSeconds, peakMebibytes, residentMebibytes } from '../support/usage.ts';
import { DEADLINE_MS, waitFor } from '../support/wait.ts';

const skip = !existsSync('/proc');
const isBun = process.env.RUNTIME?.includes('bun') ?? false;
const MIB = 1024 * 1024;
/** The CPU time that two nodes may take to refuse 16 MiB; parsing them would take many times that. */
const CPU_SECONDS_MAX = 5;
const frame = (from: number, ...texts: string[]) => ({
  logId: 'L',
  epoch: 1,
  from,
  messages: texts,
});

function open(t: TestContext, node: NodeProcess): RawConnection {
  const connection = new RawConnection(node.port);
  t.after(() => connection.destroy());
  return connection;
}

async function start(t: TestContext): Promise<{ master: NodeProcess; secondary: NodeProcess }> {
  const [master, secondary] = await Promise.all([startMaster([]), startSecondary()]);
  stopAfter(t, master, secondary);
  return { master, secondary };
}

const head = (path: string, type: string, framing: string) =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\n${framing}\r\n\r\n`;
const CHUNKED = 'Transfer-Encoding: chunked';
const appendHead = (framing: string) => head('/messages', 'application/json', framing);
const framesHead = (framing: string) => head('/replicate', 'application/x-ndjson', framing);

/** Checks that a node still serves other clients. */
async function servesOthers(master: NodeProcess, secondary: NodeProcess): Promise<void> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  assert.equal((await append(master, { message: 'm', w: 1 }, {}, signal)).status, 201);
  assert.equal((await request(`${secondary.url}/messages`, { signal })).status, 200);
}

describe('bodies that are an attack', () => {
  it('cost what they weigh, also byte by byte', { skip }, async (t) => {
    const { master, secondary } = await start(t);
    const bytes = '1\r\nx\r\n'.repeat(10_000);
    const targets = [
      [master, appendHead(CHUNKED)],
      [secondary, framesHead(CHUNKED)],
    ] as const;
    for (const [node, start] of targets) {
      const before = await residentMebibytes(node);
      const connection = open(t, node).send(start);
      for (let i = 0; i < 60; i += 1) connection.send(bytes);
      // The end of the body: the answer shows that all of it was read.
      assert.match(await connection.send('0\r\n\r\n').until('/problems/'), /^HTTP\/1.1 400 /);
      // 600 kB as pieces of one byte were 190 MiB.
      const grown = (await peakMebibytes(node)) - before;
      assert(grown < 64, `600 kB, byte by byte, cost ${grown} MiB`);
    }
    await servesOthers(master, secondary);
  });

  it('end at their limit when they have no end of their own', { skip }, async (t) => {
    const { master, secondary } = await start(t);
    const piece = `${MIB.toString(16)}\r\n${'x'.repeat(MIB)}\r\n`;
    const toMaster = open(t, master).send(appendHead(CHUNKED));
    const toSecondary = open(t, secondary).send(framesHead(CHUNKED));
    for (const connection of [toMaster, toSecondary]) {
      for (let i = 0; i < 80 && connection.received === '' && !connection.isClosed; i += 1) {
        await connection.sendAll(piece);
      }
      await waitFor('the end', () => connection.isClosed || connection.received !== '');
    }
    assert.match(toMaster.received, /^HTTP\/1.1 413 /);
    // A secondary closes the connection with its answer, which the network may then lose to a sender.
    if (toSecondary.received !== '') assert.match(toSecondary.received, /^HTTP\/1.1 413 /);
    else assert(toSecondary.isClosed);
    for (const node of [master, secondary]) assert((await peakMebibytes(node)) < 500);
    await servesOthers(master, secondary);
  });

  it('are refused for a length that cannot be, or two', async (t) => {
    const { master, secondary } = await start(t);
    const framings: [string, number][] = [
      ['Content-Length: 9007199254740991', 413],
      ['Content-Length: 99999999999999999999999', 400],
      ['Content-Length: -1', 400],
      ['Content-Length: 1e3', 400],
      ['Content-Length: 0x10', 400],
      ['Content-Length: 5\r\nContent-Length: 6', 400],
      ['Content-Length: 15\r\nTransfer-Encoding: chunked', 400],
      ['Transfer-Encoding: chunked\r\nContent-Length: 15', 400],
      ['Transfer-Encoding: chunked, identity', 400],
      ['Transfer-Encoding: xchunked', 400],
    ];
    for (const [framing, status] of framings) {
      const answer = open(t, master).send(`${appendHead(framing)}{"message":"a"}\r\n0\r\n\r\n`);
      const text = await answer.until('/problems/');
      assert.match(text, new RegExp(`^HTTP/1.1 ${status} `), framing);
    }
    const ack = open(t, secondary).send(
      framesHead('Content-Length: 9\r\nTransfer-Encoding: chunked'),
    );
    assert.match(await ack.until('/problems/'), /^HTTP\/1.1 400 /);
    assert.equal((await health(master)).length, 0);
  });

  it('are refused before they are parsed if they are all brackets', { skip }, async (t) => {
    const { master, secondary } = await start(t);
    const half = 8 * MIB - 10;
    const bodies = [
      '['.repeat(half) + ']'.repeat(half),
      `{"messages":[${'[],'.repeat(5 * MIB)}1]}`,
      `{"messages":[${'"",'.repeat(5 * MIB)}1]}`,
      `{"a":${'{"a":'.repeat(2 * MIB)}1${'}'.repeat(2 * MIB)}}`,
    ];
    for (const body of bodies) {
      const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
      const before = (await cpuSeconds(master)) + (await cpuSeconds(secondary));
      assert.equal((await request(`${master.url}/messages`, json)).status, 400);
      assert.equal((await replicate(secondary, [body])).status, 400);
      const took = (await cpuSeconds(master)) + (await cpuSeconds(secondary)) - before;
      assert(took < CPU_SECONDS_MAX, `${took} s of work for a body that is refused`);
    }
    // A small body is parsed, however deep it is, and is refused because it is no message.
    const small = '{"message":'.repeat(5000) + '1'.padEnd(5001, '}');
    const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body: small };
    assert.equal((await request(`${master.url}/messages`, json)).status, 400);
    for (const node of [master, secondary]) assert((await peakMebibytes(node)) < 400);
    assert.equal((await replicate(secondary, [frame(1, ...Array(100_001).fill(''))])).status, 400);
    assert.equal((await replicate(secondary, [frame(1, ...Array(100_000).fill(''))])).status, 200);
  });
});

describe('frames that are an attack', () => {
  it('are bounded together when many begin at once', { skip }, async (t) => {
    const { master, secondary } = await start(t);
    const before = await residentMebibytes(secondary);
    const half = 'x'.repeat(30 * MIB);
    const partial = Array.from({ length: 20 }, () =>
      open(t, secondary).send(`${framesHead('Content-Length: 62914560')}${half}`),
    );
    // A client that still sends may see a reset before the answer.
    const refused = () => partial.filter(({ isClosed }) => isClosed);
    await waitFor('most of them to be refused', () => refused().length >= 16);
    for (const { received } of refused()) assert.match(received, /^$|^HTTP\/1.1 503 .*overloaded/s);
    const grown = (await residentMebibytes(secondary)) - before;
    // Bun buffers more before it applies backpressure.
    assert(grown < (isBun ? 500 : 300), `600 MiB of unfinished frames cost ${grown} MiB`);
    // Frames of the usual size are accepted meanwhile, and large ones when the others are gone.
    assert.equal((await replicate(secondary, [frame(1, 'a')])).status, 200);
    for (const connection of partial) connection.destroy();
    const large = frame(2, 'y'.repeat(40 * MIB));
    await waitFor('room', async () => (await replicate(secondary, [large])).status === 200);
    await servesOthers(master, secondary);
  });

  it('far ahead are held within bounds, by number and by bytes', { skip }, async (t) => {
    const { secondary } = await start(t);
    const text = 'x'.repeat(MIB);
    const statuses: number[] = [];
    for (let i = 0; i < 20; i += 1) {
      statuses.push((await replicate(secondary, [frame(3 + i, text)])).status);
    }
    assert.deepEqual(new Set(statuses.slice(0, 15)), new Set([200]));
    assert.deepEqual(new Set(statuses.slice(16)), new Set([409]));
    for (const from of [10_002, 2 ** 31, 2 ** 53 - 2]) {
      assert.equal((await replicate(secondary, [frame(from, 'z')])).status, 409, `${from}`);
    }
    const { held, length } = (await request(`${secondary.url}/health`)).body;
    assert.equal(length, 0);
    assert(held <= 16, `${held}`);
    await replicate(secondary, [frame(1, 'a', 'b')]);
    assert.equal((await messages(secondary)).length, 2 + held);
  });

  it('of a log with any name leave the node readable', async (t) => {
    const names = ['漢字\n"', '\u0000', '"', '💥'.repeat(100)];
    for (const logId of names) {
      const secondary = await startSecondary();
      stopAfter(t, secondary);
      assert.equal((await replicate(secondary, [{ ...frame(1, 'a'), logId }])).status, 200);
      const answer = await request(`${secondary.url}/messages`);
      assert.deepEqual(answer.body, ['a']);
      const etag = answer.headers.get('etag') as string;
      const again = { headers: { 'if-none-match': etag } };
      assert.equal((await request(`${secondary.url}/messages`, again)).status, 304);
      await secondary.stop();
    }
    const secondary = await startSecondary();
    stopAfter(t, secondary);
    const lone = JSON.stringify({ ...frame(1, 'a'), logId: '\ud800' });
    assert.equal((await replicate(secondary, [lone])).status, 400);
  });
});
