/**
 * Appends and frames are read in two ways, a quick and a thorough one, with the same result for
 * every body: the same value, or the same problem in the same words.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Frame } from '../../../src/lib/core/protocol.ts';
import { HttpProblem } from '../../../src/lib/http/problems.ts';
import { type AppendBody, parseAppend, readAppend } from '../../../src/lib/wire/append-body.ts';
import { parseJson } from '../../../src/lib/wire/fields.ts';
import { parseFrame, readFrame } from '../../../src/lib/wire/frame.ts';
import { findMessages } from '../../../src/lib/wire/json-messages.ts';
import { Dice } from '../support.ts';

type Read = AppendBody | Frame;

const CASES = 50_000;
const MESSAGE_BYTES_MAX = 12;

/** The result of one way of reading, in words. */
function outcomeOf(read: (bytes: Uint8Array) => Read, bytes: Uint8Array): string {
  try {
    const { messages, ...rest } = read(bytes);
    const text = Buffer.from(messages.bytes).toString('latin1');
    const names = Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1));
    return JSON.stringify([text, messages.ends, names]);
  } catch (error) {
    assert(error instanceof HttpProblem, `${error}`);
    const { problem, message, fields } = error;
    return JSON.stringify({ problem, message, fields });
  }
}

const ODD_TEXTS = [
  ...[
    '"\\u0041"',
    '"\\/"',
    '"\\u00e9"',
    '"\\u001F"',
    '"\\u000a"',
    '"\\u001f"',
    '"\\u0007"',
    '"\\u',
  ],
  ...['"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d\\ude00"', '"\t"', '"\u007f"', '"\u2028"', '"\\x"'],
  ...[
    '"',
    '"\\"',
    "'a'",
    '""""',
    '"\\\\\\""',
    '"message"',
    '"\\"messages\\":[\\"a\\"]"',
    '"\ufeff"',
  ],
];
const VALUES = [
  ...['1', '2', '7', '0', '-1', '1.0', '1e0', '2.5', '01', '1e999', '9007199254740992', 'NaN'],
  ...['null', 'true', '"all"', '"majority"', '"most"', '[]', '{}', '[[1,1]]', '[[1,1],[2,3]]', ''],
  ...['{"1":"k"}', '{"5":"k","6":"k"}', '[null]', '["W"]', '[[[[]]]]', '{"__proto__":{"w":1}}'],
  ...['{"messages":["x"]}', '{"message":"x"}', '[1,]', '{"a":1}}', '"L"', '"W"', '5', '6'],
];
const NAMES = [
  'message',
  'messages',
  'w',
  '__proto__',
  'logId',
  'from',
  '\\u006dessages',
  'x\\"messages',
];
const SPLINTERS = [
  '"',
  '\\',
  ',',
  ':',
  '[',
  ']',
  '{',
  '}',
  ' ',
  '\n',
  '\0',
  '\ufeff',
  'é',
  '0',
  '{,',
  ',}',
];

/** One body: mostly valid, in one of the ways in which people write JSON, and then perhaps damaged. */
class Bodies {
  readonly #dice: Dice;

  constructor(seed: number) {
    this.#dice = new Dice(seed);
  }

  append(): Uint8Array {
    const dice = this.#dice;
    const members = [dice.chance(0.5) ? this.#one() : this.#list()];
    if (dice.chance(0.4)) members.push(`"w":${dice.pick(['1', '2', '"all"', '"majority"'])}`);
    return this.#body(members);
  }

  frame(): Uint8Array {
    const dice = this.#dice;
    const members = ['"logId":"L"', '"epoch":3'];
    if (dice.chance(0.7)) members.push('"writer":"W\\n漢"');
    members.push('"from":5');
    if (dice.chance(0.3)) members.push('"epochs":[[1,1],[2,4]]', '"writers":[null,"W"]');
    members.push(this.#list());
    if (dice.chance(0.3)) members.push('"keys":{"5":"k"}');
    return this.#body(members);
  }

  #one(): string {
    return `"message":${this.#text()}`;
  }

  #list(): string {
    const dice = this.#dice;
    const comma = dice.pick([',', ',', ', ']);
    return `"messages":[${dice.list(dice.integer(0, 4), () => this.#text()).join(comma)}]`;
  }

  #text(): string {
    const dice = this.#dice;
    return dice.chance(0.04) ? dice.pick(ODD_TEXTS) : JSON.stringify(dice.text(7));
  }

  #body(members: string[]): Uint8Array {
    const dice = this.#dice;
    if (dice.chance(0.15)) {
      const more = `"${dice.pick(NAMES)}":${dice.pick(VALUES)}`;
      members.splice(dice.integer(0, members.length), dice.integer(0, 1), more);
    }
    if (dice.chance(0.1)) members.splice(dice.integer(0, members.length), 0, dice.pick(members));
    if (dice.chance(0.15)) members.reverse();
    const [colon, comma, end] = dice.pick([
      ['":', ',', ''],
      ['":', ',', ''],
      ['": ', ', ', ''],
      ['":\n', ' ,\t', '\r\n'],
      ['" :', ',  ', ' '],
    ]) as [string, string, string];
    const text = `{${members.map((member) => member.replace('":', colon)).join(comma)}}${end}`;
    return this.#placed(dice.chance(0.25) ? this.#damaged(text) : Buffer.from(text));
  }

  #damaged(text: string): Buffer {
    const dice = this.#dice;
    const bytes = Buffer.from(text);
    const at = dice.integer(0, bytes.length);
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
    const length = dice.integer(1, 4);
    return dice.pick([
      () => head,
      () => Buffer.concat([head, tail.subarray(length)]),
      () => Buffer.concat([head, Buffer.of(dice.integer(0, 255)), tail.subarray(1)]),
      () => Buffer.concat([head, Buffer.from(dice.pick(SPLINTERS)), tail]),
      () => Buffer.concat([head, tail.subarray(0, length), tail]),
    ])();
  }

  /** The bytes somewhere in a larger buffer, as they come from a socket. */
  #placed(bytes: Buffer): Uint8Array {
    const before = this.#dice.integer(0, 7);
    const all = Buffer.alloc(before + bytes.length + 4, '"');
    all.set(bytes, before);
    return all.subarray(before, before + bytes.length);
  }
}

interface Ways {
  readonly what: string;
  readonly bodyOf: (bodies: Bodies) => Uint8Array;
  readonly quick: (bytes: Uint8Array) => Read;
  readonly thorough: (bytes: Uint8Array) => Read;
}

const WAYS: readonly Ways[] = [
  {
    what: 'appends',
    bodyOf: (bodies) => bodies.append(),
    quick: (bytes) => readAppend(bytes, MESSAGE_BYTES_MAX),
    thorough: (bytes) => parseAppend(parseJson(bytes), MESSAGE_BYTES_MAX),
  },
  {
    what: 'frames',
    bodyOf: (bodies) => bodies.frame(),
    quick: readFrame,
    thorough: (bytes) => parseFrame(parseJson(bytes)),
  },
];

describe('the two ways to read', () => {
  for (const { what, bodyOf, quick, thorough } of WAYS) {
    it(`agree on ${CASES} random ${what}`, () => {
      const counts = { found: 0, refused: 0 };
      for (let seed = 1; seed <= CASES; seed += 1) {
        const bytes = bodyOf(new Bodies(seed));
        const expected = outcomeOf(thorough, bytes);
        if (findMessages(bytes) !== null) counts.found += 1;
        if (expected.startsWith('{"problem"')) counts.refused += 1;
        const text = Buffer.from(bytes);
        // The quick one comes last, because it modifies the bytes.
        const outcome = outcomeOf(quick, bytes);
        if (outcome !== expected) assert.equal(outcome, expected, `seed ${seed}: ${text}`);
      }
      assert(counts.found > 0.3 * CASES && counts.refused > 0.15 * CASES, JSON.stringify(counts));
    });
  }

  const texts = (count: number) => JSON.stringify(Array(count).fill('a'));
  const frame = (more: string, list = '["a"]') =>
    `{"logId":"L","epoch":3,"from":5,${more}"messages":${list}}`;
  const lists = (count: number) => `"later":[${'[],'.repeat(count)}1]`;
  const tables: Record<string, [what: string, body: string][]> = {
    appends: [
      ['as many messages as may be', `{"messages":${texts(10_000)}}`],
      ['one more', `{"messages":${texts(10_001)}}`],
      ['a message that is long only as it is written', '{"message":"\\u0001\\u0001\\u0001"}'],
      ['a w too deep to be parsed', `{"message":"a","w":${'['.repeat(70_000)}}`],
      ['a w that is just affordable', `{"message":"a","w":${'['.repeat(9999)}${']'.repeat(9999)}}`],
    ],
    frames: [
      ['as many messages as may be', frame('', texts(100_000))],
      ['one more', frame('', texts(100_001))],
      ['too many values before the messages', frame(`${lists(10_001)},`, texts(20_000))],
      ['too many values behind the messages', frame('', `${texts(20_000)},${lists(10_001)}`)],
      ['as many values as may be', frame('', `${texts(20_000)},${lists(9997)}`)],
      ['messages that begin late', frame(`"later":"${'x'.repeat(100_000)}",`)],
      ['many keys', frame('', `${texts(5000)},"keys":{${keys(5000)}}`)],
    ],
  };
  for (const { what, quick, thorough } of WAYS) {
    for (const [name, body] of tables[what] ?? []) {
      it(`agree on ${what} with ${name}`, () => {
        const expected = outcomeOf(thorough, Buffer.from(body));
        assert(outcomeOf(quick, Buffer.from(body)) === expected, expected.slice(0, 300));
      });
    }
  }
});

function keys(count: number): string {
  return Array.from({ length: count }, (_, index) => `"${index + 5}":"key ${index}"`).join();
}
