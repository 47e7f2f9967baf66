import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { listRoute } from '../../../src/lib/api/messages.ts';
import type { NodePort } from '../../../src/lib/api/ports.ts';
import { nodeRoutes } from '../../../src/lib/api/routes.ts';
import { Log } from '../../../src/lib/core/log/log.ts';
import { packMessages } from '../../../src/lib/core/log/messages.ts';
import { Replica } from '../../../src/lib/core/log/replica.ts';
import { readBody } from '../../../src/lib/http/body.ts';
import {
  BODIES_BYTES_MAX,
  BODY_TIMEOUT_MS,
  DISCARD_MS,
  FRAME_LINE_BYTES_MAX,
  FRAME_LINE_STALL_MS,
} from '../../../src/lib/http/limits.ts';
import { sendJson } from '../../../src/lib/http/request-context.ts';
import { createServer, type Route } from '../../../src/lib/http/server.ts';
import { NodeDriver } from '../../../src/lib/runtime/driver.ts';
import { Logger } from '../../../src/lib/runtime/logger.ts';
import { RawConnection } from '../../support/raw.ts';
import { waitFor } from '../../support/wait.ts';

const logger = new Logger('n', 'error', 'json', (line) => assert.fail(line));
const BODY_BYTES_MAX = 60 * 1024 * 1024;

/** Reads every body, and answers with its length. */
const ECHO: Route = {
  method: 'POST',
  path: '/length',
  access: 'open',
  produces: ['application/json'],
  handle: (context) => {
    readBody(context, BODY_BYTES_MAX, ({ length }) => {
      sendJson(context.res, 200, JSON.stringify({ length }));
    });
  },
};

/** Is never answered. */
const NEVER: Route = { ...ECHO, method: 'GET', path: '/never', handle: () => {} };

async function serve(t: TestContext, routes: readonly Route[], readerStallMs?: number) {
  const { server } = createServer({ routes, apiToken: null, clusterToken: null, logger });
  if (readerStallMs !== undefined) server.timeout = readerStallMs;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const open = (bytes: string, halfOpen = false) => {
    const connection = new RawConnection(port, halfOpen).send(bytes);
    t.after(() => connection.destroy());
    return connection;
  };
  const count = () =>
    new Promise<number>((resolve) =>
      server.getConnections((_, connections) => resolve(connections)),
    );
  return { open, count };
}

const post = (length: number, path = '/length') =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n`;
const CHUNKED = 'POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';

describe('a connection that ends with an answer', () => {
  it('does nothing that was sent behind it', async (t) => {
    let taken = 0;
    const handle: Route['handle'] = ({ res }) => {
      taken += 1;
      sendJson(res, 200, '{}');
    };
    const { open } = await serve(t, [{ ...ECHO, path: '/taken', handle }]);
    const nameless = post(0, '/taken').replace('Host: x\r\n', '');
    const answers = await open(post(0, '/taken') + nameless + post(0, '/taken')).closed();
    assert.deepEqual(answers.match(/HTTP\/1.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 400']);
    assert.equal(taken, 1);
  });
});

describe('the limits of the server', () => {
  it('ends a body that takes too long, and what follows a refusal for ever', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { open } = await serve(t, [ECHO]);
    const slow = open(post(100));
    const unwanted = open(CHUNKED.replace('Host', 'Expect: x\r\nHost'));
    const large = open(post(BODY_BYTES_MAX + 1));
    const has = (connection: RawConnection, text: string) => () =>
      connection.received.includes(text);
    await realWait('417', has(unwanted, '/problems/expectation-failed'));
    await realWait('413', has(large, '/problems/content-too-large'));
    t.mock.timers.tick(DISCARD_MS);
    await realWait('both to be closed', () => unwanted.isClosed && large.isClosed);
    t.mock.timers.tick(BODY_TIMEOUT_MS - DISCARD_MS);
    await realWait('the slow one to be closed', () => slow.isClosed);
    assert.match(slow.received, /^HTTP\/1.1 408 .*Connection: close/s);
  });

  it('closes what only the other side keeps open', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { open, count } = await serve(t, [ECHO]);
    const garbage = open('garbage\r\n\r\n', true);
    const tunnel = open('CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', true);
    const received = () => garbage.received !== '' && tunnel.received !== '';
    await realWait('their answers', received);
    assert.match(garbage.received, /^HTTP\/1.1 400 /);
    assert.match(tunnel.received, /^HTTP\/1.1 405 .*Allow: /s);
    assert.equal(await count(), 2);
    t.mock.timers.tick(DISCARD_MS);
    await realWait('no connection', async () => (await count()) === 0);
  });

  it('closes the connection of a reader that takes nothing, not of one who waits', async (t) => {
    const log = new Log();
    for (let i = 0; i < 20; i += 1)
      log.append(packMessages(['x'.repeat(1_000_000)]), { epoch: 1, writer: '' });
    const core = { log, length: log.length, committed: 0, logId: 'L', logEpoch: 1 };
    const port = { core, now: () => 0, awaitShown: () => null, cancelRead: () => {} };
    const { open, count } = await serve(t, [listRoute(port as unknown as NodePort), NEVER], 300);
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
    const waiting = open(get('/never'));
    const reader = open(get('/messages'));
    await reader.until('HTTP/1.1 200');
    reader.pause();
    await waitFor('only the waiting one to be open', async () => (await count()) === 1);
    reader.resume();
    assert((await reader.closed()).length < 20_000_000);
    assert(!waiting.isClosed);
  });

  it('keeps bodies apart that arrive at the same time, or one after the other', async (t) => {
    const edges: Route = {
      ...ECHO,
      handle: (context) => {
        readBody(context, BODY_BYTES_MAX, (bytes) => {
          const values = [...new Set(bytes)].map((byte) => String.fromCharCode(byte));
          sendJson(context.res, 200, JSON.stringify({ of: values.join('') }));
        });
      },
    };
    const { open } = await serve(t, [edges]);
    const half = (letter: string) => letter.repeat(150_000);
    const [a, b] = [open(post(300_000) + half('a')), open(post(300_000) + half('b'))];
    await Promise.all([a.sendAll(half('a')), b.sendAll(half('b'))]);
    await Promise.all([a.until('{"of":"a"}'), b.until('{"of":"b"}')]);
    for (const letter of 'cd') {
      await a.sendAll(post(300_000) + half(letter));
      await a.sendAll(half(letter));
      await a.until(`{"of":"${letter}"}`);
    }
  });

  it('takes no more bodies at once than fit, but small ones always', async (t) => {
    const { open } = await serve(t, [ECHO]);
    const part = 'x'.repeat(32 * 1024 * 1024);
    const some: RawConnection[] = [];
    for (let bytes = 0; bytes < BODIES_BYTES_MAX; bytes += part.length) {
      some.push(open(post(BODY_BYTES_MAX) + part));
    }
    const refused = () => some.filter(({ received }) => received.includes('503'));
    await waitFor('one that is refused', () => refused().length > 0);
    assert.match(refused()[0]?.received ?? '', /^HTTP\/1.1 503 .*Retry-After.*overloaded/s);
    assert.match(await open(`${post(5)}hello`).until('}'), /{"length":5}/);
    for (const connection of some) connection.destroy();
    const again = () => open(post(part.length) + part).until('}');
    await waitFor('room again', async () => (await again()).includes(`"length":${part.length}`));
  });
});

describe('the limits of a stream', () => {
  const head =
    'POST /replicate HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n';
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

  async function serveStreams(t: TestContext) {
    const faults = { delayMs: 0, errorRate: 0, errorAfterApplyRate: 0 };
    const names = { nodeId: 's', bootId: 'B', drawWriter: () => 'W' };
    const core = { ...names, faults, master: null, election: null };
    const driver = new NodeDriver({ core, clusterToken: null }, logger, new Replica());
    const options = { nodeId: 's', faultInjection: false, master: null, masterLength: null };
    const routes = nodeRoutes(driver, options);
    return { ...(await serve(t, routes)), driver };
  }

  it('are told to who sends too long a line', async (t) => {
    const { open } = await serveStreams(t);
    const line = 'x'.repeat(FRAME_LINE_BYTES_MAX + 1);
    const answer = await open(head + chunk(line)).until('"requestId"');
    assert.match(answer, /^HTTP\/1.1 413 .*"limit":67108864,/s);
  });

  it('ends one that stands still in the middle of a line', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { open, driver } = await serveStreams(t);
    const line = '{"logId":"L","epoch":1,"from":1,"messages":["a"]}\n';
    const idle = open(head + chunk(line));
    const stuck = open(head + chunk(line + line.slice(0, 10)));
    await realWait('acks', () =>
      [idle, stuck].every(({ received }) => received.includes('"length"')),
    );
    t.mock.timers.tick(FRAME_LINE_STALL_MS);
    await realWait('the stuck one to be closed', () => stuck.isClosed);
    assert(!idle.isClosed);
    driver.close();
    const late = open(head + chunk(line));
    await realWait('a refusal', () => late.received.includes('/problems/shutting-down'));
  });
});

/** Waits by turns of the event loop, where timers stand still. */
async function realWait(what: string, probe: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await probe())) {
    if (performance.now() > end) throw new Error(`waited for ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
