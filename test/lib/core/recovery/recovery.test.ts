import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HELD_MESSAGES_MAX } from '../../../../src/lib/core/log/hold-back.ts';
import type { PrepareReply } from '../../../../src/lib/core/protocol.ts';
import { EPOCH_MAX } from '../../../../src/lib/core/recovery/ballot.ts';
import { missing, Start, tooFew } from './recovery-stage.ts';

describe('Recovery: where nobody has a log', () => {
  it('begins a new one under epoch 1, when all have said so twice', () => {
    const start = new Start(2).begin().did('ask of 0', 'ask of 1');
    start.empty(0).did().empty(1).did('prepare NEW/1/W of 0', 'prepare NEW/1/W of 1');
    start
      .stands(0, 'NEW', 1, 0)
      .did()
      .stands(1, 'NEW', 1, 0)
      .did('recovered NEW/1/W from null by all-answered');
    assert.deepEqual(start.replica.ballot, { epoch: 1, writer: 'W' });
    assert.equal(start.replica.logId, 'NEW');
    assert.deepEqual(start.disk.told, ['begin NEW', 'promise 1/W', 'epoch 1/W', 'complete']);
  });

  it('does so at once without secondaries', () => {
    new Start(0).begin().did('recovered NEW/1/W from null by all-answered');
  });

  it('does so with secondaries that know nothing of prepares', () => {
    const start = new Start(1).begin().empty(0).skip();
    start.empty(0).did('recovered NEW/1/W from null by all-answered');
  });

  const steps: [own: boolean, steps: string[]][] = [
    [false, ['begin NEW', 'promise 1/W', 'epoch 1/W', 'complete']],
    [true, ['promise 2/W', 'epoch 2/W', 'complete']],
  ];
  for (const [isOwn, all] of steps) {
    for (const [room, step] of all.entries()) {
      it(`retries later when its disk has no room for "${step}", and goes on when it has`, () => {
        const start = isOwn ? new Start(0).hasSome('L', [1, 'a']) : new Start(0);
        start.disk.told.length = 0;
        start.disk.stepsLeft = room;
        start.begin().did('retry later: the disk is full');
        assert.deepEqual(start.disk.told, all.slice(0, room), 'in this order');
        assert.equal(start.replica.isComplete, false);
        start.disk.stepsLeft = Number.POSITIVE_INFINITY;
        start.begin();
        const then = isOwn ? 'L/3/W from m' : 'NEW/2/W from null';
        start.did(`recovered ${then} by all-answered`);
        assert.equal(start.replica.isComplete, true);
        const { epoch, writer } = start.replica.newest;
        assert.deepEqual([epoch, writer], [isOwn ? 3 : 2, 'W']);
      });
    }
  }
});

describe('Recovery: the poll', () => {
  it('waits for everybody, whether they answer or not', () => {
    const start = new Start(3).begin().skip();
    start.empty(0).empty(2).did();
    start.down(1).did('prepare NEW/1/W of 0', 'prepare NEW/1/W of 2');
  });

  it('retries later without a quorum, and begins anew when told', () => {
    const start = new Start(3).begin().skip();
    start.empty(0).fails(1, 2);
    start.did(`retry later: ${tooFew('s1 and s2 do', 2, 3)}`);
    start.begin().did('ask of 0', 'ask of 1', 'ask of 2');
    start.empty(0).empty(1).down(2).did('prepare NEW/1/W of 0', 'prepare NEW/1/W of 1');
  });

  it('needs nobody where no quorum is asked for', () => {
    const start = new Start(2, { needsQuorum: false }).has('L', [4, 'a']).begin().skip();
    start.fails(0, 1).did('recovered L/5/W from m by whoever-answers');
  });

  it('counts no answer twice, and none that was not asked for', () => {
    const start = new Start(2);
    start.empty(0).fails(1).begin().skip();
    start.empty(0).empty(0).fails(0).did();
    start.down(1).did('prepare NEW/1/W of 0');
    start.empty(1).fails(1).did();
    start.stands(0, 'NEW', 1, 0).did('recovered NEW/1/W from null by new-log');
    start.empty(0).fails(0).did();
  });

  it('is one of the answers last given', () => {
    const start = new Start(2).begin().empty(0).empty(1);
    assert.deepEqual([...start.recovery.answers.keys()], [], 'the prepare is a new round');
    start.stands(1, 'NEW', 1, 0).fails(0);
    assert.deepEqual([...start.recovery.answers.keys()], [1]);
  });
});

const ASKED = ['ask of 0', 'ask of 1'];
const prepares = (prepare: string) => [0, 1].map((one) => `prepare ${prepare} of ${one}`);

describe('Recovery: the prepare', () => {
  it('is of the epoch after the highest that anybody has seen, its own log included', () => {
    const start = new Start(2).begin().skip();
    start.says(0, 'L', 3, 5).says(1, 'L', 7, 2).did('prepare L/8/W of 0', 'prepare L/8/W of 1');
    const own = new Start(1).has('L', [11, 'a']).begin().skip();
    own.says(0, 'L', 3, 0).did('prepare L/12/W of 0');
  });

  it('needs the quorum anew', () => {
    const start = new Start(2).begin().empty(0).empty(1).skip();
    start.fails(0, 1).did(`retry later: ${tooFew('s0 and s1 do', 1, 2)}`);
  });

  const outbid: [what: string, prepareReply: Partial<PrepareReply>, epoch: number][] = [
    ['a higher epoch', { writer: 'A' }, 9],
    ['the same epoch, of a larger writer', { writer: 'X' }, 8],
  ];
  for (const [what, prepareReply, epoch] of outbid) {
    it(`gives way to a master that prepares ${what}`, () => {
      const start = new Start(2).begin().says(0, 'L', 7, 5).says(1, 'L', 7, 5).skip();
      start.stands(0, 'L', 8, 5).stands(1, 'L', epoch, 5, prepareReply);
      start.did('retry later: another master is starting');
    });
  }

  it('of the last epoch is made again under a name behind all that were met', () => {
    const last = EPOCH_MAX;
    const start = new Start(1).begin().skip();
    start.says(0, 'L', last, 5).did(`prepare L/${last}/W of 0`);
    start.stands(0, 'L', last, 5, { writer: 'w' }).did('retry later: another master is starting');
    start.begin().skip().says(0, 'L', last, 5).did(`prepare L/${last}/xW of 0`);
    start.fails(0).skip();
    start.begin().skip().says(0, 'L', last, 0).did(`prepare L/${last}/yW of 0`);
    start.stands(0, 'L', last, 0, { writer: 'yW' });
    start.did(`recovered L/${last}/yW from null by all-answered`);
  });

  it('takes who holds another log for one who has answered, and vouches for nothing', () => {
    const start = new Start(2).has('L', [3, 'a']).begin();
    start.holds(0, 'OTHER', 1, 5).fails(1);
    start.did('ask of 0', 'ask of 1', `retry later: ${missing('s1', 's0 has')}`);
    start.begin().holds(0, 'OTHER', 1, 5).says(1, 'L', 3, 1).skip();
    start.stands(0, 'OTHER', 1, 5, { lastEpoch: 1 }).stands(1, 'L', 4, 1, { isComplete: false });
    start.did('recovered L/4/W from m by all-answered');
    assert.deepEqual(start.adopted?.answered, ['s0', 's1']);
    assert.deepEqual(start.adopted?.incomplete, ['s0', 's1'], 'it has not one entry of this log');
  });

  const deaf: [what: string, logId: string | null, epoch: number, writer: string][] = [
    ['has no room to join the log', null, 0, ''],
    ['listens to an older master still', 'L', 7, 'A'],
    ['listens to a master of a smaller name still', 'L', 8, 'A'],
  ];
  for (const [what, logId, epoch, writer] of deaf) {
    it(`does not count who has heard it and ${what}: it may yet hear others`, () => {
      const start = new Start(2).hasSome('L', [7, 'a']).begin();
      start.says(0, logId, Math.min(epoch, 7), 0).says(1, 'L', 7, 1).skip();
      start.stands(0, logId, epoch, 0, { writer, lastEpoch: 0 });
      start.stands(1, 'L', 8, 1, { lastEpoch: 7, isComplete: false });
      start.did(`retry later: ${missing('s0', 'm and s1 have')}`);
      assert.deepEqual([...start.recovery.answers.keys()], [1]);
    });
  }

  it('is never of an epoch it has prepared before, though all who heard it have forgotten', () => {
    const start = new Start(2).begin().says(0, 'L', 7, 2).empty(1);
    start.did(...ASKED, ...prepares('L/8/W'));
    start.fails(0, 1).did(`retry later: ${tooFew('s0 and s1 do', 1, 2)}`);
    start.begin().fails(0, 1);
    start.did(...ASKED, `retry later: ${tooFew('s0 and s1 do', 1, 2)}`);
    start.begin().says(0, 'L', 7, 2).empty(1);
    start.did(...ASKED, ...prepares('L/9/W'));
    start.fails(0, 1).skip();
    start.begin().says(0, 'M', 2, 2).says(1, 'M', 2, 2);
    start.did(...ASKED, ...prepares('M/10/W'));
    start.fails(0, 1).skip();
    start.begin().says(0, 'L', 7, 2).empty(1);
    start.did(...ASKED, ...prepares('L/11/W'));
  });

  it('gives way where a empty has joined the log of another master meanwhile', () => {
    const start = new Start(2).begin().empty(0).empty(1).skip();
    start.stands(0, 'NEW', 1, 0).stands(1, 'OTHER', 1, 0, { writer: 'X' });
    start.did(`retry later: ${missing('s1', 'm and s0 have')}`);
    assert.equal(start.replica.hasLog, false, 'it has not begun a log of its own');
    start.begin().skip();
    start.says(0, 'NEW', 1, 0).says(1, 'OTHER', 1, 3);
    start.did('prepare OTHER/2/W of 0', 'prepare OTHER/2/W of 1');
  });

  it('passes over who has held another log all along', () => {
    const start = new Start(2).begin().says(0, 'L', 3, 2).says(1, 'OTHER', 2, 9).skip();
    start.stands(0, 'L', 4, 2).stands(1, 'OTHER', 2, 9).did('fetch #1 of 0 from 1');
  });
});

describe('Recovery: the best log', () => {
  it('is that with the highest epoch in its newest entry, however short', () => {
    const start = new Start(2).begin().says(0, 'L', 3, 9).says(1, 'L', 3, 4).skip();
    start.stands(0, 'L', 4, 9, { lastEpoch: 1 }).stands(1, 'L', 4, 4, { lastEpoch: 3 });
    start.did('fetch #1 of 1 from 1');
  });

  it('is the longest of one epoch if one of them does not say who wrote it', () => {
    for (const lastWriter of ['', 'B']) {
      const start = new Start(2).begin().says(0, 'L', 3, 9).says(1, 'L', 3, 4).skip();
      start.stands(0, 'L', 4, 9, { lastEpoch: 3 });
      start.stands(1, 'L', 4, 4, { lastEpoch: 3, lastWriter }).did('fetch #1 of 0 from 1');
    }
    const start = new Start(2).begin().says(0, 'L', 3, 9).says(1, 'L', 3, 4).skip();
    start.stands(0, 'L', 4, 9, { lastEpoch: 3, lastWriter: 'A' });
    start.stands(1, 'L', 4, 4, { lastEpoch: 3, lastWriter: 'B' }).did('fetch #1 of 1 from 1');
  });

  it('is that of the newest master that began on all it found, though it wrote nothing yet', () => {
    const start = new Start(2).has('L', [1, 'a'], [1, 'b'], [1, 'c']).begin();
    start.holds(0, 'L', 3, 2).fails(1).skip();
    start.stands(0, 'L', 4, 2, { lastEpoch: 3 }).did('fetch #1 of 0 from 3');
    const epochs: [number, number][] = [
      [1, 1],
      [3, 3],
    ];
    assert.equal(start.sends(1, 3, [], epochs, 4), true);
    start.over(1).did('recovered L/4/W from s0 by complete-quorum');
    assert.deepEqual([start.shown(), start.replica.discarded], ['ab', 1]);
  });

  it('is our own, longer or not, if our epoch began later', () => {
    const start = new Start(1).has('L', [1, 'a']);
    start.replica.promise({ epoch: 2, writer: 'B' });
    start.replica.beginEpoch({ epoch: 2, writer: 'B' });
    start.begin().says(0, 'L', 1, 9).skip();
    start.stands(0, 'L', 3, 9, { lastEpoch: 1 }).did('recovered L/3/W from m by complete-quorum');
    assert.equal(start.shown(), 'a');
  });

  it('is the longest of those, and the first of equals', () => {
    const start = new Start(3).begin();
    for (const secondary of [0, 1, 2]) start.says(secondary, 'L', 3, 4);
    start.skip();
    start
      .stands(0, 'L', 4, 4)
      .stands(1, 'L', 4, 5)
      .stands(2, 'L', 4, 5)
      .did('fetch #1 of 1 from 1');
  });

  it('is judged by what they say after the prepare, when nothing can be added any more', () => {
    const start = new Start(2).begin().says(0, 'L', 3, 4).says(1, 'L', 3, 3).skip();
    start.stands(0, 'L', 4, 4).stands(1, 'L', 4, 6).did('fetch #1 of 1 from 1');
  });

  it('is judged by the epoch it has seen where a secondary knows of no prepares', () => {
    const start = new Start(2).begin().says(0, 'L', 2, 9).says(1, 'L', 3, 4).skip();
    start.says(0, 'L', 2, 9).says(1, 'L', 3, 4).did('fetch #1 of 1 from 1');
  });

  it('is our own, if none is better: nothing is fetched', () => {
    const start = new Start(2).has('L', [1, 'a'], [2, 'b']).begin();
    start.says(0, 'L', 2, 2).says(1, 'L', 2, 1).skip();
    start.stands(0, 'L', 3, 2, { lastEpoch: 2 }).stands(1, 'L', 3, 1, { lastEpoch: 1 });
    start.did('recovered L/3/W from m by complete-quorum');
    assert.equal(start.shown(), 'ab');
    assert.deepEqual(start.replica.ballot, { epoch: 3, writer: 'W' });
  });

  it('may be of another log than our own, which is set aside, with a warning', () => {
    const start = new Start(1).has('MINE', [1, 'a'], [1, 'b']).begin().says(0, 'L', 5, 1).skip();
    start.stands(0, 'L', 6, 1).did('fetch #1 of 0 from 1');
    assert.deepEqual(start.logEvents, [
      {
        level: 'warn',
        event: 'own-log-set-aside',
        fields: { logId: 'MINE', length: 2, adopted: 'L' },
      },
    ]);
    assert.deepEqual([start.replica.logId, start.replica.discarded], ['L', 2]);
  });

  it('is not an empty one, whatever epoch that has seen, where another log has entries', () => {
    const start = new Start(1, { needsQuorum: false }).has('MINE', [1, 'a']).begin().skip();
    start.says(0, 'EMPTY', 9, 0).did('prepare MINE/10/W of 0');
    start.says(0, 'EMPTY', 9, 0).did('recovered MINE/10/W from m by whoever-answers');
    assert.equal(start.shown(), 'a');
  });

  it('may be empty: then there is nothing to fetch', () => {
    const start = new Start(1).begin().says(0, 'L', 5, 0).skip();
    start.stands(0, 'L', 6, 0).did('recovered L/6/W from null by all-answered');
    assert.deepEqual([start.replica.logId, start.replica.log.length], ['L', 0]);
  });
});

describe('Recovery: two masters that took the same epoch', () => {
  it('passes over the longer log of the one that lost', () => {
    const start = new Start(2).begin().says(0, 'L', 6, 9).says(1, 'L', 6, 4).skip();
    start.stands(0, 'L', 7, 9, { lastEpoch: 6, lastWriter: 'A' });
    start.stands(1, 'L', 7, 4, { lastEpoch: 6, lastWriter: 'B' });
    start.did('fetch #1 of 1 from 1');
  });
});

describe('Recovery: the fetch', () => {
  /** The log of secondary 0, of `length` entries, is to be fetched: #1 is under way. */
  function fetching(length: number, ...own: [epoch: number, text: string][]): Start {
    const start = new Start(1);
    if (own.length > 0) start.has('L', ...own);
    start.begin().says(0, 'L', 8, length).skip();
    return start.stands(0, 'L', 9, length, { lastEpoch: 8 });
  }

  it('compares the logs when a list of epochs in parts is complete', () => {
    const start = fetching(4, [1, 'a'], [2, 'x'], [2, 'y']).did('fetch #1 of 0 from 4');
    const more = { offset: 0, hasMore: true };
    const rest = { offset: 2, hasMore: false };
    const first: [number, number][] = [
      [1, 1],
      [3, 2],
    ];
    assert.equal(start.sends(1, 4, [], first, 9, { part: more }), true);
    assert.equal(start.shown(), 'axy', 'nothing is cut off before');
    assert.equal(start.sends(1, 4, ['d'], [[8, 4]], 9, { part: rest }), false);
    start.did('fetch #2 of 0 from 2');
    assert.equal(start.sends(2, 2, [], first, 9, { part: more }), true);
    start.over(2).did('retry later: the secondary has sent less than it holds');
    start.begin().says(0, 'L', 9, 4).skip().stands(0, 'L', 10, 4, { lastEpoch: 8 });
    start.did('fetch #4 of 0 from 4');
    assert.equal(start.sends(4, 4, [], first, 10, { part: more }), true);
    assert.equal(start.sends(4, 4, ['d'], [[8, 4]], 10, { part: rest }), false);
    start.did('fetch #5 of 0 from 2');
    assert.equal(start.sends(5, 2, [], first, 10, { part: more }), true);
    assert.equal(start.sends(5, 2, [...'bcd'], [[8, 4]], 10, { part: rest }), true);
    start.over(5).did('recovered L/10/W from s0 by complete-quorum');
    assert.equal(start.shown(), 'abcd');
  });

  it('takes in what comes, frame by frame, and takes over at its end', () => {
    const start = fetching(3).did('fetch #1 of 0 from 1');
    assert.equal(
      start.sends(
        1,
        1,
        ['a', 'b'],
        [
          [1, 1],
          [8, 3],
        ],
      ),
      true,
    );
    assert.equal(start.sends(1, 3, ['c']), true);
    start.did().over(1).did('recovered L/9/W from s0 by complete-quorum');
    assert.equal(start.shown(), 'abc');
    const epochs = start.replica.log.epochs.map(({ epoch, firstSeq }) => [epoch, firstSeq]);
    assert.deepEqual(epochs, [
      [1, 1],
      [8, 3],
      [9, 4],
    ]);
  });

  it('begins where our own log ends', () => {
    const start = fetching(3, [1, 'a'], [1, 'b']).did('fetch #1 of 0 from 3');
    assert.equal(
      start.sends(
        1,
        3,
        ['c'],
        [
          [1, 1],
          [8, 3],
        ],
      ),
      true,
    );
    start.over(1).did('recovered L/9/W from s0 by complete-quorum');
    assert.equal(start.shown(), 'abc');
  });

  it('cuts off a tail of our own that the best log does not have', () => {
    const start = fetching(2, [1, 'a'], [1, 'X'], [1, 'Y']).did('fetch #1 of 0 from 3');
    assert.equal(
      start.sends(
        1,
        3,
        [],
        [
          [1, 1],
          [8, 2],
        ],
      ),
      false,
    );
    start.did('fetch #2 of 0 from 2');
    assert.equal(
      start.sends(
        2,
        2,
        ['b'],
        [
          [1, 1],
          [8, 2],
        ],
      ),
      true,
    );
    start.over(1).did();
    start.over(2).did('recovered L/9/W from s0 by complete-quorum');
    assert.deepEqual([start.shown(), start.replica.discarded], ['ab', 2]);
    assert(start.logEvents.some(({ event }) => event === 'log-cut'));
  });

  it('begins anew where the logs part, however far ahead the first frame was', () => {
    const count = HELD_MESSAGES_MAX + 1;
    const start = fetching(count + 3, [1, 'a'], [1, 'X'], [1, 'Y']).did('fetch #1 of 0 from 4');
    assert.equal(
      start.sends(1, 4, Array(count).fill('c'), [
        [1, 1],
        [8, 2],
      ]),
      false,
    );
    start.did('fetch #2 of 0 from 2');
    assert.equal(
      start.sends(2, 2, Array(count + 2).fill('c'), [
        [1, 1],
        [8, 2],
      ]),
      true,
    );
    start.over(2).did('recovered L/9/W from s0 by complete-quorum');
    assert.equal(start.replica.log.length, count + 3);
  });

  it('that breaks early comes to nothing; what came is not fetched again', () => {
    const start = fetching(3).skip();
    start.sends(
      1,
      1,
      ['a', 'b'],
      [
        [1, 1],
        [8, 3],
      ],
    );
    start.over(1, 'reset').did('retry later: reset');
    assert.equal(start.sends(1, 3, ['c']), false, 'it is over');
    start.over(1).did();
    start.begin().says(0, 'L', 9, 3).skip();
    start.stands(0, 'L', 10, 3, { lastEpoch: 8 }).did('fetch #3 of 0 from 3');
  });

  it('that ends early without a reason comes to nothing as well', () => {
    const start = fetching(3).skip();
    start.sends(1, 1, ['a'], [[8, 1]]);
    start.over(1).did('retry later: the secondary has sent less than it holds');
  });

  it('that breaks before anything was compared comes to nothing, though nothing is missing', () => {
    const start = fetching(2, [1, 'a'], [1, 'b']).did('fetch #1 of 0 from 3');
    start.over(1, 'reset').did('retry later: reset');
    start.begin().says(0, 'L', 9, 2).skip();
    start.stands(0, 'L', 10, 2, { lastEpoch: 8 }).did('fetch #3 of 0 from 3');
    assert.equal(
      start.sends(
        3,
        3,
        [],
        [
          [1, 1],
          [8, 2],
        ],
      ),
      false,
    );
    start
      .did('fetch #4 of 0 from 2')
      .over(4)
      .did('retry later: the secondary has sent less than it holds');
    assert.equal(start.shown(), 'ab', 'nothing is cut off before there is something better');
  });

  it('that breaks when everything is here is good enough', () => {
    const start = fetching(1).skip();
    start.sends(1, 1, ['a'], [[8, 1]]);
    start.over(1, 'reset').did('recovered L/9/W from s0 by complete-quorum');
  });

  it('of a log that says something else under the same epoch comes to nothing', () => {
    const start = fetching(3, [1, 'a'], [1, 'b']).skip();
    assert.equal(
      start.sends(
        1,
        2,
        ['X', 'c'],
        [
          [1, 1],
          [8, 3],
        ],
      ),
      false,
    );
    start.did('retry later: the log of a secondary cannot be taken in: diverged').over(1).did();
    assert.equal(start.shown(), 'ab');
  });

  it('that leaves something out comes to nothing', () => {
    const start = fetching(3).skip();
    start.sends(
      1,
      1,
      ['a'],
      [
        [1, 1],
        [8, 3],
      ],
    );
    assert.equal(start.sends(1, 3, ['c']), false);
    start.did('retry later: the secondary has left out a part of its log');
    const other = fetching(3).skip();
    assert.equal(other.sends(1, 2, ['b'], [[8, 1]]), false);
    other.did('retry later: the secondary has left out a part of its log');
  });

  it('without epochs comes to nothing', () => {
    const start = fetching(1).skip();
    assert.equal(start.sends(1, 1, ['a']), false);
    start.did('retry later: the log of a secondary cannot be taken in: epochs-missing');
  });

  it('retries later when the disk has no room for it', () => {
    const start = fetching(1).skip();
    start.disk.isFull = true;
    assert.equal(start.sends(1, 1, ['a'], [[8, 1]]), false);
    start.did('retry later: the log of a secondary cannot be taken in: disk-full');
  });

  it('does not listen to one that is not under way', () => {
    const start = fetching(1).skip();
    assert.equal(start.sends(7, 1, ['a'], [[8, 1]]), false);
    start.over(7).did();
    assert.equal(start.shown(), '');
  });
});

describe('Recovery: of a member that elects its master', () => {
  it('goes on as soon as the answers are enough, and does not wait for who is silent', () => {
    const start = new Start(2, { isElection: true }).has('L', [1, 'a']).begin().skip();
    start.holds(0, 'L', 1, 1).did('prepare L/2/W of 0');
    start.stands(0, 'L', 2, 1).did('recovered L/2/W from m by complete-quorum');
  });

  it('counts no answer of a prepare that may not stay true', () => {
    const start = new Start(4, { isElection: true }).has('L', [1, 'a']).begin().skip();
    start.holds(0, 'L', 1, 1).holds(1, 'L', 1, 1).skip();
    start.stands(0, 'L', 2, 1, { bootId: 'reborn' }).did();
    start.stands(1, 'L', 2, 1);
    start.did('retry later: 2 of 3 required complete members have answered; not s0, s2 and s3');
  });
});
