import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseTrace } from '../../../src/lib/http/trace.ts';
import { parseFrame } from '../../../src/lib/wire/frame.ts';

const [TRACE, SPAN] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];
const GOOD = `00-${TRACE}-${SPAN}-01`;

describe('parseTrace', () => {
  const table: [header: string | undefined, isSampled: boolean | null][] = [
    [GOOD, true],
    [`00-${TRACE}-${SPAN}-00`, false],
    [`00-${TRACE}-${SPAN}-03`, true],
    [`cc-${TRACE}-${SPAN}-01-what-comes-later`, true],
    [undefined, null],
    ['', null],
    [`00-${TRACE}-${SPAN}-01-more`, null],
    [`ff-${TRACE}-${SPAN}-01`, null],
    [`00-${TRACE.toUpperCase()}-${SPAN}-01`, null],
    [`00-${'0'.repeat(32)}-${SPAN}-01`, null],
    [`00-${TRACE}-${'0'.repeat(16)}-01`, null],
    [`00-${TRACE}-${SPAN}`, null],
    [`cc-${TRACE}-${SPAN}-01-${'x'.repeat(255)}`, null],
  ];
  for (const [header, isSampled] of table) {
    it(`says ${isSampled} of '${header?.slice(0, 70)}'`, () => {
      const trace = parseTrace(header);
      assert.equal(trace?.isSampled ?? null, isSampled);
      if (trace !== null) assert.equal(trace.parent, header);
    });
  }
});

describe('the traces of a frame', () => {
  const frame = (traces: unknown) =>
    parseFrame({ logId: 'L', epoch: 1, from: 2, messages: ['b', 'c'], traces }).traces;

  it('are those of its entries', () => {
    assert.deepEqual(frame({ 3: GOOD }), [{ seq: 3, parent: GOOD, isSampled: true }]);
    assert.equal(frame(undefined), undefined);
  });

  it('are left out where they are none: no frame is refused for them', () => {
    for (const none of [null, 1, 'x', [], [GOOD], { 1: GOOD, 4: GOOD, x: GOOD, 2: 5, 3: 'y' }]) {
      assert.deepEqual(frame(none), []);
    }
  });
});
