/**
 * Checks an answer against `openapi.yaml`: a status, a header, a media type or a member that is not
 * described there fails, and so does one that is described and missing. Schemas are compiled when an
 * answer first needs them.
 */
import assert from 'node:assert/strict';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { DOCUMENT, lookUp, operationAt, type Pointer, step } from './document.ts';

/** The head of an answer, and its request. */
export interface Answered {
  readonly method: string;
  /** Path and query of the request. */
  readonly target: string;
  readonly status: number;
  /** Names in lower case, and values. */
  readonly headers: Iterable<readonly [name: string, value: string]>;
}

/** Headers of the connection or of the framing of a body, which HTTP itself defines. */
const FRAMING = ['date', 'connection', 'keep-alive', 'content-length', 'transfer-encoding'];

const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true });
// The schemas are in a document that is no schema itself; its top level has no keywords.
ajv.addVocabulary(Object.keys(DOCUMENT));
ajv.addSchema(DOCUMENT, 'openapi');
const compiled = new Map<Pointer, ValidateFunction>();

interface HeaderDescription {
  readonly isRequired: boolean;
  readonly isInteger: boolean;
  readonly schema: Pointer;
}

interface ResponseDescription {
  readonly pointer: Pointer;
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, HeaderDescription>;
  /** The places of the media types, by name. */
  readonly content: ReadonlyMap<string, Pointer>;
}

/** Cached places, by status and operation. */
const responses = new Map<string, ResponseDescription>();

/** Fails unless a value matches the schema at a place; `what` names it in the failure. */
export function checkValue(schema: Pointer, value: unknown, what: string): void {
  const validate = compiled.get(schema) ?? ajv.compile({ $ref: `openapi${schema}` });
  compiled.set(schema, validate);
  if (validate(value)) return;
  const why = ajv.errorsText(validate.errors, { dataVar: '' });
  assert.fail(`${what} is not as ${schema} says: ${why}: ${JSON.stringify(value)?.slice(0, 500)}`);
}

/** Fails unless this answer, with its whole body, is as described. */
export function checkResponse(answered: Answered, body: string): void {
  const name = nameOf(answered);
  const mediaType = checkHead(answered);
  if (answered.method === 'HEAD' || mediaType === null) {
    assert.equal(body, '', `${name} has no body`);
    return;
  }
  const value = checkContent(mediaType, body, name);
  if (answered.status < 400) return;
  assert.equal((value as { status: number }).status, answered.status, `${name} tells its status`);
}

/**
 * Fails unless status and headers are as described. Returns the place of its media type; null if the
 * answer has no body.
 */
export function checkHead(answered: Answered): Pointer | null {
  const name = nameOf(answered);
  const { pointer, headers, content } = describedResponse(answered);
  const sent = new Map<string, string>();
  for (const [header, value] of answered.headers)
    if (!FRAMING.includes(header)) sent.set(header, value);
  for (const [header, { isRequired, isInteger, schema }] of headers) {
    const text = sent.get(header);
    sent.delete(header);
    assert(text !== undefined || !isRequired, `${name} lacks the header ${header}`);
    if (text === undefined) continue;
    const value = isInteger && /^(0|[1-9]\d*)$/.test(text) ? Number(text) : text;
    checkValue(schema, value, `${header} of ${name}`);
  }
  const type = sent.get('content-type');
  sent.delete('content-type');
  assert.deepEqual([...sent.keys()], [], `${name} has headers that ${pointer} does not describe`);
  if (content.size === 0) {
    assert.equal(type, undefined, `${name} has no body, and so no type`);
    return null;
  }
  const mediaType = content.get(type ?? '');
  assert(
    mediaType !== undefined,
    `${name} may not be ${type}; ${pointer} has ${[...content.keys()]}`,
  );
  return mediaType;
}

/** Fails unless the whole body is as its media type is described; returns the value of JSON. */
export function checkContent(mediaType: Pointer, body: string, name: string): unknown {
  const isJson = /~1(problem%2B)?json$/.test(mediaType);
  const value = isJson ? parsed(body, name) : body;
  checkValue(`${mediaType}/schema`, value, `the body of ${name}`);
  if (mediaType.endsWith('x-ndjson')) {
    for (const line of partsOf(body, '\n', name)) {
      checkValue(`${mediaType}/x-item-schema`, parsed(line, name), `a line of ${name}`);
    }
  } else if (mediaType.endsWith('event-stream')) {
    for (const block of partsOf(body, '\n\n', name)) checkEvent(mediaType, block, name);
  }
  return value;
}

/** The items of a text, each of which ends with `end`. */
function partsOf(body: string, end: string, name: string): string[] {
  const parts = body.split(end);
  assert.equal(parts.pop(), '', `the last part of ${name} is whole`);
  return parts;
}

/** Fails unless one event, without the empty line behind it, is as its media type is described. */
export function checkEvent(mediaType: Pointer, block: string, name: string): void {
  const what = `an event of ${name}`;
  const lines = block.split('\n').filter((line) => !line.startsWith(':'));
  if (lines.length === 0) return;
  const fields = lines.map((line) => {
    const [, field, value] = /^(\w+): (.*)$/.exec(line) ?? [];
    assert(field !== undefined && value !== undefined, `${what} has a line '${line}'`);
    return [field, value] as const;
  });
  const event = Object.fromEntries(fields);
  assert.equal(Object.keys(event).length, fields.length, `${what} has each field once`);
  const item = itemOf(mediaType, event, what);
  checkValue(item, event, what);
  const data = parsed(event.data as string, what);
  checkValue(`${item}/properties/data/contentSchema`, data, `the data of ${what}`);
}

/** The place that describes events of this type. */
function itemOf(mediaType: Pointer, event: Record<string, unknown>, what: string): Pointer {
  const { pointer, value } = lookUp(`${mediaType}/x-item-schema`);
  const items = ((value.oneOf as unknown[] | undefined) ?? []).map((_, index) =>
    lookUp(`${pointer}/oneOf/${index}`),
  );
  if (items.length === 0) return pointer;
  const item = items.find(({ value }) => value.properties.event?.const === event.event);
  assert(item !== undefined, `${what} is of no type that ${pointer} describes: ${event.event}`);
  return item.pointer;
}

/** The name of an answer in failures. */
export function nameOf({ method, target, status }: Answered): string {
  return `${status} to ${method} ${target.slice(0, 100)}`;
}

function parsed(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    assert.fail(`no JSON in ${what}: ${text.slice(0, 500)}`);
  }
}

function describedResponse(answered: Answered): ResponseDescription {
  const { method, target, status } = answered;
  const path = target.replace(/^https?:\/\/[^/?]*/i, '').replace(/\?.*$/s, '') || '/';
  const operation = operationAt(method, path);
  const key = `${status} ${operation}`;
  let response = responses.get(key);
  if (response === undefined) {
    const { responses: all } = lookUp(operation).value;
    const code = String(status) in all ? String(status) : 'default';
    response = readResponse(`${operation}/responses/${code}`);
    responses.set(key, response);
  }
  return response;
}

function readResponse(place: Pointer): ResponseDescription {
  const { value, pointer } = lookUp(place);
  const headers = Object.keys(value.headers ?? {}).map((name) => {
    const header = lookUp(`${pointer}/headers/${step(name)}`);
    const schema = lookUp(`${header.pointer}/schema`);
    const isRequired = header.value.required === true;
    const isInteger = schema.value.type === 'integer';
    return [name.toLowerCase(), { isRequired, isInteger, schema: schema.pointer }] as const;
  });
  const content = Object.keys(value.content ?? {}).map((type) => {
    return [type, `${pointer}/content/${step(type)}`] as const;
  });
  return { pointer, headers: new Map(headers), content: new Map(content) };
}
