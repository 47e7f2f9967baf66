/** The check of answers against the description can fail, and is made for every answer of a real node. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { exchange } from '../fuzz/exchange.ts';
import { request } from '../support/client.ts';
import { realPorts, undescribed } from '../support/described.ts';
import { describedFetch } from '../support/described-fetch.ts';
import { EventReader } from '../support/events.ts';
import { checkResponse } from './responses.ts';

interface Answer {
  readonly method: string;
  readonly target: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const JSON_TYPE = { 'content-type': 'application/json' };
const ENTRY = '{"seq":1,"message":"a"}';

const receipt = { seq: 3, epoch: 1, w: 2, acked: ['master', 's1'], pending: ['s2'] };
const APPENDED: Answer = {
  method: 'POST',
  target: '/messages',
  status: 201,
  headers: {
    ...JSON_TYPE,
    location: '/messages/3',
    'log-committed': '2',
    date: 'today',
    connection: 'keep-alive',
  },
  body: JSON.stringify(receipt),
};

const problem = {
  type: '/problems/not-caught-up',
  title: 'This node does not show that message yet',
  status: 503,
  detail: 'not yet',
  length: 2,
  minSeq: 3,
  requestId: 'r1',
};
const REFUSED: Answer = {
  method: 'GET',
  target: '/messages?minSeq=3',
  status: 503,
  headers: {
    'content-type': 'application/problem+json',
    'x-request-id': 'r1',
    'retry-after': '1',
  },
  body: JSON.stringify(problem),
};

const lines = (body: string, type = 'application/x-ndjson'): Answer => ({
  method: 'GET',
  target: '/messages',
  status: 200,
  headers: {
    'content-type': type,
    'log-length': '1',
    'log-committed': '1',
    'log-epoch': '1',
    vary: 'Accept',
    'cache-control': type === 'text/event-stream' ? 'no-store' : 'no-cache',
  },
  body,
});
const LINES = lines(`${ENTRY}\n`);
const RESET = 'id: 0\nevent: reset\ndata: {"from":1,"logId":"L","reason":"cut"}\n\n';
const EVENTS = lines(`id: 1\ndata: ${ENTRY}\n\n:\n\n${RESET}`, 'text/event-stream');

const notFound = { type: '/problems/not-found', title: 'There is nothing here', status: 404 };
const NOWHERE: Answer = {
  method: 'GET',
  target: '/nowhere/at/all',
  status: 404,
  headers: { 'content-type': 'application/problem+json', 'x-request-id': 'r1' },
  body: JSON.stringify({ ...notFound, detail: 'there is none', requestId: 'r1' }),
};

const HEAD: Answer = { ...LINES, method: 'HEAD', body: '' };

/** The answer with other headers; one that is null is left out. */
function withHeaders(answer: Answer, changes: Record<string, string | null>): Answer {
  const all = Object.entries({ ...answer.headers, ...changes });
  const headers = Object.fromEntries(
    all.filter((pair): pair is [string, string] => pair[1] !== null),
  );
  return { ...answer, headers };
}

const withBody = (answer: Answer, body: object): Answer => ({
  ...answer,
  body: JSON.stringify(body),
});

function check({ headers, body, ...asked }: Answer): void {
  checkResponse({ ...asked, headers: Object.entries(headers) }, body);
}

const DOCTORED: readonly [what: string, answer: Answer, why: RegExp][] = [
  ['an unknown member', withBody(APPENDED, { ...receipt, took: 5 }), /unevaluated/],
  [
    'a member of another type',
    withBody(APPENDED, { ...receipt, seq: '3' }),
    /\/seq must be integer/,
  ],
  ['no member that must be there', withBody(APPENDED, { ...receipt, acked: undefined }), /'acked'/],
  ['a node that counts twice', withBody(APPENDED, { ...receipt, acked: ['a', 'a'] }), /duplicate/],
  [
    'a repeat that is told as new',
    withBody(APPENDED, { ...receipt, duplicate: true }),
    /unevaluat/,
  ],
  ['no JSON', { ...APPENDED, body: '<html>' }, /no JSON/],
  ['no body', { ...APPENDED, body: '' }, /no JSON/],
  ['a missing header', withHeaders(APPENDED, { location: null }), /lacks the header location/],
  ['an unknown header', withHeaders(APPENDED, { server: 'x' }), /'server'/],
  ['a header of another form', withHeaders(APPENDED, { location: '/3' }), /location .*pattern/],
  ['no number in a header', withHeaders(LINES, { 'log-length': '1.0' }), /must be integer/],
  ['another media type', withHeaders(APPENDED, { 'content-type': 'text/html' }), /text\/html/],
  ['no media type', withHeaders(APPENDED, { 'content-type': null }), /may not be undefined/],
  ['a charset', withHeaders(LINES, { 'content-type': 'application/x-ndjson; a=b' }), /may not be/],
  ['an unknown status', { ...APPENDED, status: 204 }, /lacks|describe/],
  ['a status of another operation', { ...LINES, status: 202 }, /lacks|describe/],
  ['a status of no operation', { ...REFUSED, target: '/nowhere' }, /describe/],
  ['a status that is not its own', { ...REFUSED, target: '/readyz', status: 500 }, /describe/],
  ['a problem of another place', { ...REFUSED, target: '/readyz' }, /must match/],
  ['a problem without a member', withBody(REFUSED, { ...problem, minSeq: undefined }), /minSeq/],
  ['an unknown problem', withBody(REFUSED, { ...problem, type: '/problems/none' }), /type/],
  ['a stack', withBody(REFUSED, { ...problem, stack: 'at x' }), /unevaluated/],
  ['a 503 that does not say when', withHeaders(REFUSED, { 'retry-after': null }), /retry-after/],
  ['a problem with a status of its own', withBody({ ...NOWHERE, status: 410 }, notFound), /must/],
  ['another line', { ...LINES, body: `${ENTRY}\n{"seq":2}\n` }, /a line .*'message'/],
  ['half a line', { ...LINES, body: `${ENTRY}\n{"seq"` }, /whole/],
  ['an empty line', { ...LINES, body: `${ENTRY}\n\n` }, /no JSON/],
  ['an event without an id', { ...EVENTS, body: `data: ${ENTRY}\n\n` }, /'id'/],
  ['an event of another field', { ...EVENTS, body: `retry: 1\n${EVENTS.body}` }, /additional/],
  ['an event with two ids', { ...EVENTS, body: `id: 0\n${EVENTS.body}` }, /each field once/],
  ['an event of other data', { ...EVENTS, body: 'id: 1\ndata: {"seq":1}\n\n' }, /'message'/],
  ['an event of another type', { ...EVENTS, body: RESET.replace('reset', 'begin') }, /no type/],
  ['another reset', { ...EVENTS, body: RESET.replace('cut', 'whim') }, /reason must be equal/],
  ['half an event', { ...EVENTS, body: `id: 1\ndata: ${ENTRY}` }, /whole/],
  ['no event', { ...EVENTS, body: 'hello\n\n' }, /has a line 'hello'/],
  ['HEAD with a body', { ...HEAD, body: '[]' }, /no body/],
  ['304 with a type', { ...LINES, status: 304, body: '' }, /etag|content-type/],
];

describe('an answer', () => {
  it('may be as it is described', () => {
    for (const answer of [APPENDED, REFUSED, LINES, EVENTS, NOWHERE, HEAD]) check(answer);
    check(withHeaders(LINES, { vary: 'Accept', 'preference-applied': 'wait=5' }));
  });

  for (const [what, answer, why] of DOCTORED) {
    it(`may not have ${what}`, () => {
      assert.throws(() => check(answer), { name: 'AssertionError', message: why });
    });
  }
});

/** A server whose answers are not as described. */
async function serveStrange(t: TestContext): Promise<number> {
  const server = http.createServer((req, res) => {
    const isEvents = req.headers.accept === 'text/event-stream';
    const type = isEvents ? 'text/event-stream' : 'application/json';
    const extra = isEvents ? ['X-Accel-Buffering', 'no'] : [];
    res.writeHead(200, ['Content-Type', type, 'Cache-Control', 'no-store', ...extra]);
    res.end(isEvents ? 'data: {"status":"well"}\n\n' : '{"status":"well"}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

describe('every answer of a real node', () => {
  const sent = { method: 'GET', path: '/health', headers: {}, body: null };
  const ways: readonly [string, (port: number) => Promise<unknown>][] = [
    ['request', (port) => request(`http://127.0.0.1:${port}/health`)],
    ['exchange', (port) => exchange(new http.Agent(), port, sent)],
    [
      'the fetch of a client',
      async (port) => (await describedFetch(fetch)(`http://127.0.0.1:${port}/health`)).text(),
    ],
    [
      'the fetch of a client that reads events',
      async (port) => {
        const headers = { accept: 'text/event-stream' };
        return (await describedFetch(fetch)(`http://127.0.0.1:${port}/health`, { headers })).text();
      },
    ],
    ['EventReader', (port) => new EventReader(`http://127.0.0.1:${port}/health`).until(1)],
  ];
  for (const [name, ask] of ways) {
    it(`is held against the description by ${name}, but not that of a fake`, async (t) => {
      const port = await serveStrange(t);
      await ask(port);
      realPorts.add(port);
      t.after(() => realPorts.delete(port));
      await assert.rejects(ask(port), /health/);
      // This process was meant to find one, so it must not fail.
      assert.equal(undescribed.splice(0).length, 1);
    });
  }
});
