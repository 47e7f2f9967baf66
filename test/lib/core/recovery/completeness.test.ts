import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  hasCaughtUp,
  type Member,
  mayBeElected,
  mayTakeOver,
  type Standpoint,
  type Verdict,
} from '../../../../src/lib/core/recovery/completeness.ts';
import { majorityOf } from '../../../../src/lib/core/replication/quorum.ts';

const A2 = { epoch: 2, writer: 'A' };
const B2 = { epoch: 2, writer: 'B' };
const UNNAMED2 = { epoch: 2, writer: '' };

describe('hasCaughtUp', () => {
  const usual: Standpoint = { promised: A2, newestMark: A2, durableLength: 5, completeFrom: 5 };
  const table: [what: string, change: Partial<Standpoint>, isIt: boolean][] = [
    ['has the mark of the master it listens to, and the length it was told', {}, true],
    ['is longer than it was told', { durableLength: 6 }, true],
    ['lacks one entry', { durableLength: 4 }, false],
    ['was told no length', { completeFrom: null }, false],
    ['was told the length 0, and has the mark', { completeFrom: 0, durableLength: 0 }, true],
    ['listens to a newer master', { promised: { epoch: 3, writer: 'A' } }, false],
    ['listens to another master of the same epoch', { promised: B2 }, false],
    ['has the mark of an older master', { newestMark: { epoch: 1, writer: 'A' } }, false],
    [
      'listens to a master without a name, and has its mark',
      { promised: UNNAMED2, newestMark: UNNAMED2 },
      true,
    ],
    [
      'listens to a master without a name, and has the mark of another',
      { promised: UNNAMED2 },
      false,
    ],
    [
      'has no mark, and has promised nothing',
      { promised: { epoch: 0, writer: '' }, newestMark: { epoch: 0, writer: '' } },
      false,
    ],
    [
      'has no mark, was told 0, and has promised nothing',
      {
        promised: { epoch: 0, writer: '' },
        newestMark: { epoch: 0, writer: '' },
        durableLength: 0,
        completeFrom: 0,
      },
      false,
    ],
  ];
  for (const [what, change, isIt] of table) {
    it(`is ${isIt ? 'so' : 'not so'} of a node that ${what}`, () => {
      assert.equal(hasCaughtUp({ ...usual, ...change }), isIt);
    });
  }
});

/** `C` holds all of L, `I` a part of it, `0` nothing, `F` all of another log; `d` is down, `s` is silent. */
function membersOf(text: string): Member[] {
  return [...text].map((sign, index) => {
    const id = index === 0 ? 'master' : `s${index}`;
    const state = sign === 'd' ? 'down' : sign === 's' ? 'silent' : 'answered';
    const logId = 'CI'.includes(sign) ? 'L' : sign === 'F' ? 'M' : null;
    return { id, state, logId, isComplete: 'CF'.includes(sign) };
  });
}

function ruleOf(text: string, needsQuorum = true): Verdict['rule'] {
  const hasLog = /[CI]/.test(text);
  return mayTakeOver(membersOf(text), hasLog ? 'L' : null, needsQuorum).rule;
}

describe('mayTakeOver', () => {
  const table: [members: string, rule: Verdict['rule']][] = [
    // One member: itself.
    ['C', 'complete-quorum'],
    ['I', 'all-answered'],
    ['0', 'all-answered'],
    // Two: one complete node is in every majority, which is both.
    ['Cs', 'complete-quorum'],
    ['Cd', 'complete-quorum'],
    ['0C', 'complete-quorum'],
    ['0I', 'all-answered'],
    ['00', 'all-answered'],
    ['IF', 'all-answered'],
    ['Is', null],
    ['Id', null],
    ['0d', null],
    ['0s', null],
    // Three: two.
    ['CCs', 'complete-quorum'],
    ['0CC', 'complete-quorum'],
    ['ICC', 'complete-quorum'],
    ['Cds', null],
    ['Cdd', null],
    ['C0d', null],
    ['C0s', null],
    ['CId', null],
    ['CFs', null],
    ['C0I', 'all-answered'],
    ['IFF', 'all-answered'],
    ['IF0', 'all-answered'],
    ['000', 'all-answered'],
    ['00d', 'new-log'],
    ['00s', null],
    ['0dd', null],
    ['0ss', null],
    // Four: two.
    ['CCss', 'complete-quorum'],
    ['00CC', 'complete-quorum'],
    ['C00s', null],
    ['CIIs', null],
    ['CI0F', 'all-answered'],
    ['000d', 'new-log'],
    ['000s', null],
    ['00dd', null],
    ['00ds', null],
    // Five: three.
    ['CCCss', 'complete-quorum'],
    ['0CCCd', 'complete-quorum'],
    ['CCdds', null],
    ['CC00s', null],
    ['CCFFs', null],
    ['CCII0', 'all-answered'],
    ['000dd', 'new-log'],
    ['000ds', null],
    ['0000s', null],
    ['00ddd', null],
  ];
  for (const [members, rule] of table) {
    it(`of ${members}: ${rule ?? 'nobody'}`, () => assert.equal(ruleOf(members), rule));
  }

  it('is whoever answers where no quorum is asked for', () => {
    for (const [members] of table) assert.equal(ruleOf(members, false), 'whoever-answers');
  });

  it('counts as complete nobody who holds another log, or does not answer', () => {
    const complete = { logId: 'L', isComplete: true } as const;
    const members: Member[] = [
      { id: 'master', state: 'answered', ...complete },
      { id: 's1', state: 'answered', ...complete, logId: 'M' },
      { id: 's2', state: 'silent', ...complete },
    ];
    assert.equal(mayTakeOver(members, 'L', true).rule, null);
  });

  it('agrees with a reference model that looks at every majority, for all clusters of up to four', () => {
    const signs = ['C', 'I', '0', 'F', 'd', 's'];
    let clusters = ['C', 'I', '0', 'F'];
    let count = 0;
    for (let nodes = 1; nodes <= 4; nodes += 1) {
      for (const cluster of clusters) {
        const members = membersOf(cluster);
        const logIds = new Set(members.map(({ logId }) => logId).filter((id) => id !== null));
        for (const logId of logIds.size === 0 ? [null] : logIds) {
          const { rule } = mayTakeOver(members, logId, true);
          assert.equal(rule, model(members, logId), `${cluster} for ${logId}`);
          count += 1;
        }
      }
      clusters = clusters.flatMap((cluster) => signs.map((sign) => cluster + sign));
    }
    assert.ok(count > 1000);
  });
});

/** All sets of members that are a majority and no larger. */
function majoritiesOf(members: readonly Member[]): Member[][] {
  const sets = Array.from({ length: 2 ** members.length }, (_, bits) =>
    members.filter((_, index) => (bits >> index) & 1),
  );
  return sets.filter((set) => set.length === majorityOf(members.length));
}

/**
 * (a) Whatever majority acknowledged an entry, somebody of it remembers and was heard; (b) there is nobody
 * else to ask; (c) a majority has nothing, and whoever is missing is not there.
 */
function model(members: readonly Member[], logId: string | null): Verdict['rule'] {
  const remembers = (one: Member) =>
    one.state === 'answered' && one.isComplete && one.logId === logId;
  const majorities = majoritiesOf(members);
  if (logId !== null && majorities.every((set) => set.some(remembers))) return 'complete-quorum';
  if (!members.some(({ state }) => state !== 'answered')) return 'all-answered';
  const isEmpty = (one: Member) => one.state === 'answered' && one.logId === null;
  const hasEmptyMajority = majorities.some((set) => set.every(isEmpty));
  const others = members.filter((one) => !isEmpty(one));
  return hasEmptyMajority && others.every(({ state }) => state === 'down') ? 'new-log' : null;
}

describe('the reason not to take over', () => {
  const may = 'not answer and may hold messages that were acknowledged';
  const table: [members: string, reason: string][] = [
    ['0d', 's1 does not answer; 1 of 2 required nodes have answered, the master included'],
    ['0ds', 's1 and s2 do not answer; 1 of 2 required nodes have answered, the master included'],
    [
      '0dsds',
      's1, s2, s3 and s4 do not answer; 1 of 3 required nodes have answered, the master included',
    ],
    ['Cds', `s1 and s2 do ${may}`],
    ['CCdss', `s2, s3 and s4 do ${may}`],
    ['Is', `s1 does ${may}; master has lost its memory, or never had all of it`],
    ['C0d', `s2 does ${may}; s1 has lost its memory, or never had all of it`],
    ['0Is', `s2 does ${may}; master and s1 have lost their memory, or never had all of it`],
    ['CFs', `s2 does ${may}; s1 has lost its memory, or never had all of it`],
    ['CC0Is', `s4 does ${may}; s2 and s3 have lost their memory, or never had all of it`],
    ['IC00d', `s4 does ${may}; master, s2 and s3 have lost their memory, or never had all of it`],
    // Who is down cannot hold the log that nobody else has heard of, as far as the rule goes.
    ['000ds', `s4 does ${may}; master, s1 and s2 have lost their memory, or never had all of it`],
  ];
  for (const [members, reason] of table) {
    it(`of ${members} names who is missing, and why they matter`, () => {
      const logId = /[CI]/.test(members) ? 'L' : null;
      assert.deepEqual(mayTakeOver(membersOf(members), logId, true), { rule: null, reason });
    });
  }
});

describe('mayBeElected', () => {
  const one = (id: string, state: Member['state'], isComplete: boolean, logId: string | null) =>
    ({ id, state, isComplete, logId }) as const;
  const own = one('m', 'answered', true, 'L');
  const whole = (id: string) => one(id, 'answered', true, 'L');
  const half = (id: string) => one(id, 'answered', false, 'L');
  const away = (id: string) => one(id, 'silent', false, null);
  const empty = (id: string) => one(id, 'answered', false, null);
  const lost = 'this node has lost its disk, or never had all of the log';
  const table: [what: string, members: Member[], logId: string | null, verdict: string][] = [
    ['two complete of three', [own, whole('a'), away('b')], 'L', 'complete-quorum'],
    [
      'itself and an incomplete one',
      [own, half('a'), away('b')],
      'L',
      '1 of 2 required complete members have answered; not a and b',
    ],
    ['one of two', [own, away('a')], 'L', 'complete-quorum'],
    ['two of four', [own, whole('a'), away('b'), away('c')], 'L', 'complete-quorum'],
    [
      'two of five',
      [own, whole('a'), away('b'), away('c'), away('d')],
      'L',
      '2 of 3 required complete members have answered; not b, c and d',
    ],
    ['an incomplete candidate', [half('m'), whole('a'), whole('b')], 'L', lost],
    ['nobody at all', [], 'L', lost],
    [
      'a candidate of another log',
      [one('m', 'answered', true, 'M'), whole('a'), whole('b')],
      'L',
      lost,
    ],
    ['all, and nobody has a log', [empty('m'), empty('a')], null, 'new-log'],
    [
      'all but one, and nobody has a log',
      [empty('m'), away('a')],
      null,
      'a log is begun when all members answer; a has not',
    ],
    [
      'one of three, and nobody has a log',
      [empty('m'), away('a'), one('b', 'down', false, null)],
      null,
      'a log is begun when all members answer; a and b have not',
    ],
  ];
  for (const [what, members, logId, expected] of table) {
    it(`says ${expected} to ${what}`, () => {
      const verdict = mayBeElected(members, logId);
      assert.equal(verdict.rule ?? (verdict as { reason: string }).reason, expected);
    });
  }
});
