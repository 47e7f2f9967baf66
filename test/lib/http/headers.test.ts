import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { describe, it } from 'node:test';
import {
  hasBearerToken,
  matchesEtag,
  parseIdempotencyKey,
  parsePrefer,
  preferredType,
  requireContentType,
} from '../../../src/lib/http/headers.ts';
import { HttpProblem } from '../../../src/lib/http/problems.ts';

function request(headers: Record<string, string | string[]>): IncomingMessage {
  const headersDistinct = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, [value].flat()]),
  );
  return { headers, headersDistinct } as unknown as IncomingMessage;
}

describe('requireContentType', () => {
  const table: [headers: Record<string, string>, accepted: boolean][] = [
    [{ 'content-type': 'application/json' }, true],
    [{ 'content-type': 'Application/JSON; Charset="UTF-8"' }, true],
    [{ 'content-type': 'application/json;charset=utf8;x=y' }, true],
    [{ 'content-type': 'application/json', 'content-encoding': 'Identity' }, true],
    [{ 'content-type': 'application/json', 'content-encoding': 'gzip' }, false],
    [{ 'content-type': 'application/json; charset=latin1' }, false],
    [{ 'content-type': 'application/jsonp' }, false],
    [{ 'content-type': 'text/plain' }, false],
    [{}, false],
  ];
  for (const [headers, accepted] of table) {
    it(`${accepted ? 'accepts' : 'refuses'} ${JSON.stringify(headers)} for JSON`, () => {
      const check = () => requireContentType(request(headers), 'application/json');
      if (accepted) check();
      else assert.throws(check, { problem: 'unsupported-media-type' });
    });
  }

  it('says what it needs and what it got', () => {
    const refusalOf = (headers: Record<string, string>): HttpProblem => {
      try {
        requireContentType(request(headers), 'application/json');
      } catch (error) {
        return error as HttpProblem;
      }
      throw new Error('accepted');
    };
    const problem = refusalOf({ 'content-type': 'text/plain' });
    assert.ok(problem instanceof HttpProblem);
    assert.match(problem.message, /application\/json.*'text\/plain'/);
    assert.equal(problem.allHeaders('r1').Accept, 'application/json');
    assert.match(refusalOf({}).message, /no content-type/);
  });
});

describe('preferredType', () => {
  const table: [accept: string | undefined, json: boolean][] = [
    [undefined, true],
    ['', true],
    [' ', true],
    ['*/*', true],
    ['application/*', true],
    ['application/json', true],
    ['APPLICATION/JSON;q=0.1', true],
    ['application/json; charset=utf-8; q=1', true],
    ['text/html, application/json', true],
    ['text/html', false],
    ['text/*', false],
    ['application/json;q=0', false],
    ['application/json;q=nonsense', false],
    ['*/*;q=0', false],
    ['*/*, application/json;q=0', false],
    ['application/json;q=0, */*', false],
    ['application/*;q=0, application/json;q=0.5', true],
    [';', false],
  ];
  for (const [accept, json] of table) {
    it(`says ${json} of JSON for 'Accept: ${accept}'`, () => {
      const types = ['application/json'];
      assert.equal(preferredType(accept, types), json ? 'application/json' : null);
    });
  }

  const types = ['application/json', 'application/x-ndjson', 'text/event-stream'];
  const choices: [accept: string | undefined, type: string | null][] = [
    [undefined, 'application/json'],
    ['*/*', 'application/json'],
    ['text/event-stream', 'text/event-stream'],
    ['application/x-ndjson, */*;q=0.5', 'application/x-ndjson'],
    ['application/json;q=0.4, application/x-ndjson;q=0.5', 'application/x-ndjson'],
    ['text/event-stream, application/json', 'application/json'],
    ['text/*', 'text/event-stream'],
    ['text/html', null],
  ];
  for (const [accept, type] of choices) {
    it(`chooses ${type} for 'Accept: ${accept}'`, () => {
      assert.equal(preferredType(accept, types), type);
    });
  }
});

describe('parsePrefer', () => {
  const wait = (seconds: number, text = `${seconds}`) => ({
    waitMs: seconds * 1000,
    applied: `wait=${text}`,
  });
  const table: [header: string | string[] | undefined, preference: object | null][] = [
    [undefined, null],
    ['', null],
    ['wait=5', wait(5)],
    ['wait=0', wait(0)],
    ['Wait = "7"', wait(7)],
    ['wait=5; foo=bar', wait(5)],
    ['return=minimal, wait=5', wait(5)],
    ['wait=5, wait=9', wait(5)],
    [['return=minimal', 'wait=3'], wait(3)],
    ['respond-async', { waitMs: 0, applied: 'respond-async' }],
    ['respond-async, wait=2', wait(2)],
    ['foo="a, wait=9; \\"b\\"", wait=5', wait(5)],
    ['foo; bar="wait=9"', null],
    ['wait=-1', null],
    ['wait=1.5', null],
    ['wait=soon', null],
    ['wait', null],
    ['wait="5', null],
    ['wait=1234567890123456', null],
    ['waiting=5', null],
  ];
  for (const [header, preference] of table) {
    it(`reads ${JSON.stringify(header)} as ${JSON.stringify(preference)}`, () => {
      assert.deepEqual(parsePrefer(header), preference);
    });
  }
});

describe('parseIdempotencyKey', () => {
  const table: [value: string, key: string][] = [
    ['abc', 'abc'],
    ['"abc"', 'abc'],
    ['"a \\"b\\" \\\\"', 'a "b" \\'],
    ['8e03978e-40d5-43dd-bc93-6894a57f9324', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
    ['x'.repeat(255), 'x'.repeat(255)],
    [`"${'x'.repeat(255)}"`, 'x'.repeat(255)],
  ];
  for (const [value, key] of table) {
    it(`reads ${value.slice(0, 40)} as the key ${key.slice(0, 40)}`, () => {
      assert.equal(parseIdempotencyKey(request({ 'idempotency-key': value })), key);
    });
  }

  it('is null without the header', () => {
    assert.equal(parseIdempotencyKey(request({})), null);
  });

  const bad = ['', '""', '"abc', '"a"b"', '"a\\b"', 'é', 'a\tb', 'x'.repeat(256), ['a', 'b'], []];
  for (const value of bad) {
    it(`refuses ${JSON.stringify(value).slice(0, 40)}`, () => {
      assert.throws(() => parseIdempotencyKey(request({ 'idempotency-key': value })), {
        problem: 'bad-idempotency-key',
        status: 400,
      });
    });
  }
});

describe('matchesEtag', () => {
  const table: [header: string | undefined, matches: boolean][] = [
    [undefined, false],
    ['*', true],
    ['"L.1.3"', true],
    ['W/"L.1.3"', true],
    ['"other", "L.1.3"', true],
    ['"other"', false],
    ['L.1.3', false],
    ['', false],
  ];
  for (const [header, matches] of table) {
    it(`says ${matches} of "L.1.3" for 'If-None-Match: ${header}'`, () => {
      assert.equal(matchesEtag(header, '"L.1.3"'), matches);
    });
  }
});

describe('hasBearerToken', () => {
  const table: [authorization: string | undefined, admitted: boolean][] = [
    ['Bearer secret', true],
    ['bearer  secret', true],
    ['Bearer secre', false],
    ['Bearer secret ', false],
    ['Basic secret', false],
    ['secret', false],
    ['Bearer ', false],
    [undefined, false],
  ];
  for (const [authorization, admitted] of table) {
    it(`${admitted ? 'admits' : 'refuses'} 'Authorization: ${authorization}'`, () => {
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      assert.equal(hasBearerToken(request(headers), 'secret'), admitted);
    });
  }

  it('compares in constant time: digests of one length, whatever was sent', (t) => {
    const compare = t.mock.method(crypto, 'timingSafeEqual');
    syncBuiltinESMExports();
    t.after(() => syncBuiltinESMExports());
    const sent = ['', 'Bearer s', 'Bearer secret', `Bearer ${'x'.repeat(10_000)}`, 'Basic secret'];
    for (const authorization of sent) hasBearerToken(request({ authorization }), 'secret');
    const lengths = compare.mock.calls.map(({ arguments: [a, b] }) => [a.byteLength, b.byteLength]);
    assert.deepEqual(lengths, Array(sent.length).fill([32, 32]));
  });
});
