/** What a node that takes in frames knows of itself: which incarnation it is, whether it is complete, what is committed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Applier } from '../../../../src/lib/core/log/apply.ts';
import { Replica } from '../../../../src/lib/core/log/replica.ts';
import type { LogEvent } from '../../../../src/lib/core/refusal.ts';
import { messagesOf } from '../../support.ts';
import { frameOf, requestOf, type Told } from '../frames.ts';
import { SlowDisk } from '../log/slow-disk.ts';

/** The incarnation `B` of a node. */
class Node {
  readonly disk = new SlowDisk();
  readonly replica = new Replica(this.disk);
  readonly logEvents: LogEvent[] = [];
  readonly applier = new Applier(this.replica, 'B', (event) => this.logEvents.push(event));

  /** A frame; `ok`, or what it was refused with. */
  take(by: string, from: number, texts: readonly string[], told: Told = {}): string {
    const refusal = this.applier.take(frameOf(by, from, texts, told));
    if (refusal === null) return 'ok';
    const { kind: _, problem, ...facts } = refusal;
    return `${problem} ${JSON.stringify(facts)}`;
  }

  hear(by: string, told: Told = {}): this {
    this.applier.hear(requestOf(by, told));
    return this;
  }

  /** What was written, up to `length`, is durable from now on. */
  sync(length?: number): this {
    this.disk.sync(length);
    this.applier.settle();
    return this;
  }

  state(): unknown {
    const { logId, ballot, durableBallot, log, isComplete, committed, discarded } = this.replica;
    const held = [...this.applier.heldSeqs()];
    const told = this.disk.told.length;
    const texts = messagesOf(log);
    return { logId, ballot, durableBallot, texts, isComplete, committed, discarded, held, told };
  }
}

describe('Applier: what is for another incarnation', () => {
  const ways: [what: string, node: () => Node][] = [
    ['a empty', () => new Node()],
    [
      'a node with a log',
      () => {
        const node = new Node();
        node.take('1A', 1, ['a', 'b'], { epochs: '1A@1' });
        node.take('1A', 4, ['d']);
        return node;
      },
    ],
  ];
  for (const [what, make] of ways) {
    it(`is a frame that ${what} refuses, naming itself`, () => {
      const node = make();
      const before = node.state();
      const frames: [by: string, told: Told][] = [
        ['1A', { epochs: '1A@1' }],
        ['9Z', { epochs: '9Z@1', completeFrom: 0, committed: 2 }],
        ['9Z', { epochs: '9Z@1', logId: 'M' }],
        ['1', {}],
      ];
      for (const [by, told] of frames) {
        const answer = node.take(by, 1, ['a', 'b'], { ...told, bootId: 'earlier' });
        assert.equal(answer, 'boot-mismatch {"bootId":"B"}');
      }
      assert.deepEqual(node.state(), before);
    });

    it(`is a prepare that ${what} does not listen to`, () => {
      const node = make();
      const before = node.state();
      for (const logId of ['L', 'M']) {
        node.hear('9Z', { logId, bootId: 'earlier', completeFrom: 0, committed: 2 });
      }
      assert.deepEqual(node.state(), before);
    });
  }

  it('is nothing where none is named, or its own', () => {
    const node = new Node();
    assert.equal(node.take('1A', 1, ['a'], { epochs: '1A@1' }), 'ok');
    assert.equal(node.take('1A', 2, ['b'], { bootId: 'B' }), 'ok');
    node.hear('2B').hear('3C', { bootId: 'B' });
    assert.equal(node.replica.ballot.epoch, 3);
  });
});

describe('Applier: becoming complete', () => {
  const complete = ({ replica }: Node) => replica.isComplete;

  it('takes the mark of the master and the length it has told, both on the disk; then it is logged', () => {
    const node = new Node();
    const epochs = '1A@1 2B@4';
    node.take('2B', 1, ['a', 'b'], { epochs, bootId: 'B', completeFrom: 3 });
    assert.equal(complete(node.sync()), false, 'too short, and without the mark');
    node.take('2B', 3, ['c'], { bootId: 'B' });
    assert.equal(complete(node), false, 'not on the disk');
    assert.equal(complete(node.sync(2)), false, 'not all of it');
    node.logEvents.length = 0;
    assert.equal(complete(node.sync()), true);
    assert.equal(node.disk.told.at(-1), 'complete');
    const fields = { epoch: 2, completeFrom: 3 };
    assert.deepEqual(node.logEvents, [{ level: 'info', event: 'became-complete', fields }]);
    node.take('2B', 4, ['d'], { bootId: 'B' });
    node.sync();
    assert.equal(node.logEvents.length, 1, 'it is logged once');
    assert.equal(node.disk.told.filter((step) => step === 'complete').length, 1);
  });

  it('does not come of the length alone', () => {
    const node = new Node();
    node.take('2B', 1, ['a', 'b'], { epochs: '1A@1 2B@4', bootId: 'B', completeFrom: 2 });
    assert.equal(complete(node.sync()), false);
    node.take('2B', 3, ['c']);
    assert.equal(complete(node.sync()), true);
  });

  it('does not come of the mark alone: the master was longer when it met this node', () => {
    const node = new Node();
    node.take('2B', 1, [], { epochs: '2B@1', bootId: 'B', completeFrom: 2 });
    assert.equal(node.replica.newest.epoch, 2);
    node.take('2B', 1, ['a']);
    assert.equal(complete(node.sync()), false);
    node.take('2B', 2, ['b']);
    assert.equal(complete(node.sync()), true);
  });

  it('comes at once where there is nothing to catch up with', () => {
    const node = new Node();
    node.take('1A', 1, [], { epochs: '1A@1', bootId: 'B', completeFrom: 0 });
    assert.equal(complete(node), true);
    assert.deepEqual(node.disk.told, ['begin L', 'promise 1/A', 'epoch 1/A', 'complete']);
  });

  const byHand: [what: string, act: (node: Node) => void][] = [
    ['a frame that names no incarnation', (node) => node.take('1A', 3, ['c'], { completeFrom: 0 })],
    ['a prepare to no incarnation', (node) => node.hear('1A', { completeFrom: 0 })],
    ['a frame that tells no length', (node) => node.take('1A', 3, ['c'], { bootId: 'B' })],
    ['a prepare that tells no length', (node) => node.hear('1A', { bootId: 'B' })],
    [
      'an older master',
      (node) => {
        node.take('0', 3, ['c'], { bootId: 'B', completeFrom: 0 });
        node.hear('0Z', { bootId: 'B', completeFrom: 0 });
      },
    ],
  ];
  for (const [what, act] of byHand) {
    it(`does not come of ${what}`, () => {
      const node = new Node();
      node.take('1A', 1, ['a', 'b'], { epochs: '1A@1' });
      act(node);
      assert.equal(complete(node.sync()), false);
      node.hear('1A', { bootId: 'B', completeFrom: 2 });
      assert.equal(complete(node), true);
    });
  }

  it('does not come of entries by hand, which nobody compared with the log of the master', () => {
    const node = new Node();
    node.hear('2A', { bootId: 'B', completeFrom: 2 });
    assert.equal(node.take('2', 1, ['x', 'y']), 'ok');
    assert.equal(complete(node.sync()), false);
    node.take('2A', 1, ['a', 'b'], { epochs: '1A@1 2A@3', bootId: 'B' });
    assert.deepEqual([complete(node.sync()), messagesOf(node.replica.log)], [true, ['a', 'b']]);
  });

  it('comes of a prepare that tells the length, once its log was compared', () => {
    const node = new Node();
    node.hear('1A', { bootId: 'B', completeFrom: 2 });
    node.take('1A', 1, ['a'], { epochs: '1A@1', bootId: 'B' });
    assert.equal(complete(node.sync()), false);
    node.hear('1A', { bootId: 'B' });
    node.take('1A', 2, ['b']);
    assert.equal(complete(node.sync()), true, 'a word that tells none does not take it back');
  });

  it('goes by what the newest master says alone', () => {
    const node = new Node();
    node.take('2B', 1, ['a'], { epochs: '2B@1', bootId: 'B', completeFrom: 2 });
    node.hear('3C');
    node.take('3C', 2, ['b'], { epochs: '2B@1 3C@2', bootId: 'B' });
    assert.equal(complete(node.sync()), false, 'the length was told by another');
    assert.match(node.take('2B', 3, ['c'], { bootId: 'B', completeFrom: 2 }), /^stale-epoch/);
    assert.equal(complete(node.sync()), false);
    node.take('3C', 3, ['c'], { bootId: 'B', completeFrom: 3 });
    assert.equal(complete(node.sync()), true);
  });

  it('does not come while it has heard a newer master, whose mark is missing', () => {
    const node = new Node();
    node.take('2B', 1, ['a', 'b'], { epochs: '2B@1', bootId: 'B', completeFrom: 2 });
    node.hear('3C', { bootId: 'B', completeFrom: 1 });
    assert.equal(complete(node.sync()), false);
    node.take('3C', 3, [], { epochs: '2B@1 3C@3' });
    assert.equal(complete(node), true);
  });

  it('stays, whoever comes then', () => {
    const node = new Node();
    node.take('1A', 1, ['a', 'b'], { epochs: '1A@1', bootId: 'B', completeFrom: 2 });
    assert.equal(complete(node.sync()), true);
    node.hear('2B', { bootId: 'B', completeFrom: 9 });
    node.take('2B', 1, [], { epochs: '1A@1 2B@2', bootId: 'B', completeFrom: 9 });
    assert.deepEqual([complete(node), messagesOf(node.replica.log)], [true, ['a']]);
  });

  it('waits for room for the flag, and holds up no frame', () => {
    const node = new Node();
    node.take('1A', 1, ['a'], { epochs: '1A@1' });
    node.sync().disk.isFull = true;
    assert.equal(complete(node.hear('1A', { bootId: 'B', completeFrom: 1 })), false);
    assert.equal(node.take('1A', 1, ['a'], { bootId: 'B' }), 'ok');
    node.disk.isFull = false;
    assert.equal(complete(node.hear('1A', { bootId: 'B' })), true);
  });
});

describe('Applier: a frame of another log, for this incarnation', () => {
  const heard = () => new Node().hear('7B', { logId: 'M' });
  const table: [what: string, node: () => Node, by: string, told: Told, answer: string][] = [
    ['is followed by who has no log', heard, '7C', { bootId: 'B' }, 'ok'],
    ['is followed also if it is of the same master', heard, '7B', { bootId: 'B' }, 'ok'],
    ['is not followed by hand', heard, '7C', {}, 'log-mismatch {"logId":"M"}'],
    ['is not followed to an older master', heard, '7A', { bootId: 'B' }, 'stale-epoch {"epoch":7}'],
    [
      'is not followed by who has one',
      () => {
        const node = new Node();
        node.take('1A', 1, [], { epochs: '1A@1', logId: 'M' });
        return node;
      },
      '9Z',
      { bootId: 'B' },
      'log-mismatch {"logId":"M"}',
    ],
    [
      'is not followed where there is no room',
      () => {
        const node = heard();
        node.disk.isFull = true;
        return node;
      },
      '9Z',
      { bootId: 'B' },
      'disk-full {}',
    ],
  ];
  for (const [what, make, by, told, answer] of table) {
    it(what, () => {
      const node = make();
      const before = node.state();
      assert.equal(node.take(by, 1, ['a'], { ...told, epochs: `${by}@1` }), answer);
      if (answer !== 'ok') assert.deepEqual(node.state(), before);
      else assert.deepEqual([node.replica.logId, messagesOf(node.replica.log)], ['L', ['a']]);
    });
  }

  it('does not undo a promise: who was too old for the one log is so for the other', () => {
    const node = heard();
    node.hear('8A', { logId: 'N' });
    assert.equal(node.replica.logId, 'N');
    const told = { epochs: '7Z@1', bootId: 'B', logId: 'L' };
    assert.equal(node.take('7Z', 1, ['a'], told), 'stale-epoch {"epoch":8}');
    node.hear('7Z', { logId: 'L' });
    assert.deepEqual([node.replica.logId, node.replica.durableBallot.epoch], ['N', 8]);
  });
});

describe('Applier: what is committed', () => {
  const committed = ({ replica }: Node) => replica.committed;

  it('is what the master says, up to the end of what is here', () => {
    const node = new Node();
    node.take('1A', 1, ['a', 'b'], { epochs: '1A@1', committed: 1 });
    assert.equal(committed(node), 1);
    assert.equal(committed(node.hear('1A', { committed: 9 })), 2);
    node.take('1A', 3, ['c']);
    assert.equal(committed(node), 3, 'it said so before');
    assert.equal(committed(node.hear('1A', { committed: 2 })), 3, 'it never falls');
    assert.equal(committed(node.hear('1A')), 3);
  });

  it('is told by a frame without entries as well', () => {
    const node = new Node();
    node.take('1A', 1, ['a', 'b'], { epochs: '1A@1' });
    assert.equal(committed(node), 0);
    node.take('1A', 3, [], { committed: 2, bootId: 'B' });
    assert.equal(committed(node), 2);
  });

  it('is not known before the logs were compared: what is here may differ', () => {
    const node = new Node();
    node.take('1A', 1, ['a', 'x'], { epochs: '1A@1' });
    assert.equal(committed(node.hear('2B', { committed: 2 })), 0);
    node.take('2B', 2, ['b'], { epochs: '1A@1 2B@2' });
    assert.deepEqual([committed(node), messagesOf(node.replica.log)], [2, ['a', 'b']]);
  });

  it('is not known from frames by hand, which compare nothing', () => {
    const node = new Node();
    node.take('1', 1, ['a', 'b'], { committed: 2 });
    assert.equal(committed(node), 0);
  });

  it('stays when a newer master knows less, whose word alone counts from then on', () => {
    const node = new Node();
    node.take('1A', 1, ['a', 'b'], { epochs: '1A@1', committed: 9 });
    assert.equal(committed(node), 2);
    node.take('2B', 3, ['c'], { epochs: '1A@1 2B@3', committed: 1 });
    assert.equal(committed(node), 2, 'what the old one said of its own entries is void');
  });

  it('falls where the log is cut', () => {
    const node = new Node();
    node.take('1A', 1, ['a', 'b', 'c'], { epochs: '1A@1', committed: 3 });
    node.take('2B', 1, [], { epochs: '1A@1 2B@2' });
    assert.equal(committed(node), 1);
  });
});
