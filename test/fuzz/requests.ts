/**
 * Whole requests to real nodes. A reference model of the contract says which answers a request may get; what is
 * refused appends nothing.
 */
import assert from 'node:assert/strict';
import http from 'node:http';
import fc from 'fast-check';
import { health, put, request } from '../support/client.ts';
import { FAST, type NodeProcess, startMaster, startSecondary } from '../support/cluster.ts';
import { waitFor } from '../support/wait.ts';
import { deepJson, halfValid, json, text } from './arbitraries.ts';
import { checkAnswer, exchange, type Received } from './exchange.ts';
import { type Property, processes } from './property.ts';
import {
  ACCEPTS,
  EVENTS,
  expected,
  FOREIGN_ID,
  type Input,
  MASTER_PATHS,
  MESSAGE_BYTES_MAX,
  NODES,
  SECONDARY_PATHS,
  TYPES,
  tailStart,
  typeOf,
} from './reference-model.ts';

const position = fc.oneof(
  fc.integer({ min: 1, max: 5 }).map(String),
  fc.constantFrom('0', '-1', '1.5', '01', '9007199254740993', '%31', 'x', ''),
);
const parameterText = text.map((value) => encodeURIComponent(value.toWellFormed()));
const message = fc.string({ unit: 'grapheme', maxLength: 10 });
const w = fc.oneof(fc.constantFrom('all', 'majority'), fc.integer({ min: -1, max: NODES + 1 }));
const appendBody = fc
  .oneof(
    { weight: 5, arbitrary: halfValid({ message, w }) },
    { weight: 3, arbitrary: halfValid({ messages: fc.array(message, { maxLength: 4 }), w }) },
    { weight: 1, arbitrary: json },
    { weight: 1, arbitrary: fc.constant({ message: 'x'.repeat(MESSAGE_BYTES_MAX + 1) }) },
  )
  .map((value) => JSON.stringify(value));
const faultsBody = halfValid({
  delayMs: fc.nat(9),
  errorRate: fc.constant(0),
  errorAfterApplyRate: fc.constant(0),
}).map((value) => JSON.stringify(value));
const body = fc.oneof(
  { weight: 8, arbitrary: appendBody },
  { weight: 2, arbitrary: faultsBody },
  { weight: 1, arbitrary: deepJson },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '',
      '{',
      'hello',
      '\ufeff{"message":"bom"}',
      '{"message":"a","message":"b"}',
    ),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }) },
);

/** Mostly the valid value, and sometimes one of these. */
const mostly = (right: string | null, ...others: (string | null)[]) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constant(right) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );

const headers = fc.record({
  'content-type': mostly(
    'application/json',
    null,
    'text/plain',
    'application/json; charset=utf-8',
    'application/json;charset=latin1',
    'application/x-ndjson',
    '',
  ),
  'content-encoding': mostly(null, 'gzip', 'identity'),
  accept: fc.oneof(
    { weight: 2, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.constantFrom(...Object.keys(ACCEPTS)) },
  ),
  prefer: mostly(null, 'wait=0', 'respond-async', 'wait=1', 'wait=x', 'return=minimal, wait="0"'),
  'idempotency-key': mostly(null, 'k1', '"k1"', 'k2', '""', 'k\xe9', '"a', 'x'.repeat(256)),
  'if-none-match': mostly(null, '*', '"x"', 'W/"'),
  authorization: mostly(null, 'Bearer x', 'Basic \xff'),
  'last-event-id': fc.oneof(
    {
      weight: 2,
      arbitrary: mostly(null, '0', '3', ' 2 ', '', '-1', 'x', '9007199254740991', '1e3'),
    },
    {
      weight: 1,
      arbitrary: mostly(FOREIGN_ID, `${FOREIGN_ID}1`, FOREIGN_ID.replace('.1.0', '.4.0')),
    },
  ),
  'x-request-id': mostly(null, 'mine-1', 'two words', '', 'x'.repeat(129), '"\\{}'),
  traceparent: mostly(
    null,
    `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
    `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`,
    `ff-${'a'.repeat(32)}-${'b'.repeat(16)}-00`,
    `cc-${'a'.repeat(32)}-${'b'.repeat(16)}-01-more`,
    '00-\xff',
    '',
  ),
  'x-noise': mostly(null, 'x'.repeat(3000), ''),
});

/** Waits at a barrier are short, so that there is time for more cases. */
function shortWait(query: Input['query'], prefer: string | null): { prefer?: string } {
  const isBounded = /wait="?\d|respond-async/.test(prefer ?? '');
  return isBounded || !query.some(([name]) => name === 'minSeq') ? {} : { prefer: 'wait=0' };
}

const input = (paths: readonly string[]): fc.Arbitrary<Input> =>
  fc
    .record({
      route: fc.oneof(
        { weight: 9, arbitrary: fc.constantFrom(...paths) },
        {
          weight: 1,
          arbitrary: fc.constantFrom(
            '/',
            '/message',
            '/messages/',
            '/messages/1/2',
            '//',
            '/replicate2',
            '/%00',
          ),
        },
      ),
      method: fc.oneof(
        { weight: 3, arbitrary: fc.constantFrom('GET', 'POST', 'POST') },
        {
          weight: 1,
          arbitrary: fc.constantFrom(
            'HEAD',
            'PUT',
            'DELETE',
            'PATCH',
            'OPTIONS',
            'TRACE',
            'PROPFIND',
            'SOURCE',
          ),
        },
      ),
      parameter: fc.oneof(position, parameterText, fc.constantFrom('s1', '%731', 's2')),
      query: fc.oneof(
        { weight: 3, arbitrary: fc.constant([]) },
        {
          weight: 1,
          arbitrary: fc.array(
            fc.oneof(
              {
                weight: 5,
                arbitrary: fc.tuple(
                  fc.constantFrom('from', 'limit', 'minSeq', 'minSeq', 'w', 'x', ''),
                  fc.oneof(position, parameterText),
                ),
              },
              {
                weight: 1,
                arbitrary: fc.tuple(
                  fc.constant('readConcern'),
                  fc.constantFrom('local', 'local', 'loc%61l', 'Local', 'linearizable', ''),
                ),
              },
            ),
            { maxLength: 3 },
          ),
        },
      ),
      headers,
      body,
    })
    .map(({ route, method, parameter, query, headers, body }) => ({
      route,
      parameter,
      method,
      query,
      path:
        route.replace('{}', parameter) +
        (query.length === 0
          ? ''
          : `?${[...query].map(([name, value]) => `${name}=${value}`).join('&')}`),
      headers: Object.fromEntries(
        Object.entries({ ...headers, ...shortWait(query, headers.prefer) }).filter(
          (pair): pair is [string, string] => pair[1] !== null,
        ),
      ),
      body: method === 'HEAD' || method === 'TRACE' ? null : body,
    }));

/** The number of appended messages by an answer. */
export function appendedBy({ status, body }: Received): number {
  if (status !== 201 && status !== 202) return 0;
  const receipt = JSON.parse(body);
  return receipt.duplicate === true || receipt.message !== undefined ? 0 : (receipt.count ?? 1);
}

/** Checks after a run that the nodes are alive, logged no defect, and stop as they should. */
export async function stopSound(...nodes: NodeProcess[]): Promise<void> {
  for (const node of nodes) assert.equal((await request(`${node.url}/livez`)).status, 200);
  for (const node of nodes) assert.equal(await node.stop(), 0);
  for (const node of nodes) {
    assert.deepEqual([...node.events('defect'), ...node.events('handler-failed')], []);
    assert.equal(node.stderr, '');
  }
}

/** The beginning of a stream of events, which has no end; all of any other answer. */
function glimpse(port: number, { path, headers }: Input, hasEvent: boolean): Promise<Received> {
  return new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', path, headers, agent: false, timeout: 20_000 };
    const req = http.get(options, (res) => {
      let body = '';
      const end = () => {
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body });
        req.destroy();
      };
      const isStream = res.headers['content-type'] === EVENTS;
      res.setEncoding('utf8');
      res.on('data', (text) => {
        body += text;
        if (isStream && body.includes('\n\n')) end();
      });
      res.on('end', end);
      res.on('error', reject);
      if (isStream && !hasEvent) end();
    });
    req.on('timeout', () => req.destroy(new Error(`no event from ${path}`)));
    req.on('error', reject);
  });
}

/** The data of the first event of a stream, if it has come. */
function checkFirstEvent({ route, headers }: Input, { body }: Received, start: number): void {
  const [, id = '', type, data = ''] =
    /^(?:id: (\d+)\S*\n)?(?:event: (\w+)\n)?data: (.*)\n\n/.exec(body) ?? [];
  const said = JSON.parse(data);
  if (route === '/health') assert.equal(typeof said.status, 'string');
  else if (headers['last-event-id'] === FOREIGN_ID) {
    assert.deepEqual([id, type, said.from, said.reason], ['0', 'reset', 1, 'other-log']);
  } else assert.deepEqual([Number(id), type, said.seq], [start, undefined, start]);
}

/** The headers that go with every answer. */
function checkHeaders(input: Input, { status, headers, body }: Received): void {
  const isNegotiated = status !== 404 && status !== 405;
  const types = TYPES[`${input.method === 'HEAD' ? 'GET' : input.method} ${input.route}`] ?? [];
  if (isNegotiated) assert.equal(headers.vary, types.length > 1 ? 'Accept' : undefined);
  if (status < 300 && types.length > 0) {
    assert.equal(headers['content-type']?.split(';')[0], typeOf(input));
  }
  if (status < 400) return;
  const own = input.headers['x-request-id'] ?? '';
  const id = headers['x-request-id'] as string;
  if (/^[\x21-\x7e]{1,128}$/.test(own)) assert.equal(id, own);
  else assert.match(id, /^[0-9a-f]{8}-[0-9a-z]+$/);
  if (input.method !== 'HEAD') assert.equal(JSON.parse(body).requestId, id);
}

function checker(node: NodeProcess, isMaster: boolean, disturbed: NodeProcess) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  let length = 0;
  return async (input: Input) => {
    const allowed = expected(input, isMaster, length);
    const { method, route } = input;
    const isStream = method === 'GET' && allowed.includes(200) && typeOf(input) === EVENTS;
    const start = tailStart(input) ?? 0;
    const hasEvent = route === '/health' || start <= length;
    const answer = await (isStream
      ? glimpse(node.port, input, hasEvent)
      : exchange(agent, node.port, input));
    checkAnswer(answer, method === 'HEAD');
    assert(allowed.includes(answer.status), `${answer.status}, not ${allowed}: ${answer.body}`);
    checkHeaders(input, answer);
    if (isStream && hasEvent) checkFirstEvent(input, answer, start);
    if (method === 'POST') length += appendedBy(answer);
    if (method === 'PUT' && answer.status === 200) await calm(disturbed);
    assert.equal((await health(node)).length, length, 'what is refused appends nothing');
  };
}

/** Removes the faults that a request has set, or later requests would wait in vain. */
async function calm({ url }: NodeProcess): Promise<void> {
  const none = { delayMs: 0, errorRate: 0, errorAfterApplyRate: 0 };
  assert.equal((await put(`${url}/faults`, none)).status, 200);
}

export const requestProperties: readonly Property[] = [
  processes('requests to a master', 0.09, input(MASTER_PATHS), async () => {
    const s1 = await startSecondary({ NODE_ID: 's1', FAULT_INJECTION: true });
    const limits = { MAX_MESSAGE_BYTES: MESSAGE_BYTES_MAX, DEFAULT_W: 1, FAULT_INJECTION: true };
    const master = await startMaster([s1.port], { ...FAST, ...limits });
    await waitFor('the cluster to be ok', async () => (await health(master)).status === 'ok');
    return { check: checker(master, true, s1), stop: () => stopSound(master, s1) };
  }),
  processes('requests to a secondary', 0.04, input(SECONDARY_PATHS), async () => {
    const node = await startSecondary({ FAULT_INJECTION: true });
    return { check: checker(node, false, node), stop: () => stopSound(node) };
  }),
];
