import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EPOCH_MAX } from '../../../src/lib/core/ballot.ts';
import { claimHeaders, parseClaim } from '../../../src/lib/http/claim.ts';
import { PEER_NAME_LENGTH_MAX } from '../../../src/lib/http/limits.ts';
import { Dice, seeds } from '../support.ts';

const CLAIM = { logId: 'L', epoch: 3, writer: 'W' };
const HEADERS = { 'log-id': 'L', 'log-epoch': '3', 'log-writer': 'W' };

describe('claimHeaders', () => {
  it('writes three headers, or none', () => {
    assert.deepEqual(claimHeaders(CLAIM), HEADERS);
    assert.deepEqual(claimHeaders(null), {});
  });

  it('writes what a header may carry, and is read back, whatever the names are', () => {
    for (const seed of seeds(300)) {
      const dice = new Dice(seed);
      const name = () => dice.text(20) || 'x';
      const claim = { logId: name(), epoch: dice.integer(1, 1e9), writer: name() };
      const headers = claimHeaders(claim);
      assert.match(Object.values(headers).join(''), /^[\x21-\x7e]*$/);
      assert.deepEqual(parseClaim(headers), claim);
    }
  });

  it('writes the longest names that there are', () => {
    const longest = '漢'.repeat(PEER_NAME_LENGTH_MAX);
    const claim = { logId: longest, epoch: EPOCH_MAX, writer: longest };
    assert.deepEqual(parseClaim(claimHeaders(claim)), claim);
  });
});

describe('parseClaim', () => {
  it('finds none where there are no such headers', () => {
    assert.equal(parseClaim({ host: 'x' }), null);
  });

  const bad: [what: string, headers: Record<string, string | undefined>][] = [
    ['no Log-Id', { 'log-id': undefined }],
    ['no Log-Epoch', { 'log-epoch': undefined }],
    ['no Log-Writer', { 'log-writer': undefined }],
    ['an empty Log-Id', { 'log-id': '' }],
    ['an empty Log-Writer', { 'log-writer': '' }],
    ['a long Log-Id', { 'log-id': 'x'.repeat(PEER_NAME_LENGTH_MAX + 1) }],
    ['a Log-Writer that is not percent-encoded', { 'log-writer': '%' }],
    ['a Log-Id that is not UTF-8', { 'log-id': '%ff' }],
    ['epoch 0', { 'log-epoch': '0' }],
    ['epoch -1', { 'log-epoch': '-1' }],
    ['epoch 1.5', { 'log-epoch': '1.5' }],
    ['an epoch with a zero before it', { 'log-epoch': '03' }],
    ['an epoch behind the last', { 'log-epoch': '281474976710657' }],
    ['the largest integer as the epoch', { 'log-epoch': '9007199254740991' }],
    ['an epoch that is no safe integer', { 'log-epoch': '9007199254740992' }],
    ['a Log-Epoch given twice', { 'log-epoch': '3, 3' }],
    ['no number as the epoch', { 'log-epoch': 'x' }],
  ];
  for (const [what, headers] of bad) {
    it(`refuses ${what}`, () => {
      const given = Object.entries({ ...HEADERS, ...headers }).filter(
        ([, value]) => value !== undefined,
      );
      assert.throws(() => parseClaim(Object.fromEntries(given)), {
        problem: 'bad-request',
        message: /^a claim needs Log-Id and Log-Writer/,
      });
    });
  }
});
