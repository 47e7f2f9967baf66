import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HeartbeatRequest } from '../../../src/lib/core/protocol.ts';
import { EPOCH_MAX } from '../../../src/lib/core/recovery/ballot.ts';
import { PEER_NAME_LENGTH_MAX } from '../../../src/lib/http/limits.ts';
import {
  heartbeatHeaders,
  heartbeatJson,
  parseHeartbeat,
  parseHeartbeatRequest,
} from '../../../src/lib/wire/heartbeat.ts';
import { Dice, preparing, seeds } from '../support.ts';

const PREPARE = { logId: 'L', epoch: 3, writer: 'W' };
const HEADERS = { 'log-id': 'L', 'log-epoch': '3', 'log-writer': 'W' };
const SENDER = { id: 'a', bootId: 'A', members: 'digest' };
const SENDER_HEADERS = { 'member-id': 'a', 'member-boot-id': 'A', 'log-members': 'digest' };
const POLL: HeartbeatRequest = { prepare: null, bootId: null, completeFrom: null, committed: 0 };

describe('heartbeatHeaders', () => {
  const table: [what: string, request: HeartbeatRequest, headers: Record<string, string>][] = [
    ['a poll', POLL, { 'log-poll': 'true' }],
    ['a prepare to whoever hears it', preparing(PREPARE), HEADERS],
    [
      'a prepare to one incarnation',
      { ...preparing(PREPARE), bootId: 'B' },
      { ...HEADERS, 'boot-id': 'B' },
    ],
    [
      'from where it is complete, and up to where all is committed',
      { prepare: PREPARE, bootId: 'B', completeFrom: 7, committed: 5 },
      { ...HEADERS, 'boot-id': 'B', 'log-complete-from': '7', 'log-committed': '5' },
    ],
    [
      'that it is complete at once',
      { prepare: PREPARE, bootId: 'B', completeFrom: 0, committed: 0 },
      { ...HEADERS, 'boot-id': 'B', 'log-complete-from': '0' },
    ],
    [
      'the largest lengths',
      {
        prepare: PREPARE,
        bootId: 'B',
        completeFrom: Number.MAX_SAFE_INTEGER,
        committed: Number.MAX_SAFE_INTEGER,
      },
      {
        ...HEADERS,
        'boot-id': 'B',
        'log-complete-from': '9007199254740991',
        'log-committed': '9007199254740991',
      },
    ],
    [
      'a poll of a candidate',
      { ...POLL, sender: SENDER, isCandidate: true },
      { 'log-poll': 'true', ...SENDER_HEADERS, 'log-candidate': 'true' },
    ],
    [
      'a prepare of a member, by the handover of another one',
      {
        ...preparing(PREPARE),
        sender: SENDER,
        isCandidate: false,
        handover: { epoch: 2, writer: 'V' },
      },
      { ...HEADERS, ...SENDER_HEADERS, 'log-handover': '2/V' },
    ],
  ];
  for (const [what, request, headers] of table) {
    it(`say ${what}, and are read back`, () => {
      assert.deepEqual(heartbeatHeaders(request), headers);
      assert.deepEqual(parseHeartbeatRequest(headers), request);
    });
  }

  it('of a poll say nothing of whom it is for: it changes nothing', () => {
    assert.deepEqual(heartbeatHeaders({ ...POLL, bootId: 'B' }), { 'log-poll': 'true' });
  });

  it('are what a header may carry, and read back, whatever the names are', () => {
    for (const seed of seeds(300)) {
      const dice = new Dice(seed);
      const name = () => dice.text(20) || 'x';
      const prepare = { logId: name(), epoch: dice.integer(1, 1e9), writer: name() };
      const request = {
        prepare,
        bootId: dice.chance(0.8) ? name() : null,
        completeFrom: dice.chance(0.8) ? dice.integer(0, 1e12) : null,
        committed: dice.chance(0.8) ? dice.integer(0, 1e12) : 0,
      };
      const headers = heartbeatHeaders(request);
      assert.match(Object.values(headers).join(''), /^[\x21-\x7e]*$/);
      assert.deepEqual(parseHeartbeatRequest(headers), request);
    }
  });

  it('may have the longest names that there are', () => {
    const longest = '漢'.repeat(PEER_NAME_LENGTH_MAX);
    const prepare = { logId: longest, epoch: EPOCH_MAX, writer: longest };
    const request = { ...preparing(prepare), bootId: longest };
    assert.deepEqual(parseHeartbeatRequest(heartbeatHeaders(request)), request);
  });
});

describe('parseHeartbeatRequest', () => {
  const nobody: [what: string, headers: Record<string, string>][] = [
    ['no such headers', { host: 'x' }],
    ['a poll that says false', { 'log-poll': 'false' }],
    ['what belongs to a prepare alone', { 'boot-id': 'B', 'log-committed': '5' }],
  ];
  for (const [what, headers] of nobody) {
    it(`finds nobody in particular in ${what}`, () => {
      assert.equal(parseHeartbeatRequest(headers), null);
    });
  }

  it('refuses a member that says half of who it is, also in a poll', () => {
    for (const others of [HEADERS, { 'log-poll': 'true' }]) {
      assert.throws(() => parseHeartbeatRequest({ ...others, 'member-id': 'a' }), {
        problem: 'bad-request',
        message: /^Member-Id, Member-Boot-Id and Log-Members go together/,
      });
    }
  });

  it('takes a prepare for one, though it says that it is a poll', () => {
    assert.deepEqual(parseHeartbeatRequest({ ...HEADERS, 'log-poll': 'true' }), preparing(PREPARE));
  });

  const prepare = /^a prepare needs Log-Id and Log-Writer/;
  const details = /^Boot-Id must be percent-encoded, 1 to 255 characters, and Log-Complete-From/;
  const long = 'x'.repeat(PEER_NAME_LENGTH_MAX + 1);
  const bad: [what: string, headers: Record<string, string | undefined>, why: RegExp][] = [
    ['no Log-Id', { 'log-id': undefined }, prepare],
    ['no Log-Epoch', { 'log-epoch': undefined }, prepare],
    ['no Log-Writer', { 'log-writer': undefined }, prepare],
    ['an empty Log-Id', { 'log-id': '' }, prepare],
    ['an empty Log-Writer', { 'log-writer': '' }, prepare],
    ['a long Log-Id', { 'log-id': long }, prepare],
    ['a Log-Writer that is not percent-encoded', { 'log-writer': '%' }, prepare],
    ['a Log-Id that is not UTF-8', { 'log-id': '%ff' }, prepare],
    ['epoch 0', { 'log-epoch': '0' }, prepare],
    ['epoch -1', { 'log-epoch': '-1' }, prepare],
    ['epoch 1.5', { 'log-epoch': '1.5' }, prepare],
    ['an epoch with a zero before it', { 'log-epoch': '03' }, prepare],
    ['an epoch behind the last', { 'log-epoch': '281474976710657' }, prepare],
    ['the largest integer as the epoch', { 'log-epoch': '9007199254740991' }, prepare],
    ['an epoch that is no safe integer', { 'log-epoch': '9007199254740992' }, prepare],
    ['a Log-Epoch given twice', { 'log-epoch': '3, 3' }, prepare],
    ['no number as the epoch', { 'log-epoch': 'x' }, prepare],
    ['an empty Boot-Id', { 'boot-id': '' }, details],
    ['a long Boot-Id', { 'boot-id': long }, details],
    ['a Boot-Id that is not percent-encoded', { 'boot-id': '%' }, details],
    ['a Boot-Id that is not UTF-8', { 'boot-id': '%ff' }, details],
    ...['log-complete-from', 'log-committed'].flatMap((name) =>
      [
        '',
        '-1',
        '+1',
        '1.5',
        '01',
        '00',
        '0x1',
        '1e3',
        ' 1',
        'x',
        'null',
        '9007199254740992',
        '1, 1',
      ].map((text): [string, Record<string, string>, RegExp] => [
        `"${text}" as ${name}`,
        { [name]: text },
        details,
      ]),
    ),
  ];
  for (const [what, headers, why] of bad) {
    it(`refuses ${what}`, () => {
      const given = Object.entries({ ...HEADERS, ...headers }).filter(
        ([, value]) => value !== undefined,
      );
      assert.throws(() => parseHeartbeatRequest(Object.fromEntries(given)), {
        problem: 'bad-request',
        message: why,
      });
    });
  }

  for (const name of ['log-id', 'log-epoch', 'boot-id', 'log-complete-from', 'log-committed']) {
    it(`refuses ${name} as a list`, () => {
      const headers = { ...HEADERS, [name]: ['1', '2'] };
      assert.throws(() => parseHeartbeatRequest(headers), { problem: 'bad-request' });
    });
  }
});

const bytes = (text: string) => new TextEncoder().encode(text);

describe('heartbeatJson', () => {
  const beat = { nodeId: 's', bootId: 'B', logId: 'L', epoch: 3, length: 1 };

  it('says null of a writer without a name', () => {
    const rest = { lastEpoch: 1, isLogMatched: false, isComplete: true };
    const text = (writer: string, lastWriter: string) =>
      heartbeatJson({ ...beat, prepareReply: { writer, lastWriter, ...rest } });
    assert.equal(
      text('W', ''),
      '{"nodeId":"s","bootId":"B","logId":"L","epoch":3,"length":1,' +
        '"writer":"W","lastWriter":null,"lastEpoch":1,"agreed":false,"complete":true}',
    );
    const told = { writer: '', lastEpoch: 1, lastWriter: 'V', isLogMatched: true };
    assert.equal(
      heartbeatJson({ ...beat, held: 2, prepareReply: { ...told, isComplete: false } }),
      '{"nodeId":"s","bootId":"B","logId":"L","epoch":3,"length":1,"held":2,' +
        '"writer":null,"lastEpoch":1,"lastWriter":"V","agreed":true,"complete":false}',
    );
  });

  it('adds nothing where no master asked', () => {
    assert.equal(heartbeatJson({ ...beat, prepareReply: null }), JSON.stringify(beat));
  });
});

describe('parseHeartbeat', () => {
  const beat = { nodeId: 's1', bootId: 'B', logId: 'L', epoch: 1, length: 6 };
  const parse = (value: unknown) => parseHeartbeat(bytes(JSON.stringify(value)));

  it('reads an answer, also that of a empty', () => {
    assert.deepEqual(parse(beat), { ...beat, prepareReply: null });
    const empty = { ...beat, logId: null, epoch: 0, length: 0 };
    assert.deepEqual(parse({ ...empty, more: 1 }), { ...empty, prepareReply: null });
  });

  it('reads its reply to a prepare, if there is one', () => {
    const stands = { writer: 'W', lastEpoch: 1, lastWriter: 'V', agreed: true, complete: true };
    const named = { writer: 'W', lastEpoch: 1, lastWriter: 'V' };
    const prepareReply = { ...named, isLogMatched: true, isComplete: true };
    assert.deepEqual(parse({ ...beat, ...stands }), { ...beat, prepareReply });
    const unnamed = { ...prepareReply, writer: '' };
    assert.deepEqual(parse({ ...beat, ...stands, writer: null })?.prepareReply, unnamed);
    assert.deepEqual(parse({ ...beat, ...stands, writer: undefined })?.prepareReply, unnamed);
    const silent = parse({ ...beat, ...stands, complete: undefined })?.prepareReply;
    assert.deepEqual(silent, { ...prepareReply, isComplete: false }, 'who does not say so is not');
    assert.equal(
      parse({ ...beat, writer: 'W' })?.prepareReply,
      null,
      'a writer alone says nothing',
    );
  });

  it('reads what a member adds, and what it wrote itself', () => {
    const stands = { writer: 'W', lastEpoch: 1, lastWriter: 'V' };
    const prepareReply = { ...stands, isLogMatched: false, isComplete: true };
    const said = {
      ...beat,
      held: 2,
      receivedBytes: 9,
      members: 'digest',
      master: { id: 'a', epoch: 1 },
    };
    assert.deepEqual(parse(said), { ...said, prepareReply: null });
    const answer = { ...said, prepareReply };
    assert.deepEqual(parseHeartbeat(bytes(heartbeatJson(answer))), answer);
    const { master, ...unheard } = answer;
    assert.deepEqual(parseHeartbeat(bytes(heartbeatJson(unheard))), unheard);
    assert.deepEqual(parse({ ...said, master: { ...master, url: 'x' } })?.master, master);
  });

  const bad = [
    null,
    {},
    { ...beat, members: '' },
    { ...beat, members: 7 },
    { ...beat, members: null },
    { ...beat, members: 'd', master: null },
    { ...beat, members: 'd', master: 'a' },
    { ...beat, members: 'd', master: { id: 'a' } },
    { ...beat, members: 'd', master: { id: '', epoch: 1 } },
    { ...beat, members: 'd', master: { id: 'a', epoch: -1 } },
    { ...beat, members: 'd', master: { id: 'a', epoch: 2 ** 48 + 1 } },
    { ...beat, held: -1 },
    { ...beat, receivedBytes: '9' },
    { ...beat, lastEpoch: 1 },
    { ...beat, agreed: true },
    { ...beat, lastEpoch: '1', agreed: true },
    { ...beat, lastEpoch: -1, agreed: true },
    { ...beat, lastEpoch: 2 ** 48 + 1, agreed: true },
    { ...beat, epoch: 2 ** 53 - 1 },
    { ...beat, lastEpoch: 1, agreed: 1 },
    { ...beat, lastEpoch: 1, agreed: true, complete: 1 },
    { ...beat, lastEpoch: 1, agreed: true, complete: null },
    { ...beat, lastEpoch: 1, agreed: true, writer: '' },
    { ...beat, lastEpoch: 1, agreed: true, lastWriter: 1 },
    { ...beat, logId: '\ud800' },
    { ...beat, nodeId: 7 },
    { ...beat, bootId: '' },
    { ...beat, logId: undefined },
    { ...beat, logId: '' },
    { ...beat, epoch: -1 },
    { ...beat, length: '6' },
  ];
  for (const value of bad) {
    it(`takes ${JSON.stringify(value)} for no answer`, () => assert.equal(parse(value), null));
  }
});
