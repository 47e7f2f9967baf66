import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HeartbeatRequest } from '../../../src/lib/core/protocol.ts';
import { EPOCH_MAX } from '../../../src/lib/core/recovery/ballot.ts';
import { PEER_NAME_LENGTH_MAX } from '../../../src/lib/http/limits.ts';
import { memberHeaders, parseMemberHeaders } from '../../../src/lib/wire/member-headers.ts';
import { Dice, seeds } from '../support.ts';

type MemberPart = Pick<HeartbeatRequest, 'sender' | 'isCandidate' | 'handover'>;

const SENDER = { id: 'a', bootId: 'B', members: 'digest' };
const HEADERS = { 'member-id': 'a', 'member-boot-id': 'B', 'log-members': 'digest' };

describe('memberHeaders', () => {
  const table: [what: string, part: MemberPart, headers: Record<string, string>][] = [
    ['nothing where no member asks', {}, {}],
    ['who asks', { sender: SENDER, isCandidate: false }, HEADERS],
    [
      'that a candidate asks',
      { sender: SENDER, isCandidate: true },
      { ...HEADERS, 'log-candidate': 'true' },
    ],
    [
      'by whose handover',
      { sender: SENDER, isCandidate: true, handover: { epoch: 4, writer: 'a/b %' } },
      { ...HEADERS, 'log-candidate': 'true', 'log-handover': '4/a%2Fb%20%25' },
    ],
    [
      'the last epoch',
      { sender: SENDER, isCandidate: false, handover: { epoch: EPOCH_MAX, writer: 'W' } },
      { ...HEADERS, 'log-handover': '281474976710656/W' },
    ],
  ];
  for (const [what, part, headers] of table) {
    it(`say ${what}, and are read back`, () => {
      assert.deepEqual(memberHeaders(part), headers);
      assert.deepEqual(parseMemberHeaders(headers), part);
    });
  }

  it('say no more than that where no member asks', () => {
    assert.deepEqual(memberHeaders({ isCandidate: true, handover: { epoch: 1, writer: 'W' } }), {});
    assert.deepEqual(parseMemberHeaders({ 'log-candidate': 'true', 'log-handover': 'x' }), {});
  });

  it('are what a header may carry, and read back, whatever the names are', () => {
    for (const seed of seeds(300)) {
      const dice = new Dice(seed);
      const name = () => dice.text(20) || 'x';
      const part = {
        sender: { id: name(), bootId: name(), members: name() },
        isCandidate: dice.chance(0.5),
        ...(dice.chance(0.5) ? { handover: { epoch: dice.integer(1, 1e9), writer: name() } } : {}),
      };
      const headers = memberHeaders(part);
      assert.match(Object.values(headers).join(''), /^[\x21-\x7e]*$/);
      assert.deepEqual(parseMemberHeaders(headers), part);
    }
  });

  it('may have the longest names that there are', () => {
    const longest = '漢'.repeat(PEER_NAME_LENGTH_MAX);
    const sender = { id: longest, bootId: longest, members: longest };
    const part = { sender, isCandidate: true, handover: { epoch: 1, writer: longest } };
    assert.deepEqual(parseMemberHeaders(memberHeaders(part)), part);
  });
});

describe('parseMemberHeaders', () => {
  it('takes every word but `true` for no candidate', () => {
    for (const word of ['false', 'TRUE', '1', '']) {
      const part = parseMemberHeaders({ ...HEADERS, 'log-candidate': word });
      assert.deepEqual(part, { sender: SENDER, isCandidate: false }, word);
    }
  });

  const together = /^Member-Id, Member-Boot-Id and Log-Members go together/;
  const handover = /^Log-Handover must be an epoch, a slash and a percent-encoded writer$/;
  const long = 'x'.repeat(PEER_NAME_LENGTH_MAX + 1);
  const bad: [headers: Record<string, string | string[] | undefined>, why: RegExp][] = [
    ...Object.keys(HEADERS).flatMap((name) =>
      [undefined, '', '%', '%ff', long, ['a', 'b']].map(
        (value): [Record<string, string | string[] | undefined>, RegExp] => [
          { [name]: value },
          together,
        ],
      ),
    ),
    ...[
      '',
      'W',
      '4',
      '4/',
      '/W',
      '0/W',
      '-1/W',
      '04/W',
      '1.5/W',
      `${EPOCH_MAX + 1}/W`,
      '4/%',
      '4/%ff',
      '4/a/b',
      `4/${long}`,
      '4/W, 5/W/',
    ].map((text): [Record<string, string>, RegExp] => [{ 'log-handover': text }, handover]),
  ];
  for (const [headers, why] of bad) {
    it(`refuses ${JSON.stringify(headers).slice(0, 60)}`, () => {
      assert.throws(
        () => parseMemberHeaders({ ...HEADERS, ...headers } as Record<string, string>),
        { problem: 'bad-request', message: why },
      );
    });
  }
});
