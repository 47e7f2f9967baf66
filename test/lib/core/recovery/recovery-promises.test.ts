/** Whom a starting master believes: promises, incarnations, who is down and who is silent. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Frame } from '../../../../src/lib/core/protocol.ts';
import type { Adopted } from '../../../../src/lib/core/recovery/recovery.ts';
import { missing, Start, tooFew } from './recovery-stage.ts';

const MAY = 'not answer and may hold messages that were acknowledged';

describe('Recovery: a poll', () => {
  it('that cannot be enough makes no prepare, however often: epochs do not grow', () => {
    const start = new Start(2).has('L', [3, 'a']);
    const told = [...start.disk.told];
    for (let attempt = 0; attempt < 5; attempt += 1) {
      start.begin().fails(0).down(1);
      start.did('ask of 0', 'ask of 1', `retry later: s0 and s1 do ${MAY}`);
    }
    assert.deepEqual(start.disk.told, told);
    assert.equal(start.replica.ballot.epoch, 3);
    start.begin().skip().holds(0, 'L', 3, 1).fails(1).did('prepare L/4/W of 0');
  });

  it('asks those for a promise who have answered it, and nobody else', () => {
    const start = new Start(4).has('L', [3, 'a']).begin().skip();
    start.fails(0).holds(1, 'L', 3, 1).down(2).holds(3, 'L', 3, 1);
    start.did('prepare L/4/W of 1', 'prepare L/4/W of 3');
  });

  it('is of complete nodes, of which enough must promise as well', () => {
    const start = new Start(2).has('L', [3, 'a']).begin();
    start.holds(0, 'L', 3, 1).fails(1).skip();
    start.fails(0).did(`retry later: s0 and s1 do ${MAY}`);
  });

  it('counts nobody as complete who does not say so, this node neither', () => {
    const start = new Start(2).hasSome('L', [3, 'a']).begin().skip();
    start
      .holds(0, 'L', 3, 1)
      .fails(1)
      .did(`retry later: ${missing('s1', 'm has')}`);
    start.begin().skip();
    start.holds(0, 'L', 3, 1, { isComplete: false }).holds(1, 'L', 3, 1);
    start.did('prepare L/4/W of 0', 'prepare L/4/W of 1');
    start.stands(0, 'L', 4, 1, { isComplete: false }).fails(1);
    start.did(`retry later: ${missing('s1', 'm and s0 have')}`);
    start.begin().skip().says(0, 'L', 3, 1).fails(1);
    start.did(`retry later: ${missing('s1', 'm and s0 have')}`);
  });
});

describe('Recovery: its own promise', () => {
  for (const hasLog of [true, false]) {
    it(`is on its disk before it asks for others, ${hasLog ? 'with' : 'without'} a log`, () => {
      const start = hasLog ? new Start(1).has('L', [3, 'a']) : new Start(1);
      start.begin().empty(0);
      assert.deepEqual(start.promisedFirst, { epoch: hasLog ? 4 : 1, writer: 'W' });
    });

    it(`is not asked of others where it has no room, ${hasLog ? 'with' : 'without'} a log`, () => {
      const start = hasLog ? new Start(1).has('L', [3, 'a']) : new Start(1);
      for (const steps of hasLog ? [0] : [0, 1]) {
        start.disk.stepsLeft = steps;
        start.begin().empty(0).did('ask of 0', 'retry later: the disk is full');
      }
      start.disk.stepsLeft = Number.POSITIVE_INFINITY;
      start
        .begin()
        .empty(0)
        .did('ask of 0', hasLog ? 'prepare L/5/W of 0' : 'prepare NEW/3/W of 0');
    });
  }

  it('is made anew in every candidacy, for an epoch of its own', () => {
    const start = new Start(1).has('L', [3, 'a']).begin().empty(0);
    start.fails(0).skip();
    assert.deepEqual(start.replica.durableBallot, { epoch: 4, writer: 'W' });
    start.begin().empty(0).did('ask of 0', 'prepare L/5/W of 0');
    assert.deepEqual(start.replica.durableBallot, { epoch: 5, writer: 'W' });
  });

  it('to a log of another name is made in its own, which is not given up before there is a better one', () => {
    const start = new Start(1).has('MINE', [3, 'a']).begin();
    start.holds(0, 'L', 8, 2).did('ask of 0', 'prepare L/9/W of 0');
    assert.deepEqual([start.replica.logId, start.replica.ballot.epoch], ['MINE', 9]);
    start.disk.isFull = true;
    start.stands(0, 'L', 9, 2).did('retry later: the disk is full');
    assert.deepEqual([start.replica.logId, start.shown()], ['MINE', 'a']);
    start.disk.isFull = false;
    start.begin().holds(0, 'L', 8, 2).did('ask of 0', 'prepare L/10/W of 0');
    start.stands(0, 'L', 10, 2, { lastEpoch: 8 }).did('fetch #2 of 0 from 1');
    assert.equal(start.disk.told.at(-1), 'begin L, promised 10/W');
  });
});

describe('Recovery: an incarnation', () => {
  it('that was not polled does not promise for the one that was', () => {
    const start = new Start(2).has('L', [3, 'a']).begin();
    start.holds(0, 'L', 3, 1).fails(1).skip();
    start.stands(0, 'L', 4, 1, { bootId: 'restarted' });
    start.did(`retry later: s0 and s1 do ${MAY}`);
    assert.deepEqual([...start.recovery.answers.keys()], []);
    start.begin();
    const answer = { nodeId: 's0', bootId: 'restarted', logId: 'L', epoch: 4, length: 1 };
    const prepareReply = { writer: 'W', lastEpoch: 3, lastWriter: '', isLogMatched: false };
    start.recovery.answered(0, { ...answer, prepareReply: { ...prepareReply, isComplete: true } });
    start.fails(1).did('ask of 0', 'ask of 1', 'prepare L/5/W of 0');
    start.stands(0, 'L', 5, 1, { bootId: 'restarted', lastEpoch: 3 });
    start.did('recovered L/5/W from m by complete-quorum');
  });

  it('that was not polled is not who has answered, whatever it holds', () => {
    const start = new Start(1).hasSome('L', [3, 'a']).begin().empty(0).skip();
    start.stands(0, 'L', 4, 0, { bootId: 'restarted' });
    start.did(`retry later: ${missing('s0', 'm has')}`);
  });
});

describe('Recovery: who does not answer', () => {
  it('may be down, and then no log is waited for; or silent, and then it is', () => {
    const start = new Start(2).begin().skip();
    start
      .empty(0)
      .fails(1)
      .did(`retry later: ${missing('s1', 'm and s0 have')}`);
    start.begin().skip();
    start.empty(0).down(1).did('prepare NEW/1/W of 0');
    start.stands(0, 'NEW', 1, 0).did('recovered NEW/1/W from null by new-log');
  });

  it('is waited for also if it falls silent between poll and promise, and not if it goes down', () => {
    const start = new Start(2).begin().empty(0).empty(1).skip();
    start
      .stands(0, 'NEW', 1, 0)
      .fails(1)
      .did(`retry later: ${missing('s1', 'm and s0 have')}`);
    start.begin().empty(0).empty(1).skip();
    start.stands(0, 'NEW', 2, 0).down(1).did('recovered NEW/2/W from null by new-log');
  });

  it('is judged anew in every attempt', () => {
    const start = new Start(2).begin().empty(0).down(1).skip();
    start.fails(0).did(`retry later: ${tooFew('s0 and s1 do', 1, 2)}`);
    start
      .begin()
      .skip()
      .empty(0)
      .fails(1)
      .did(`retry later: ${missing('s1', 'm and s0 have')}`);
  });

  it('is waited for, down or not, where there is a log that not enough can vouch for', () => {
    const start = new Start(2).begin().skip();
    start
      .holds(0, 'L', 3, 1)
      .down(1)
      .did(`retry later: ${missing('s1', 'm has')}`);
  });

  it('had a log when it was polled: then no other one is born, though it is down now', () => {
    const start = new Start(2).begin().holds(0, 'L', 3, 5, { isComplete: false }).empty(1);
    start.did('ask of 0', 'ask of 1', 'prepare L/4/W of 0', 'prepare L/4/W of 1');
    start.down(0).stands(1, 'L', 4, 0);
    assert.equal(start.adopted, null, 'nobody who answered may have a log');
  });
});

describe('Recovery: who holds another log', () => {
  it('has answered, and outbids nobody, whatever it has promised there', () => {
    const start = new Start(1).hasSome('L', [9, 'a']).begin().skip();
    start.holds(0, 'OTHER', 99, 5, { lastEpoch: 5 }).did('prepare L/10/W of 0');
    start.stands(0, 'OTHER', 99, 5, { lastEpoch: 5, writer: 'X' });
    start.did('recovered L/10/W from m by all-answered');
  });

  it('vouches for nothing, though it is complete', () => {
    const start = new Start(2).has('L', [9, 'a']).begin().skip();
    start
      .holds(0, 'OTHER', 5, 5)
      .fails(1)
      .did(`retry later: ${missing('s1', 's0 has')}`);
  });

  it('ends a candidacy, if it came to have a better one meanwhile', () => {
    const start = new Start(2).begin().holds(0, 'L', 3, 2).empty(1).skip();
    start.stands(0, 'L', 4, 2).stands(1, 'OTHER', 7, 9);
    start.did('retry later: another master is starting');
  });
});

describe('Recovery: the name of a log', () => {
  const names: [what: string, own: string | null, heard: (string | null)[], name: string][] = [
    ['of which somebody has heard is used again', null, ['HEARD', null], 'HEARD'],
    ['of which it has heard itself is used again', 'OWN', [null, null], 'OWN'],
    ['is the first of several that were heard', null, ['B', 'A'], 'A'],
    ['is the first also where it has heard another one itself', 'C', ['B', null], 'B'],
    ['is new where nobody has heard of one', null, [null, null], 'NEW'],
  ];
  for (const [what, own, heard, name] of names) {
    it(what, () => {
      const start = new Start(2);
      if (own !== null) start.replica.begin(own);
      start.begin().skip();
      for (const [index, logId] of heard.entries()) {
        start.stands(index, logId, logId === null ? 0 : 4, 0, { writer: '', lastEpoch: 0 });
      }
      const epoch = heard.some((logId) => logId !== null) ? 5 : 1;
      start.did(`prepare ${name}/${epoch}/W of 0`, `prepare ${name}/${epoch}/W of 1`);
      assert.equal(start.replica.logId, name);
    });
  }

  it('that has entries goes before one that was only heard of', () => {
    const start = new Start(2).begin().skip();
    start.holds(0, 'A', 9, 0).holds(1, 'Z', 3, 2).did('prepare Z/10/W of 0', 'prepare Z/10/W of 1');
  });
});

describe('Recovery: the source of a fetch', () => {
  const epochs: [number, number][] = [[8, 1]];
  function fetching(): Start {
    const start = new Start(1).begin().holds(0, 'L', 8, 1).skip();
    return start.stands(0, 'L', 9, 1, { lastEpoch: 8 }).did('fetch #1 of 0 from 1');
  }

  const table: [what: string, other: Partial<Frame>, reason: string | null][] = [
    ['is the incarnation that promised', { bootId: 'boot-0' }, null],
    ['does not say which incarnation it is', {}, null],
    ['names no writer, and an older epoch', { epoch: 1, writer: '' }, null],
    ['is another incarnation', { bootId: 'boot-1' }, 's0 has restarted'],
    ['has promised a newer epoch', { epoch: 10 }, 'another master is starting'],
    ['has promised a larger writer', { writer: 'X' }, 'another master is starting'],
    [
      'has promised a newer one of no name',
      { epoch: 10, writer: '' },
      'another master is starting',
    ],
    [
      'has forgotten its promise',
      { epoch: 8 },
      'the log of a secondary cannot be taken in: stale-epoch',
    ],
    [
      'has gone over to another log',
      { logId: 'M' },
      'the log of a secondary cannot be taken in: log-mismatch',
    ],
  ];
  for (const [what, other, reason] of table) {
    it(`${reason === null ? 'goes on' : 'ends it'} if it ${what}`, () => {
      const start = fetching();
      assert.equal(start.sends(1, 1, ['a'], epochs, 9, other), reason === null);
      if (reason === null) start.did().over(1).did('recovered L/9/W from s0 by complete-quorum');
      else start.did(`retry later: ${reason}`).over(1).did();
      assert.equal(start.shown(), reason === null ? 'a' : '');
      assert.equal(start.replica.isComplete, reason === null);
    });
  }

  it('is told from another incarnation in every frame, not only in the first', () => {
    const start = new Start(1).begin().holds(0, 'L', 8, 2).skip();
    start.stands(0, 'L', 9, 2, { lastEpoch: 8 }).skip();
    assert.equal(start.sends(1, 1, ['a'], epochs, 9, { bootId: 'boot-0' }), true);
    assert.equal(start.sends(1, 2, ['b'], undefined, 9, { bootId: 'restarted' }), false);
    start.did('retry later: s0 has restarted');
    assert.equal(start.shown(), 'a');
  });

  it('makes nobody complete by what it says itself: that is for a take-over', () => {
    const start = new Start(1).begin().holds(0, 'L', 8, 2).skip();
    start.stands(0, 'L', 9, 2, { lastEpoch: 8 }).skip();
    const told = { bootId: 'boot-0', completeFrom: 0, committed: 1 };
    start.sends(
      1,
      1,
      ['a'],
      [
        [8, 1],
        [9, 2],
      ],
      9,
      told,
    );
    assert.equal(start.replica.isComplete, false);
    start.over(1, 'reset').did('retry later: reset');
    assert.equal(start.replica.isComplete, false);
  });
});

describe('Recovery: what it says of itself once it has recovered', () => {
  const table: [what: string, start: () => Start, adopted: Adopted][] = [
    [
      'a log of its own, and some who did not answer',
      () => {
        const start = new Start(4).has('L', [3, 'a']).begin();
        start.holds(0, 'L', 3, 1).fails(1).down(2).holds(3, 'L', 3, 1);
        return start.stands(0, 'L', 4, 1).stands(3, 'L', 4, 1);
      },
      {
        adoptedFrom: 'm',
        rule: 'complete-quorum',
        answered: ['s0', 's3'],
        incomplete: [],
        unanswered: ['s1', 's2'],
      },
    ],
    [
      'a log that some had lost, this node among them',
      () => {
        const start = new Start(3).begin();
        start.holds(0, 'L', 3, 1).empty(1).holds(2, 'L', 3, 1, { isComplete: false });
        start.stands(0, 'L', 4, 1, { lastEpoch: 3 }).empty(1);
        start.stands(2, 'L', 4, 1, { lastEpoch: 3, isComplete: false });
        start.sends(1, 1, ['a'], [[3, 1]], 4);
        return start.over(1);
      },
      {
        adoptedFrom: 's0',
        rule: 'all-answered',
        answered: ['s0', 's1', 's2'],
        incomplete: ['m', 's1', 's2'],
        unanswered: [],
      },
    ],
    [
      'a log that is new',
      () => new Start(2).begin().empty(0).down(1).stands(0, 'NEW', 1, 0),
      {
        adoptedFrom: null,
        rule: 'new-log',
        answered: ['s0'],
        incomplete: ['m', 's0'],
        unanswered: ['s1'],
      },
    ],
    [
      'a log without entries',
      () => {
        const start = new Start(1).begin().holds(0, 'L', 3, 0, { lastEpoch: 3, isComplete: true });
        start.stands(0, 'L', 4, 0, { lastEpoch: 3, isComplete: true });
        start.sends(1, 1, [], [[3, 1]], 4);
        return start.over(1);
      },
      {
        adoptedFrom: null,
        rule: 'complete-quorum',
        answered: ['s0'],
        incomplete: ['m'],
        unanswered: [],
      },
    ],
    [
      'whatever there was, without a quorum',
      () => new Start(2, { needsQuorum: false }).begin().fails(0, 1),
      {
        adoptedFrom: null,
        rule: 'whoever-answers',
        answered: [],
        incomplete: ['m'],
        unanswered: ['s0', 's1'],
      },
    ],
  ];
  for (const [what, start, adopted] of table) {
    it(`tells of ${what}`, () => {
      const done = start();
      assert.deepEqual(done.adopted, adopted);
      assert.equal(done.replica.isComplete, true, 'whoever takes over is complete');
      assert.equal(done.disk.told.filter((step) => step === 'complete').length, 1);
    });
  }
});
