/** What is generated for every endpoint: JSON, numbers and texts at the edges, half-valid objects, bytes. */
import fc from 'fast-check';

/** Numbers at the edges of checks. */
export const number = fc.oneof(
  fc.constantFrom(0, -0, 1, 2, 3, -1, 1.5, 255, 256, 1e21, -1e308, Number.MAX_SAFE_INTEGER),
  fc.constantFrom(2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 53 + 2, Number.MIN_VALUE),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

/** Texts of every kind of character, with lone surrogates, control characters and quotes. */
export const text = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({
    unit: fc.constantFrom('"', '\\', '\n', '\u0000', '\ud800', '\udc00', '😀', 'é', ','),
  }),
  fc.constantFrom(
    '',
    '__proto__',
    'constructor',
    'toString',
    'majority',
    'all',
    '2',
    'null',
    '\u2028',
  ),
);

/** Any JSON value. */
export const json: fc.Arbitrary<unknown> = fc.oneof(
  number,
  text,
  fc.constantFrom(null, true, false),
  fc.array(fc.oneof(number, text), { maxLength: 4 }),
  fc.dictionary(text, fc.oneof(number, text), { maxKeys: 4 }),
  fc.jsonValue({ maxDepth: 4 }),
);

/** Deeply nested JSON. */
export const deepJson = fc
  .tuple(fc.integer({ min: 1, max: 1000 }), fc.constantFrom('[', '{"a":', '[[],'))
  .map(([depth, open]) => {
    const close = open === '{"a":' ? '}' : ']';
    return `${open.repeat(depth)}1${close.repeat(depth)}`;
  });

/**
 * A valid object with some fields missing, of another type, or added: such inputs get
 * furthest into a parser before they are refused.
 */
export function halfValid(good: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<object> {
  const fields = Object.fromEntries(
    Object.entries(good).map(([name, value]) => [
      name,
      fc.oneof({ weight: 12, arbitrary: value }, { weight: 1, arbitrary: json }),
    ]),
  );
  const names = Object.keys(good);
  return fc
    .tuple(
      fc.record(fields),
      fc.option(fc.constantFrom(...names), { freq: 5 }),
      fc.option(fc.tuple(text, json), { freq: 8 }),
    )
    .map(([object, missing, more]) => {
      const entries = Object.entries(object).filter(([name]) => name !== missing);
      // Not by assignment: `__proto__` must become a field as JSON.parse makes it one.
      return Object.fromEntries(more === null ? entries : [...entries, more]);
    });
}

/** Bytes that break HTTP, JSON and lines in the wrong place. */
const SPLINTERS = [
  [
    '\r\n',
    '\n',
    '\r',
    '\0',
    ' ',
    '\t',
    ':',
    '%00',
    '%',
    '{',
    '}',
    '[',
    ']',
    '"',
    '\\',
    ',',
    '\xff',
  ],
  ['Content-Length: 5\r\n', 'Content-Length: 99999999999999999999\r\n', 'Content-Length: -1\r\n'],
  ['Transfer-Encoding: chunked\r\n', 'Transfer-Encoding: gzip\r\n', 'Host: y\r\n', 'HTTP/1.0'],
  ['Connection: close\r\n', 'Connection: upgrade\r\nUpgrade: h2c\r\n', 'Expect: 100-continue\r\n'],
  ['Expect: x\r\n', 'GET ', 'POST ', 'CONNECT ', 'OPTIONS * ', 'X: '.padEnd(17_000, 'x'), '1e999'],
].flat();

type Mutation = (bytes: Buffer) => Buffer;

const mutation: fc.Arbitrary<Mutation> = fc
  .record({
    kind: fc.constantFrom('flip', 'cut', 'repeat', 'insert', 'insert', 'end'),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.integer({ min: 1, max: 30 }),
    byte: fc.integer({ min: 0, max: 255 }),
    splinter: fc.constantFrom(...SPLINTERS),
  })
  .map(({ kind, at, length, byte, splinter }) => (bytes) => {
    const start = Math.floor(at * bytes.length);
    const [head, tail] = [bytes.subarray(0, start), bytes.subarray(start)];
    const piece = tail.subarray(0, length);
    switch (kind) {
      case 'flip':
        return Buffer.concat([head, Buffer.of(byte), tail.subarray(1)]);
      case 'cut':
        return Buffer.concat([head, tail.subarray(length)]);
      case 'repeat':
        return Buffer.concat([head, piece, piece, tail]);
      case 'insert':
        return Buffer.concat([head, Buffer.from(splinter, 'latin1'), tail]);
      default:
        return head;
    }
  });

/** Valid bytes with up to three mutations. */
export function mutated(good: fc.Arbitrary<string>): fc.Arbitrary<Buffer> {
  return fc
    .tuple(good, fc.array(mutation, { maxLength: 3 }))
    .map(([whole, mutations]) =>
      mutations.reduce<Buffer>((bytes, mutate) => mutate(bytes), Buffer.from(whole)),
    );
}
