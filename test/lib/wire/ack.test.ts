import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAck } from '../../../src/lib/wire/ack.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('parseAck', () => {
  const ack = { bootId: 'B', logId: 'L', epoch: 1, length: 6 };
  const parse = (value: unknown) => parseAck(bytes(JSON.stringify(value)));

  it('reads an ack, and only its own fields', () => {
    assert.deepEqual(parse({ ...ack, more: 1 }), ack);
    assert.deepEqual(parse({ ...ack, length: 0 }), { ...ack, length: 0 });
    assert.deepEqual(parse({ ...ack, epoch: 2 ** 48 }), { ...ack, epoch: 2 ** 48 });
    assert.deepEqual(parse({ ...ack, agreed: false }), { ...ack, isLogMatched: false });
  });

  const bad = [
    null,
    [],
    'ack',
    {},
    { ...ack, bootId: '' },
    { ...ack, logId: null },
    { ...ack, epoch: '1' },
    { ...ack, epoch: 2 ** 48 + 1 },
    { ...ack, agreed: true },
    { ...ack, agreed: null },
    { ...ack, length: -1 },
    { ...ack, length: 1.5 },
    { ...ack, length: undefined },
  ];
  for (const value of bad) {
    it(`takes ${JSON.stringify(value)} for no ack`, () => assert.equal(parse(value), null));
  }

  it('takes what is no JSON for no ack', () => {
    assert.equal(parseAck(bytes('<html>')), null);
    assert.equal(parseAck(Uint8Array.of(0xff)), null);
  });
});
