import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { check } from './checker.ts';
import { type Append, emptyHistory, type History, type Read } from './history.ts';

const MEMBERS = ['a', 'b', 'c'];

/** An append that a member acknowledged at majority, from `sentAt` to `at`. */
function acked(text: string, seq: number, sentAt: number, at: number, more: object = {}): Append {
  const ack = { at, seq, epoch: 1, node: 'a', isOwn: true, ...more };
  return { text, w: 'majority', sentAt, ack };
}

function read(texts: readonly string[], sentAt: number, at: number, more: object = {}): Read {
  return { node: 'b', concern: 'linearizable', sentAt, at, texts, ...more };
}

/** A history in which all members have `log` at the end. */
function history(log: readonly string[], parts: Partial<History> = {}): History {
  const final = new Map(MEMBERS.map((id) => [id, log]));
  return { ...emptyHistory(MEMBERS), final, ...parts };
}

const GOOD = history(['x', 'y'], {
  appends: [acked('x', 1, 0, 10), acked('y', 2, 20, 30)],
  reads: [read(['x'], 11, 15), read(['x', 'y'], 31, 40), read([], 0, 1)],
  tails: [
    {
      reader: 't',
      told: [
        { seq: 1, text: 'x' },
        { seq: 2, text: 'y' },
      ],
      resets: 0,
    },
  ],
});

const names = (one: History) => [...new Set(check(one).map(({ name }) => name))];

describe('the checker of chaos with elections', () => {
  it('finds nothing in a good history', () => {
    assert.deepEqual(check(GOOD), []);
  });

  const bad: [name: string, history: History][] = [
    ['no convergence', { ...GOOD, final: new Map([...GOOD.final, ['c', ['x']]]) }],
    ['no convergence', { ...GOOD, final: new Map([...GOOD.final, ['c', ['x', 'q']]]) }],
    ['duplicate', history(['x', 'x'], { appends: [acked('x', 1, 0, 10)] })],
    ['lost write', history(['x'], { appends: [acked('x', 1, 0, 10), acked('y', 2, 20, 30)] })],
    ['changed seq', history(['y', 'x'], { appends: [acked('x', 1, 0, 10)] })],
    ['unanswered append', history(['x'], { appends: [{ ...acked('x', 1, 0, 1), ack: null }] })],
    [
      'two masters',
      history(['x', 'y'], {
        appends: [acked('x', 1, 0, 10), acked('y', 2, 20, 30, { node: 'b' })],
      }),
    ],
    ['reorder', history(['y', 'x'], { appends: [acked('x', 2, 0, 10), acked('y', 1, 20, 30)] })],
    ['committed entry changed', { ...GOOD, reads: [read(['x', 'q'], 31, 40)] }],
    ['committed entry changed', { ...GOOD, reads: [read(['q'], 31, 40, { concern: 'majority' })] }],
    ['stale read', { ...GOOD, reads: [read(['x'], 31, 40)] }],
    ['stale read', { ...GOOD, reads: [read(['x', 'y'], 21, 25), read(['x'], 26, 29)] }],
    ['early read', { ...GOOD, reads: [read(['x', 'y'], 11, 15)] }],
    ['tail reset', { ...GOOD, tails: [{ ...(GOOD.tails[0] as object), resets: 1 } as never] }],
    [
      'broken tail',
      { ...GOOD, tails: [{ reader: 't', told: [{ seq: 2, text: 'y' }], resets: 0 }] },
    ],
    [
      'broken tail',
      { ...GOOD, tails: [{ reader: 't', told: [{ seq: 1, text: 'x' }], resets: 0 }] },
    ],
  ];
  for (const [name, one] of bad) {
    it(`finds: ${name}`, () => {
      assert.deepEqual(names(one), [name]);
    });
  }

  it('excuses what was acknowledged by less than a majority', () => {
    const weak = { ...acked('z', 3, 40, 50), w: 1 } as Append;
    assert.deepEqual(check({ ...GOOD, appends: [...GOOD.appends, weak] }), []);
  });

  it('lets a read that overlaps another or an append be shown less', () => {
    const reads = [read(['x'], 21, 29), read(['x', 'y'], 21, 29), read(['x'], 22, 50)];
    assert.deepEqual(check({ ...GOOD, reads }), []);
  });

  it('takes an entry that a later master only repeats for that of the master that wrote it', () => {
    const repeat = acked('y', 2, 20, 30, { node: 'b', isOwn: false });
    assert.deepEqual(check({ ...GOOD, appends: [acked('x', 1, 0, 10), repeat] }), []);
  });
});
