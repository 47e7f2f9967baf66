/**
 * The parsers of bytes, headers, queries and peers' answers. They throw nothing but
 * problems, accept exactly what they should, coerce nothing, and return what was sent.
 */
import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import fc from 'fast-check';
import { ByteBudget } from '../../src/lib/http/byte-buffer.ts';
import {
  hasBearerToken,
  matchesEtag,
  parseIdempotencyKey,
  parsePrefer,
  preferredType,
  requireContentType,
} from '../../src/lib/http/headers.ts';
import { HttpProblem } from '../../src/lib/http/problems.ts';
import { parsePosition, parseQuery } from '../../src/lib/http/query.ts';
import { parseAck } from '../../src/lib/wire/ack.ts';
import { parseAppend, parseW, parseWText } from '../../src/lib/wire/append-body.ts';
import { parseEventId } from '../../src/lib/wire/event-id.ts';
import { parseFaults } from '../../src/lib/wire/faults.ts';
import { parseJson } from '../../src/lib/wire/fields.ts';
import { parseFrame } from '../../src/lib/wire/frame.ts';
import { parseHeartbeat } from '../../src/lib/wire/heartbeat.ts';
import { LineSplitter } from '../../src/lib/wire/lines.ts';
import { textOf } from '../lib/support.ts';
import { deepJson, halfValid, json, mutated, number, text } from './arbitraries.ts';
import { type Property, pure } from './property.ts';

const MESSAGE_BYTES_MAX = 30;

/** The result of `work`; null if it refuses with a problem of these statuses. Throws any other error. */
function tried<Value>(work: () => Value, ...statuses: number[]): { value: Value } | null {
  try {
    return { value: work() };
  } catch (error) {
    assert(error instanceof HttpProblem, `not a problem: ${error}`);
    assert(statuses.includes(error.status), `status ${error.status}`);
    assert.equal(JSON.parse(error.body('r1')).status, error.status);
    return null;
  }
}

const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value));

function request(headers: Record<string, string | string[]>): IncomingMessage {
  const req = new IncomingMessage(new Socket());
  for (const [name, value] of Object.entries(headers)) {
    req.headers[name] = [value].flat().join(', ');
    req.headersDistinct[name] = [value].flat();
  }
  return req;
}

const isMessage = (value: unknown) =>
  typeof value === 'string' &&
  value.isWellFormed() &&
  Buffer.byteLength(value) <= MESSAGE_BYTES_MAX;
const isW = (value: unknown) =>
  value === 'all' || value === 'majority' || (Number.isSafeInteger(value) && Number(value) > 0);
const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0;
const isName = (value: unknown) =>
  typeof value === 'string' && value !== '' && value.length <= 255 && value.isWellFormed();

const w = fc.oneof(fc.constantFrom('all', 'majority'), fc.integer({ min: 1, max: 5 }));
const message = fc.string({ unit: 'grapheme', maxLength: 5 });

const append = fc.oneof(
  halfValid({ message, w }),
  halfValid({ messages: fc.array(message, { minLength: 1, maxLength: 4 }), w }),
  json,
);

function checkAppend(body: unknown): void {
  const parsed = tried(
    () => parseAppend(JSON.parse(JSON.stringify(body)), MESSAGE_BYTES_MAX),
    400,
    413,
  );
  const sent = JSON.parse(JSON.stringify(body));
  const isObject = typeof sent === 'object' && sent !== null && !Array.isArray(sent);
  const has = (name: string) => isObject && Object.hasOwn(sent, name);
  const list = has('message') ? [sent.message] : has('messages') ? sent.messages : null;
  const isGood =
    Object.keys(sent ?? {}).every((name) => ['message', 'messages', 'w'].includes(name)) &&
    has('message') !== has('messages') &&
    Array.isArray(list) &&
    list.length > 0 &&
    list.every(isMessage) &&
    (!has('w') || isW(sent.w));
  assert.equal(parsed !== null, isGood);
  if (parsed === null) return;
  const { messages, isBatch } = parsed.value;
  assert.deepEqual(JSON.parse(`[${textOf(messages.bytes).slice(0, -1)}]`), list);
  assert.equal(messages.ends.length, list.length);
  assert.equal(isBatch, has('messages'));
  assert.equal(parsed.value.w, has('w') ? sent.w : null);
}

const position = fc.integer({ min: 1, max: 20 });
const key = fc.string({ minLength: 1, maxLength: 10 });
const frame = halfValid({
  logId: fc.constantFrom('L', '漢"\n', 'x'.repeat(255), 'x'.repeat(256)),
  epoch: position,
  from: position,
  messages: fc.array(message, { maxLength: 4 }),
  keys: fc.dictionary(fc.integer({ min: 1, max: 24 }).map(String), key, { maxKeys: 2 }),
});

function checkFrame(frame: unknown): void {
  const sent = JSON.parse(JSON.stringify(frame));
  const parsed = tried(() => parseFrame(sent), 400);
  if (parsed === null) return;
  const { logId, epoch, from, messages, keys } = parsed.value;
  assert.deepEqual([logId, epoch, from], [sent.logId, sent.epoch, sent.from]);
  assert(isName(logId) && isCount(epoch) && epoch > 0 && isCount(from) && from > 0);
  assert.deepEqual(JSON.parse(`[${textOf(messages.bytes).slice(0, -1)}]`), sent.messages);
  assert(sent.messages.every((item: unknown) => typeof item === 'string' && item.isWellFormed()));
  assert.deepEqual(Object.fromEntries(keys), sent.keys ?? {});
  assert(keys.every(([seq]) => seq >= from && seq < from + messages.ends.length));
}

const statement = {
  nodeId: fc.constantFrom('s1', '漢'),
  bootId: fc.constantFrom('B', 'x'.repeat(256)),
  logId: fc.constantFrom('L', null),
  epoch: position,
  length: fc.oneof(position, number),
};

function checkAnswers(line: Buffer): void {
  const ack = parseAck(line);
  const heartbeat = parseHeartbeat(line);
  if (ack === null && heartbeat === null) return;
  const sent = JSON.parse(new TextDecoder().decode(line));
  for (const answer of [ack, heartbeat]) {
    if (answer === null) continue;
    const { bootId, logId, epoch, length } = answer;
    const told = [sent.bootId, sent.logId, sent.epoch, sent.length];
    assert.deepEqual([bootId, logId, epoch, length], told);
    assert(isName(bootId) && isCount(epoch) && isCount(length));
    assert(isName(logId) || (logId === null && answer === heartbeat));
  }
}

const headerText = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({
    unit: fc.constantFrom('"', '\\', ',', ';', '=', 'q', '0', '1', ' ', 'wait', '*', '/'),
    maxLength: 30,
  }),
  mutated(fc.constantFrom('3-otherLog.2.other.2.1.owner', '17')).map((bytes) =>
    bytes.toString('latin1'),
  ),
  mutated(
    fc.constantFrom('wait=5', 'respond-async, wait="7"; x="a,b"', 'application/json;q=0.5, */*'),
  ).map((bytes) => bytes.toString('latin1')),
);

function checkHeaders(header: string): void {
  const preference = parsePrefer(header);
  if (preference !== null) {
    assert(Number.isSafeInteger(preference.waitMs) && preference.waitMs >= 0);
    assert.deepEqual(parsePrefer(preference.applied), preference);
  }
  const start = tried(() => parseEventId(header), 400)?.value;
  if (typeof start === 'object') assert(start.firstSeq >= 1 && start.firstSeq <= start.seq);
  else if (start !== undefined) assert(Number.isSafeInteger(start) && start >= 1);
  const types = ['application/json', 'text/event-stream', null];
  assert(types.includes(preferredType(header, ['application/json', 'text/event-stream'])));
  assert.equal(typeof matchesEtag(header, '"L.1.1-2"'), 'boolean');
  tried(() => requireContentType(request({ 'content-type': header }), 'application/json'), 415);
  const read = (value: string) => parseIdempotencyKey(request({ 'idempotency-key': value }));
  const key = tried(() => read(header), 400)?.value;
  if (key === undefined) return;
  assert.match(key ?? '', /^[\x20-\x7e]{1,255}$/);
  const quoted = `"${key?.replace(/["\\]/g, '\\$&')}"`;
  if (quoted.length <= 255) assert.equal(read(quoted), key);
}

const token = fc.string({
  minLength: 1,
  maxLength: 20,
  unit: fc.constantFrom('a', 'b', 'B', '"', '='),
});

function checkToken([right, sent]: [string, string]): void {
  assert.equal(hasBearerToken(request({ authorization: `Bearer ${sent}` }), right), sent === right);
  assert(!hasBearerToken(request({ authorization: sent }), right));
}

const query = fc.oneof(
  fc.webQueryParameters(),
  fc
    .array(fc.tuple(fc.constantFrom('from', 'limit', 'w', 'from%00', ''), text))
    .map((pairs) =>
      pairs.map(([name, value]) => `${name}=${encodeURIComponent(value.toWellFormed())}`).join('&'),
    ),
  text,
);

function checkQuery(query: string): void {
  const values = tried(() => parseQuery(query, ['from', 'limit']), 400)?.value;
  if (values !== undefined) {
    assert.deepEqual([...new URLSearchParams(query)], [...values]);
    assert([...values.keys()].every((name) => name === 'from' || name === 'limit'));
  }
  const at = parsePosition(query);
  if (at !== null) assert.equal(String(at), query);
  const parsed = tried(() => parseWText(query), 400)?.value;
  if (typeof parsed === 'number') assert.match(query, /^[0-9]{1,15}$/);
}

function checkLines([bytes, cuts]: [Buffer, number[]]): void {
  const budget = new ByteBudget(1_000_000);
  const splitter = new LineSplitter(100_000, budget);
  const lines: Uint8Array[] = [];
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    for (const line of splitter.push(bytes.subarray(at, at + cut))) lines.push(Buffer.from(line));
    at += cut;
  }
  const rest = splitter.remainder();
  const read = [...lines, ...(rest === null ? [] : [rest])];
  const expected = bytes.toString('latin1').split('\n');
  assert.deepEqual(
    read.map((line) => Buffer.from(line).toString('latin1')),
    expected.filter((line) => !/^[ \t\r]*$/.test(line)),
  );
  assert.equal(budget.used, 0);
}

const SHARE = 0.6;
export const parserProperties: readonly Property[] = [
  pure(
    'bytes as JSON',
    SHARE * 0.15,
    fc.oneof(
      mutated(json.map((value) => JSON.stringify(value))),
      deepJson.map((text) => Buffer.from(text)),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    ),
    (bytes) => {
      const parsed = tried(() => parseJson(bytes), 400);
      if (parsed === null) return;
      const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
      // As text, because deeply nested values cannot be compared.
      assert.equal(JSON.stringify(parsed.value), JSON.stringify(JSON.parse(text)));
    },
  ),
  pure('bodies of appends', SHARE * 0.2, append, checkAppend),
  pure('frames', SHARE * 0.2, fc.oneof(frame, json), checkFrame),
  pure(
    'acks and heartbeats',
    SHARE * 0.1,
    fc.oneof(
      halfValid(statement).map(bytesOf),
      mutated(halfValid(statement).map((value) => JSON.stringify(value))),
    ),
    checkAnswers,
  ),
  pure(
    'write concerns and faults',
    SHARE * 0.1,
    fc.oneof(
      json,
      halfValid({
        delayMs: number,
        errorRate: number,
        errorAfterApplyRate: fc.constantFrom(0, 1, 0.5),
      }),
    ),
    (value) => {
      const sent = JSON.parse(JSON.stringify(value));
      assert.equal(tried(() => parseW(sent), 400)?.value, isW(sent) ? sent : undefined);
      const faults = tried(() => parseFaults(sent), 400)?.value;
      if (faults !== undefined) assert.deepEqual(faults, sent);
    },
  ),
  pure('headers', SHARE * 0.1, headerText, checkHeaders),
  pure('tokens', SHARE * 0.02, fc.tuple(token, token), checkToken),
  pure('queries', SHARE * 0.08, query, checkQuery),
  pure(
    'lines',
    SHARE * 0.05,
    fc.tuple(mutated(fc.constant('a\nbc\n\n \r\ndef')), fc.array(fc.nat(7))),
    checkLines,
  ),
];
