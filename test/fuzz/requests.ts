/**
 * Whole requests to real nodes. A second, plain reading of the contract says which statuses an input
 * may get (one for each thing that is wrong with it); what is refused appends nothing.
 */
import assert from 'node:assert/strict';
import http from 'node:http';
import fc from 'fast-check';
import { health, request } from '../support/client.ts';
import { FAST, type NodeProcess, startMaster, startSecondary } from '../support/cluster.ts';
import { waitFor } from '../support/wait.ts';
import { deepJson, halfValid, json, text } from './arbitraries.ts';
import { checkAnswer, exchange, type Received, type Sent } from './exchange.ts';
import { type Property, processes } from './property.ts';

const MESSAGE_BYTES_MAX = 200;
const NODES = 2;
const PATHS = ['/messages', '/messages/{}', '/health', '/livez', '/readyz', '/openapi.json'];
const SECONDARY_PATHS = [...PATHS, '/heartbeat', '/faults', '/replicate'];

interface Input extends Sent {
  readonly route: string;
  readonly parameter: string;
  readonly query: readonly (readonly [string, string])[];
}

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

/** Most often what is right here, and at times one of these. */
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
  accept: mostly(null, '*/*', 'text/html', 'application/json;q=0', 'application/*', ',;q'),
  prefer: mostly(null, 'wait=0', 'respond-async', 'wait=1', 'wait=x', 'return=minimal, wait="0"'),
  'idempotency-key': mostly(null, 'k1', '"k1"', 'k2', '""', 'k\xe9', '"a', 'x'.repeat(256)),
  'if-none-match': mostly(null, '*', '"x"', 'W/"'),
  authorization: mostly(null, 'Bearer x', 'Basic \xff'),
  'x-noise': mostly(null, 'x'.repeat(3000), ''),
});

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
      parameter: fc.oneof(position, parameterText),
      query: fc.oneof(
        { weight: 3, arbitrary: fc.constant([]) },
        {
          weight: 1,
          arbitrary: fc.array(
            fc.tuple(
              fc.constantFrom('from', 'limit', 'w', 'x', ''),
              fc.oneof(position, parameterText),
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
        Object.entries(headers).filter((pair): pair is [string, string] => pair[1] !== null),
      ),
      body: method === 'HEAD' || method === 'TRACE' ? null : body,
    }));

// --- the second reading ------------------------------------------------------------------------

const isPosition = (value: string) =>
  /^[1-9]\d*$/.test(value) && Number.isSafeInteger(Number(value));
const decoded = (value: string) => decodeURIComponent(value.replaceAll('+', ' '));
const isGoodW = (value: unknown) =>
  value === 'all' || value === 'majority' || (Number.isSafeInteger(value) && Number(value) >= 1);

function wrongQuery({ query }: Input, known: readonly string[]): boolean {
  const names = query
    .map(([name]) => name)
    .filter((name, i) => name !== '' || query[i]?.[1] !== undefined);
  return names.some((name) => !known.includes(name)) || new Set(names).size < names.length;
}

/** What the `Accept` of these inputs admits of JSON. */
const wrongAccept = ({ headers }: Input) =>
  ['text/html', 'application/json;q=0', ',;q'].includes(headers.accept ?? '');

function wrongType({ headers }: Input): boolean {
  const type = headers['content-type'] ?? '';
  return (
    !/^application\/json(; charset=utf-8)?$/.test(type) || headers['content-encoding'] === 'gzip'
  );
}

/** How many messages a body asks to append; or the statuses it may be refused with. */
function readAppend(body: Sent['body']): { count: number; w: unknown } | number[] {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(body ?? '')));
  } catch {
    return [400];
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [400];
  const fields = value as Record<string, unknown>;
  const has = (name: string) => Object.hasOwn(fields, name);
  const list = has('message') ? [fields.message] : fields.messages;
  if (Object.keys(fields).some((name) => !['message', 'messages', 'w'].includes(name)))
    return [400];
  if (has('message') === has('messages') || !Array.isArray(list) || list.length === 0) return [400];
  if (!list.every((item) => typeof item === 'string' && item.isWellFormed())) return [400, 413];
  if (has('w') && !isGoodW(fields.w)) return [400, 413];
  if (list.some((item) => Buffer.byteLength(item) > MESSAGE_BYTES_MAX)) return [413];
  if (typeof fields.w === 'number' && fields.w > NODES) return [400];
  return { count: list.length, w: fields.w };
}

function expectedAppend(input: Input): number[] {
  const wrong: number[] = [];
  if (wrongQuery(input, [])) wrong.push(400);
  if (wrongType(input)) wrong.push(415);
  const key = input.headers['idempotency-key'];
  if (key !== undefined && !/^("k1"|k\d)$/.test(key)) wrong.push(400);
  const body = readAppend(input.body);
  if (Array.isArray(body)) wrong.push(...body);
  if (wrong.length > 0) return wrong;
  return key === undefined ? [201, 202] : [200, 201, 202, 422];
}

function expectedEntry(input: Input, isMaster: boolean, length: number): number[] {
  const wrong: number[] = [];
  if (wrongQuery(input, isMaster ? ['w'] : [])) wrong.push(400);
  const text = decoded(input.query.find(([name]) => name === 'w')?.[1] ?? '1');
  const w = /^\d{1,15}$/.test(text) ? Number(text) : text;
  if (!isGoodW(w) || (typeof w === 'number' && w > NODES)) wrong.push(400);
  if (!isPosition(input.parameter) || Number(input.parameter) > length) wrong.push(404);
  return wrong.length > 0 ? wrong : [200, 202];
}

function expectedList(input: Input): number[] {
  if (wrongQuery(input, ['from', 'limit'])) return [400];
  if (input.query.some(([, value]) => !isPosition(decoded(value)))) return [400];
  return input.headers['if-none-match'] === '*' ? [304] : [200];
}

/** The page of a master, which is HTML and nothing else. */
function expectedPage(input: Input, kind: string): number[] {
  if (kind !== 'GET') return [405];
  if (!['*/*', 'text/html'].includes(input.headers.accept ?? '*/*')) return [406];
  if (wrongQuery(input, [])) return [400];
  return input.headers['if-none-match'] === '*' ? [304] : [200];
}

function expected(input: Input, isMaster: boolean, length: number): number[] {
  const { route, parameter, method } = input;
  if (isMaster && route === '/') return expectedPage(input, method === 'HEAD' ? 'GET' : method);
  const paths = isMaster ? PATHS : SECONDARY_PATHS;
  const isEmptyEntry = route === '/messages/{}' && (parameter === '' || parameter.includes('/'));
  if (!paths.includes(route) || isEmptyEntry) return [404];
  const kind = method === 'HEAD' ? 'GET' : method;
  const posts = isMaster ? ['/messages'] : ['/replicate'];
  const allowed = [
    'GET',
    ...(posts.includes(route) ? ['POST'] : []),
    ...(route === '/faults' ? ['PUT'] : []),
  ];
  if (!allowed.includes(kind)) return [405];
  // No master ever reaches this node, so it has no log to give away.
  if (route === '/replicate') return kind === 'GET' ? [406, 400, 404] : [406, 415, 400];
  if (wrongAccept(input)) return [406];
  if (route === '/messages') return kind === 'POST' ? expectedAppend(input) : expectedList(input);
  if (route === '/messages/{}') return expectedEntry(input, isMaster, length);
  if (route === '/heartbeat') return [200];
  if (route === '/faults' && kind === 'PUT') return [200, 400, 415];
  if (wrongQuery(input, [])) return [400];
  if (route === '/openapi.json') return input.headers['if-none-match'] === '*' ? [304] : [200];
  return route === '/readyz' ? [200, 503] : [200];
}

// --- the runs ----------------------------------------------------------------------------------

/** How many messages an answer says were appended. */
export function appendedBy({ status, body }: Received): number {
  if (status !== 201 && status !== 202) return 0;
  const receipt = JSON.parse(body);
  return receipt.duplicate === true || receipt.message !== undefined ? 0 : (receipt.count ?? 1);
}

/** Checks after a run that the nodes live, never met a defect, and end as they should. */
export async function stopSound(...nodes: NodeProcess[]): Promise<void> {
  for (const node of nodes) assert.equal((await request(`${node.url}/livez`)).status, 200);
  for (const node of nodes) assert.equal(await node.stop(), 0);
  for (const node of nodes) {
    assert.deepEqual([...node.events('defect'), ...node.events('handler-failed')], []);
    assert.equal(node.stderr, '');
  }
}

function checker(node: NodeProcess, isMaster: boolean) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  let length = 0;
  return async (input: Input) => {
    const answer = await exchange(agent, node.port, input);
    checkAnswer(answer, input.method === 'HEAD');
    const allowed = expected(input, isMaster, length);
    assert(allowed.includes(answer.status), `${answer.status}, not ${allowed}: ${answer.body}`);
    if (input.method === 'POST') length += appendedBy(answer);
    assert.equal((await health(node)).length, length, 'what is refused appends nothing');
  };
}

export const requestProperties: readonly Property[] = [
  processes('requests to a master', 0.09, input(PATHS), async () => {
    const s1 = await startSecondary({ NODE_ID: 's1' });
    const environment = { ...FAST, MAX_MESSAGE_BYTES: MESSAGE_BYTES_MAX, DEFAULT_W: 1 };
    const master = await startMaster([s1.port], environment);
    await waitFor('the cluster to be ok', async () => (await health(master)).status === 'ok');
    return { check: checker(master, true), stop: () => stopSound(master, s1) };
  }),
  processes('requests to a secondary', 0.04, input(SECONDARY_PATHS), async () => {
    const node = await startSecondary({ FAULT_INJECTION: true });
    return { check: checker(node, false), stop: () => stopSound(node) };
  }),
];
