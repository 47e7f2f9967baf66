import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { askHeartbeat } from '../../../src/lib/replication/heartbeat-client.ts';
import { isDown, readProblem } from '../../../src/lib/replication/peer-answers.ts';
import { FakeSecondary } from '../../support/fake-secondary.ts';
import { freePort } from '../../support/port.ts';
import { preparing } from '../support.ts';

const POLL = { prepare: null, bootId: null, completeFrom: null, committed: 0 };
const LONG_MS = 10_000;

function coded(code: string, cause?: unknown): Error {
  return Object.assign(new Error(code, { cause }), { code });
}

/** An error of the built-in `fetch`; only its cause says why. */
function failed(cause: unknown): Error {
  return new TypeError('fetch failed', { cause });
}

/** The error of a connection that was tried to several addresses of a name. */
function several(...codes: string[]): Error {
  return Object.assign(new AggregateError(codes.map((code) => coded(code))), { code: codes[0] });
}

describe('isDown', () => {
  const down = [
    'ECONNREFUSED',
    'EHOSTUNREACH',
    'EHOSTDOWN',
    'ENETUNREACH',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EAI_FAIL',
    'EAI_NONAME',
    'EAI_NODATA',
    'ConnectionRefused',
  ];
  const silent = [
    'ECONNRESET',
    'EPIPE',
    'ETIMEDOUT',
    'ECONNABORTED',
    'EPROTO',
    'EACCES',
    'UND_ERR_SOCKET',
    'UND_ERR_CONNECT_TIMEOUT',
    'UND_ERR_HEADERS_TIMEOUT',
    'HPE_INVALID_CONSTANT',
    'ConnectionClosed',
  ];
  const table: [what: string, error: unknown, isIt: boolean][] = [
    ...down.map((code): [string, unknown, boolean] => [code, failed(coded(code)), true]),
    ...silent.map((code): [string, unknown, boolean] => [code, failed(coded(code)), false]),
    ['ECONNREFUSED without a cause', coded('ECONNREFUSED'), true],
    ['ECONNREFUSED two causes deep', failed(failed(coded('ECONNREFUSED'))), true],
    ['two addresses that refuse', failed(several('ECONNREFUSED', 'ENETUNREACH')), true],
    ['two addresses, one of them silent', failed(several('ECONNREFUSED', 'ETIMEDOUT')), false],
    [
      'two addresses, the first of them silent',
      failed(several('ETIMEDOUT', 'ECONNREFUSED')),
      false,
    ],
    ['no error at all', failed(Object.assign(new AggregateError([]), { code: 'X' })), false],
    ['a failure without a reason', new TypeError('fetch failed'), false],
    ['a cause that is no error', failed('ECONNREFUSED'), false],
    ['a time-out', new DOMException('', 'TimeoutError'), false],
    ['an answer that is too long', new Error('the answer is too long'), false],
  ];
  for (const [what, error, isIt] of table) {
    it(`is ${isIt} of ${what}`, () => assert.equal(isDown(error), isIt));
  }
});

describe('readProblem', () => {
  const read = (status: number, body: unknown, token: string | null = null) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return readProblem(new Response(text, { status }), new AbortController().signal, token);
  };
  const table: [status: number, body: unknown, staleBy: number | null, isRestarted: boolean][] = [
    [409, { type: '/problems/boot-mismatch', detail: 'x', bootId: 'B' }, null, true],
    [409, { type: 'boot-mismatch' }, null, true],
    [400, { type: '/problems/boot-mismatch' }, null, false],
    [503, { type: '/problems/boot-mismatch' }, null, false],
    [409, { type: '/problems/stale-epoch', epoch: 4 }, 4, false],
    [409, { type: '/problems/gap', bootId: 'B' }, null, false],
    [409, '<html>boot-mismatch', null, false],
    [409, 'null', null, false],
  ];
  for (const [status, body, staleBy, isRestarted] of table) {
    it(`finds in ${status} ${JSON.stringify(body)}: restarted ${isRestarted}`, async () => {
      const problem = await read(status, body);
      assert.deepEqual([problem.staleBy, problem.isRestarted], [staleBy, isRestarted]);
    });
  }
});

/** Listens as the test wants; its URL. */
async function serve(t: TestContext, server: Server): Promise<string> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('askHeartbeat', () => {
  const ask = (url: string, timeoutMs = LONG_MS) => askHeartbeat(url, null, POLL, timeoutMs);
  const outcomeOf = async (url: string, timeoutMs?: number) => {
    const answer = await ask(url, timeoutMs);
    return 'reason' in answer ? answer : { reason: 'an answer', isDown: false };
  };

  it('finds that nobody is there where the connection is refused', async () => {
    const outcome = await outcomeOf(`http://127.0.0.1:${await freePort()}`);
    assert.equal(outcome.isDown, true, outcome.reason);
  });

  it('does not find that of who is there and says nothing, breaks off, or talks nonsense', async (t) => {
    const table: [server: Server, reason: RegExp, timeoutMs?: number][] = [
      [createServer(() => {}), /^no answer in time$/, 100],
      [createServer((req) => req.socket.resetAndDestroy()), /fetch failed/],
      [createServer((_, res) => res.end('<html>')), /^the answer is not a heartbeat$/],
      [createServer((_, res) => res.writeHead(503).end()), /^HTTP 503$/],
      [
        createServer((_, res) =>
          res.writeHead(401).end('{"type":"/problems/unauthorized","detail":"no"}'),
        ),
        /^HTTP 401 unauthorized: no$/,
      ],
    ];
    for (const [server, reason, timeoutMs] of table) {
      const outcome = await outcomeOf(await serve(t, server), timeoutMs);
      assert.equal(outcome.isDown, false, outcome.reason);
      assert.match(outcome.reason, reason);
    }
  });

  it('sends what it asks with as headers', async (t) => {
    const seen: unknown[] = [];
    const fake = await new FakeSecondary({
      heartbeat: (res, node, headers) => {
        const names = ['log-poll', 'log-id', 'boot-id', 'log-complete-from', 'log-committed'];
        seen.push(names.map((name) => headers[name] ?? null));
        res.end(JSON.stringify(node.statement()));
      },
    }).listen(t);
    const url = `http://127.0.0.1:${fake.port}`;
    const prepare = { logId: 'L', epoch: 2, writer: 'W' };
    await ask(url);
    await askHeartbeat(url, null, preparing(prepare), LONG_MS);
    const whole = { prepare, bootId: 'B', completeFrom: 3, committed: 2 };
    await askHeartbeat(url, null, whole, LONG_MS);
    assert.deepEqual(seen, [
      ['true', null, null, null, null],
      [null, 'L', null, null, null],
      [null, 'L', 'B', '3', '2'],
    ]);
  });
});
