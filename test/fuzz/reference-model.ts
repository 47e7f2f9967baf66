/**
 * A reference model of the contract: which statuses a request may get, one for each thing that is wrong
 * with it, and the media type of its answer.
 */
import type { Sent } from './exchange.ts';

export const MESSAGE_BYTES_MAX = 200;
export const NODES = 2;
const PATHS = [
  '/messages',
  '/messages/{}',
  '/health',
  '/livez',
  '/readyz',
  '/metrics',
  '/openapi.json',
];
const FAULTS_OF = '/secondaries/{}/faults';
export const MASTER_PATHS = [...PATHS, FAULTS_OF];
export const SECONDARY_PATHS = [...PATHS, '/heartbeat', '/faults', '/replicate'];
const [JSON_TYPE, LINES] = ['application/json', 'application/x-ndjson'];
export const EVENTS = 'text/event-stream';
const [HTML, TEXT] = ['text/html', 'text/plain'];
/** The media types of routes, the preferred one first; default JSON. */
export const TYPES: Readonly<Record<string, readonly string[]>> = {
  'GET /messages': [JSON_TYPE, LINES, EVENTS],
  'GET /health': [JSON_TYPE, EVENTS],
  'GET /metrics': [TEXT],
  'GET /': [HTML],
};
/** `Accept`, and the quality of each type in it, and of all others. */
export const ACCEPTS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  '*/*': { others: 1 },
  'text/html': { [HTML]: 1 },
  'application/json;q=0': {},
  'application/*': { [JSON_TYPE]: 1, [LINES]: 1 },
  ',;q': {},
  'TEXT/Event-Stream': { [EVENTS]: 1 },
  'text/event-stream; q=0.5, application/json;q=0.4': { [EVENTS]: 0.5, [JSON_TYPE]: 0.4 },
  'application/x-ndjson;q=0.9, */*;q=0.1': { [LINES]: 0.9, others: 0.1 },
  'text/*, */*;q=0.2': { [EVENTS]: 1, [HTML]: 1, [TEXT]: 1, others: 0.2 },
  'text/event-stream;q=0, */*': { [EVENTS]: 0, others: 1 },
  'application/json;q=x, text/event-stream;q=0.001': { [EVENTS]: 0.001 },
  'application/x-ndjson;level=1, text/plain;q=1.0': { [LINES]: 1, [TEXT]: 1 },
};

export interface Input extends Sent {
  readonly route: string;
  readonly parameter: string;
  readonly query: readonly (readonly [string, string])[];
}

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

/** The model does not know what is committed at some moment. */
function wrongConcern({ query }: Input): boolean {
  const concern = query.find(([name]) => name === 'readConcern')?.[1] ?? 'local';
  return decoded(concern) !== 'local';
}

/** The media type of the answer; null if `Accept` permits none. */
export function typeOf({ route, method, headers }: Input): string | null {
  const types = TYPES[`${method === 'HEAD' ? 'GET' : method} ${route}`] ?? [JSON_TYPE];
  const liked = ACCEPTS[headers.accept ?? '*/*'] as Readonly<Record<string, number>>;
  const quality = (type: string) => liked[type] ?? liked.others ?? 0;
  const best = Math.max(...types.map(quality));
  return best === 0 ? null : (types.find((type) => quality(type) === best) as string);
}

/** The id of an event of a log that no node has. */
export const FOREIGN_ID = '3-otherLog.1.other.1.0.';

/** Where a tail begins; null if the `Last-Event-ID` is none. */
export function tailStart({ headers, query }: Input): number | null {
  const last = headers['last-event-id']?.trim() ?? '';
  if (last === '') return Number(decoded(query.find(([name]) => name === 'from')?.[1] ?? '1'));
  if (last === FOREIGN_ID) return 1;
  return /^\d$/.test(last) ? Number(last) + 1 : null;
}

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
  if (wrongQuery(input, isMaster ? ['w', 'readConcern'] : ['readConcern'])) wrong.push(400);
  if (wrongConcern(input)) wrong.push(400);
  const text = decoded(input.query.find(([name]) => name === 'w')?.[1] ?? '1');
  const w = /^\d{1,15}$/.test(text) ? Number(text) : text;
  if (!isGoodW(w) || (typeof w === 'number' && w > NODES)) wrong.push(400);
  if (!isPosition(input.parameter) || Number(input.parameter) > length) wrong.push(404);
  return wrong.length > 0 ? wrong : [200, 202];
}

function expectedList(input: Input, length: number): number[] {
  const { query, headers } = input;
  if (wrongQuery(input, ['from', 'limit', 'minSeq', 'readConcern'])) return [400];
  if (wrongConcern(input)) return [400];
  const numbers = query.filter(([name]) => name !== 'readConcern');
  if (numbers.some(([, value]) => !isPosition(decoded(value)))) return [400];
  const isTail = typeOf(input) === EVENTS;
  if (isTail && tailStart(input) === null) return [400];
  const minSeq = query.find(([name]) => name === 'minSeq')?.[1] ?? '0';
  if (Number(decoded(minSeq)) > length) return [503];
  return headers['if-none-match'] === '*' && !isTail ? [304] : [200];
}

/** The page of a master, or the description of the API: an answer that never changes. */
function expectedFixed(input: Input): number[] {
  if (wrongQuery(input, [])) return [400];
  return input.headers['if-none-match'] === '*' ? [304] : [200];
}

/** Faults of a secondary, passed on by the master. */
function expectedFaults(input: Input, isPut: boolean): number[] {
  if (decoded(input.parameter) !== 's1') return [404, 400, 415];
  if (isPut) return [200, 400, 415];
  return [wrongQuery(input, []) ? 400 : 200];
}

/** The methods of a route; none if there is no such route. */
function methodsOf({ route, parameter }: Input, isMaster: boolean): string[] {
  if (isMaster && route === '/') return ['GET'];
  const isEmpty = route.includes('{}') && (parameter === '' || parameter.includes('/'));
  if (!(isMaster ? MASTER_PATHS : SECONDARY_PATHS).includes(route) || isEmpty) return [];
  const posts = isMaster ? ['/messages'] : ['/replicate'];
  const puts = ['/faults', FAULTS_OF];
  return [
    'GET',
    ...(posts.includes(route) ? ['POST'] : []),
    ...(puts.includes(route) ? ['PUT'] : []),
  ];
}

/** The statuses it may get from a node that shows `length` messages. */
export function expected(input: Input, isMaster: boolean, length: number): number[] {
  const { route, method } = input;
  const kind = method === 'HEAD' ? 'GET' : method;
  const methods = methodsOf(input, isMaster);
  if (methods.length === 0) return [404];
  if (!methods.includes(kind)) return [405];
  // No master ever reaches this node, so it has no log to export.
  if (route === '/replicate') return kind === 'GET' ? [406, 400, 404] : [406, 415, 400];
  if (typeOf(input) === null) return [406];
  switch (route) {
    case '/':
    case '/openapi.json':
      return expectedFixed(input);
    case '/messages':
      return kind === 'POST' ? expectedAppend(input) : expectedList(input, length);
    case '/messages/{}':
      return expectedEntry(input, isMaster, length);
    case '/heartbeat':
      return [200];
    case FAULTS_OF:
      return expectedFaults(input, kind === 'PUT');
    default:
      if (kind === 'PUT') return [200, 400, 415];
      if (wrongQuery(input, [])) return [400];
      return route === '/readyz' ? [200, 503] : [200];
  }
}
