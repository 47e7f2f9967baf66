import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { packMessages } from '../../../src/lib/core/log/messages.ts';
import { decodeRecord, endsWithRecord } from '../../../src/lib/storage/decode.ts';
import { RecordBuffer } from '../../../src/lib/storage/record-buffer.ts';

function line(records: RecordBuffer): Buffer {
  const bytes = Buffer.from(records.bytes);
  assert.equal(bytes.at(-1), 0x0a);
  return bytes.subarray(0, -1);
}

describe('an entry as a record', () => {
  const numbers = [1, 9, 10, 99, 100, 2 ** 31 - 1, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER];
  const texts = [
    '',
    'a',
    'x'.repeat(47),
    'x'.repeat(100_000),
    '"\\\n\u0000',
    'їжак',
    '\u007f\u2028🦔',
  ];
  const keys = [null, 'key', '"quoted"', 'back\\slash', '~', ' '.repeat(255)];

  it('is read as it was written', () => {
    const records = new RecordBuffer();
    for (const [i, seq] of numbers.entries()) {
      for (const [k, key] of keys.entries()) {
        for (const text of texts) {
          const { bytes } = packMessages([text]);
          const epoch = numbers[(i + k) % numbers.length] as number;
          const more = key !== null && k % 2 === 1;
          records.clear();
          records.addEntry({ seq, epoch, key, more }, bytes, 0, bytes.length - 1);
          const written = line(records);
          const decoded = decodeRecord(written, 0, written.length);
          assert.ok('entry' in decoded, written.toString());
          const { textStart, textEnd, ...entry } = decoded.entry;
          assert.deepEqual(entry, { seq, epoch, key, more });
          assert.equal(written.toString('utf8', textStart, textEnd), JSON.stringify(text));
          assert.equal(JSON.parse(written.toString()).message, text);
        }
      }
    }
  });

  it('is found at the end of a line that has something else before it', () => {
    const records = new RecordBuffer();
    const { bytes } = packMessages(['a']);
    records.addEntry({ seq: 1, epoch: 1, key: null, more: false }, bytes, 0, bytes.length - 1);
    const bad = Buffer.concat([Buffer.from('{"seq":1,{"x"'), line(records)]);
    assert.ok(endsWithRecord(bad, 0, bad.length));
    assert.ok(!endsWithRecord(bad, 0, bad.length - 1));
    assert.ok(!endsWithRecord(bad, 14, bad.length));
  });
});

describe('a buffer of records', () => {
  it('gives back the memory of a large use', () => {
    const records = new RecordBuffer();
    const { bytes } = packMessages(['x'.repeat(9_000_000)]);
    records.addEntry({ seq: 1, epoch: 1, key: null, more: false }, bytes, 0, bytes.length - 1);
    assert.ok(records.bytes.buffer.byteLength >= records.length);
    records.clear();
    assert.equal(records.length, 0);
    assert.ok(records.bytes.buffer.byteLength < 1_000_000);
  });

  it('marks the entries of one keyed append, up to its last', () => {
    const records = new RecordBuffer();
    const keys = [
      [7, 'a'],
      [8, 'a'],
      [9, 'b'],
      [11, 'b'],
      [12, 'b'],
    ] as const;
    records.addEntries(6, packMessages(['6', '7', '8', '9', '10', '11', '12']), 1, keys);
    const entries = line(records).toString().split('\n');
    assert.deepEqual(
      entries.map((entry) => JSON.parse(entry)).map(({ seq, key, more }) => [seq, key, more]),
      [
        [6, undefined, undefined],
        [7, 'a', true],
        [8, 'a', undefined],
        [9, 'b', undefined],
        [10, undefined, undefined],
        [11, 'b', true],
        [12, 'b', undefined],
      ],
    );
  });
});
