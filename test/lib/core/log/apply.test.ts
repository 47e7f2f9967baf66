import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Applier } from '../../../../src/lib/core/log/apply.ts';
import { HELD_MESSAGES_MAX } from '../../../../src/lib/core/log/hold-back.ts';
import { packMessages } from '../../../../src/lib/core/log/messages.ts';
import { Replica } from '../../../../src/lib/core/log/replica.ts';
import type { Frame } from '../../../../src/lib/core/protocol.ts';
import type { LogEvent } from '../../../../src/lib/core/refusal.ts';
import { Dice, messagesOf, preparing, seeds } from '../../support.ts';
import { ballotOf, epochsOf } from '../frames.ts';
import { SlowDisk } from './slow-disk.ts';

interface Told {
  readonly epochs?: string;
  /** Which part of a list `epochs` is. */
  readonly part?: Frame['part'];
  readonly keys?: Frame['keys'];
  readonly logId?: string;
}

/** A replica that frames enter; each outcome is `ok` or what it was refused with. */
class Node {
  readonly disk = new SlowDisk();
  readonly replica = new Replica(this.disk);
  readonly logEvents: LogEvent[] = [];
  readonly applier = new Applier(this.replica, 'B', (event) => this.logEvents.push(event));

  /** A frame of the master `by`, such as `2B`; one without a letter names no writer. */
  take(by: string, from: number, texts: readonly string[], told: Told = {}): string {
    const { epochs, keys = [], logId = 'L', part } = told;
    const refusal = this.applier.take({
      ...ballotOf(by),
      logId,
      from,
      messages: packMessages(texts),
      keys,
      epochs: epochs === undefined ? null : epochsOf(epochs),
      ...(part === undefined ? {} : { part }),
    });
    if (refusal === null) return 'ok';
    const { kind: _, problem, ...facts } = refusal;
    return `${problem} ${JSON.stringify(facts)}`;
  }

  prepare(by: string, logId = 'L'): void {
    const { epoch, writer } = ballotOf(by);
    this.applier.hear(preparing({ logId, epoch, writer: writer as string }));
  }

  shown(): string {
    return messagesOf(this.replica.log).join('');
  }

  /** As `epochsOf` reads them. */
  epochs(): string {
    const { epochs } = this.replica.log;
    return epochs.map(({ epoch, writer, firstSeq }) => `${epoch}${writer}@${firstSeq}`).join(' ');
  }

  state(): unknown {
    const { logId, ballot, discarded, keys } = this.replica;
    const held = [...this.applier.heldSeqs()].sort();
    return [this.shown(), this.epochs(), keys.within(1, 99), logId, ballot, discarded, held];
  }

  events(): string[] {
    return this.logEvents.map(({ event }) => event);
  }
}

/** abc of 1A and d of 2B are shown; f of 2B is held. */
function usual(): Node {
  const node = new Node();
  node.take('1A', 1, [...'abc'], { epochs: '1A@1' });
  node.take('2B', 4, ['d'], { epochs: '1A@1 2B@4' });
  node.take('2B', 6, ['f'], { keys: [[6, 'k']] });
  node.logEvents.length = 0;
  assert.equal(node.shown(), 'abcd');
  return node;
}

describe('Applier: a master that is new here', () => {
  it('must bring its epochs before anything it says counts', () => {
    const node = usual();
    const before = node.state();
    assert.equal(node.take('3C', 5, ['e']), 'epochs-missing {}');
    assert.deepEqual(node.state(), before);
    assert.equal(node.take('3C', 5, ['e'], { epochs: '1A@1 2B@4 3C@5' }), 'ok');
    assert.equal(node.take('3C', 6, ['F']), 'ok', 'what was held is of another master');
    assert.deepEqual([node.shown(), node.epochs()], ['abcdeF', '1A@1 2B@4 3C@5']);
  });

  it('must bring them to a empty too, unless it names no writer, as by hand', () => {
    const node = new Node();
    assert.equal(node.take('1A', 1, ['a']), 'epochs-missing {}');
    assert.equal(node.replica.logId, null);
    assert.equal(node.take('1', 1, ['a']), 'ok');
    assert.equal(node.take('2', 2, ['b']), 'ok');
    assert.equal(node.epochs(), '1@1 2@2');
  });

  it('may name no writer: then nothing is compared, and it only goes on', () => {
    const node = usual();
    assert.equal(node.take('3', 5, ['e']), 'ok');
    assert.deepEqual([node.shown(), node.epochs()], ['abcde', '1A@1 2B@4 3@5']);
    assert.equal(node.take('3', 4, ['x']), 'diverged {"seq":4,"length":5}');
  });

  it('of the same epoch is one with a larger writer', () => {
    const node = usual();
    assert.equal(node.take('2A', 5, ['e'], { epochs: '1A@1 2A@4' }), 'stale-epoch {"epoch":2}');
    assert.equal(node.take('2C', 5, ['e']), 'epochs-missing {}');
    assert.equal(node.take('2C', 4, ['D'], { epochs: '1A@1 2C@4' }), 'ok');
    assert.deepEqual([node.shown(), node.epochs()], ['abcD', '1A@1 2C@4']);
  });

  it('is not one of an older epoch, nor of another log', () => {
    const node = usual();
    const before = node.state();
    assert.equal(node.take('1Z', 5, ['e'], { epochs: '1Z@1' }), 'stale-epoch {"epoch":2}');
    assert.equal(
      node.take('9Z', 1, [], { epochs: '9Z@1', logId: 'M' }),
      'log-mismatch {"logId":"L"}',
    );
    assert.deepEqual(node.state(), before);
  });
});

describe('Applier: a frame by hand, which names no writer', () => {
  it('counts as one of the master of its epoch, and need not bring a list', () => {
    const node = usual();
    assert.equal(node.take('2', 5, ['e']), 'ok');
    assert.deepEqual([node.shown(), node.epochs()], ['abcdef', '1A@1 2B@4']);
    assert.equal(node.take('2', 6, ['x']), 'diverged {"seq":6,"length":6}');
    assert.equal(node.take('2B', 7, ['g']), 'ok', 'that master is still compared');
    assert.deepEqual([node.replica.ballot, node.events()], [{ epoch: 2, writer: 'B' }, []]);
  });

  it('may bring a list without writers, which is the same as ours where epochs and places are', () => {
    const node = usual();
    assert.equal(node.take('2', 5, ['e'], { epochs: '1@1 2@4' }), 'ok');
    assert.equal(node.take('2', 7, ['g']), 'ok');
    assert.deepEqual([node.shown(), node.epochs()], ['abcdefg', '1A@1 2B@4']);
    assert.equal(node.replica.discarded, 0);
    assert.equal(node.take('2', 4, [], { epochs: '1@1 2@3' }), 'ok');
    assert.deepEqual([node.shown(), node.replica.discarded], ['ab', 5], 'a place is not');
  });

  it('is taken under a master that has only prepared, but does not begin its epoch', () => {
    const node = usual();
    node.prepare('3C');
    assert.equal(node.take('3', 5, ['e']), 'ok');
    assert.deepEqual([node.shown(), node.epochs()], ['abcde', '1A@1 2B@4 3@5']);
    assert.equal(node.applier.isLogMatchedBy({ epoch: 3, writer: 'C' }), false);
    assert.equal(node.take('3C', 6, ['f']), 'epochs-missing {}');
    assert.equal(node.take('3C', 6, ['f'], { epochs: '1A@1 2B@4 3C@5' }), 'ok');
    assert.deepEqual([node.shown(), node.epochs()], ['abcdef', '1A@1 2B@4 3@5 3C@6']);
  });

  it('is older than a master that prepares its epoch: held messages and the agreement end', () => {
    const node = new Node();
    node.take('1', 1, [...'ab'], { epochs: '1@1' });
    node.take('1', 4, ['d']);
    node.prepare('1A');
    assert.deepEqual(node.events(), ['joined-log', 'epoch-seen', 'epoch-seen']);
    assert.deepEqual(node.replica.ballot, { epoch: 1, writer: 'A' });
    assert.equal(node.applier.isLogMatchedBy({ epoch: 1, writer: 'A' }), false);
    assert.equal(node.applier.heldCount, 0);
    assert.equal(node.take('1A', 3, [], { epochs: '1A@1' }), 'ok');
    assert.deepEqual([node.shown(), node.epochs()], ['ab', '1@1 1A@3']);
    assert.equal(node.replica.discarded, 0);
  });
});

describe('Applier: the cut', () => {
  it('is where the two lists part, by a frame that need not bring anything', () => {
    const node = usual();
    assert.equal(node.take('3C', 1, [], { epochs: '1A@1 3C@3' }), 'ok');
    assert.deepEqual([node.shown(), node.epochs()], ['ab', '1A@1 3C@3']);
    assert.equal(node.replica.discarded, 2);
    assert.deepEqual([...node.applier.heldSeqs()], []);
    assert.deepEqual(node.logEvents, [
      { level: 'info', event: 'epoch-seen', fields: { epoch: 3, writer: 'C' } },
      {
        level: 'warn',
        event: 'log-cut',
        fields: { from: 3, to: 4, writtenUnder: 2, epoch: 3, writer: 'C' },
      },
    ]);
  });

  it('makes room for what the frame brings, also before the old end', () => {
    const node = usual();
    const epochs = '1A@1 3C@3';
    assert.equal(node.take('3C', 2, [...'bCDE'], { epochs, keys: [[3, 'n']] }), 'ok');
    assert.deepEqual([node.shown(), node.epochs()], ['abCDE', '1A@1 3C@3']);
    assert.deepEqual(node.replica.keys.within(1, 9), [[3, 'n']]);
  });

  it('may be at the very beginning', () => {
    const node = usual();
    assert.equal(node.take('3C', 1, ['x'], { epochs: '3C@1' }), 'ok');
    assert.deepEqual([node.shown(), node.replica.discarded], ['x', 4]);
  });

  it('is none where the lists agree, however often they are compared', () => {
    const node = usual();
    for (const _ of [1, 2]) {
      assert.equal(node.take('3C', 5, [], { epochs: '1A@1 2B@4 3C@5' }), 'ok');
    }
    assert.equal(node.take('3C', 5, ['e'], { epochs: '1A@1 2B@4 3C@5' }), 'ok');
    assert.deepEqual([node.shown(), node.replica.discarded], ['abcde', 0]);
  });

  it('is none for a frame that is refused: what differs within the shared part has diverged', () => {
    const node = usual();
    const before = node.state();
    const answer = node.take('3C', 2, ['X'], { epochs: '1A@1 3C@3' });
    assert.equal(answer, 'diverged {"seq":2,"length":4}');
    assert.deepEqual(node.state(), before);
  });

  it('leaves a frame ahead of the cut held, and empty of what was held before', () => {
    const node = usual();
    assert.equal(node.take('3C', 4, [...'de'], { epochs: '1A@1 3C@3' }), 'ok');
    assert.deepEqual([node.shown(), [...node.applier.heldSeqs()]], ['ab', [4, 5]]);
    assert.equal(node.take('3C', 3, ['c']), 'ok');
    assert.deepEqual([node.shown(), node.epochs()], ['abcde', '1A@1 3C@3']);
  });

  it('decides what is too far ahead', () => {
    const node = usual();
    const from = 4 + HELD_MESSAGES_MAX;
    assert.match(node.take('3C', from, ['x'], { epochs: '1A@1 3C@3' }), /^gap/);
    assert.equal(node.take('3C', from, ['x'], { epochs: '1A@1 2B@4 3C@5' }), 'ok');
  });

  it('counts once what was cut off, in notes and numbers, when there is nothing left to cut', () => {
    const node = usual();
    for (const _ of [1, 2]) node.take('3C', 1, [], { epochs: '1A@1 3C@3' });
    assert.equal(node.replica.discarded, 2);
    assert.deepEqual(node.events(), ['epoch-seen', 'log-cut']);
  });

  it('clears what the same master had held as well, for the next frames build on the cut', () => {
    const node = new Node();
    node.take('1A', 1, [...'ab'], { epochs: '1A@1' });
    node.take('2', 4, ['d']);
    assert.deepEqual([...node.applier.heldSeqs()], [4]);
    assert.equal(node.take('2B', 2, ['B'], { epochs: '1A@1 2B@2' }), 'ok');
    assert.deepEqual([node.shown(), [...node.applier.heldSeqs()]], ['aB', []]);
  });
});

describe('Applier: a frame that spans several epochs', () => {
  const epochs = '1A@1 2B@3 4D@4';

  it('is shown under each of them, keys included', () => {
    const node = new Node();
    const keys = [
      [2, 'x'],
      [3, 'y'],
      [4, 'z'],
      [5, 'z'],
    ] as const;
    assert.equal(node.take('4D', 1, [...'abcde'], { epochs, keys }), 'ok');
    assert.deepEqual([node.shown(), node.epochs()], ['abcde', epochs]);
    assert.deepEqual(node.disk.told.slice(2), [
      'append 1..5 under 1/A, from 3 under 2/B, from 4 under 4/D, keys 2,x,3,y,4,z,5,z',
    ]);
    assert.deepEqual(node.replica.keys.within(1, 9), keys);
  });

  it('is shown from the middle of one on, where the log has the rest', () => {
    const node = new Node();
    node.take('4D', 1, ['a'], { epochs });
    assert.equal(node.take('4D', 1, [...'abcd']), 'ok');
    assert.deepEqual([node.shown(), node.epochs()], ['abcd', epochs]);
  });

  it('is held back with each message under its own', () => {
    const node = new Node();
    node.take('4D', 2, [...'bcde'], { epochs });
    node.take('4D', 1, ['a']);
    assert.deepEqual([node.shown(), node.epochs()], ['abcde', epochs]);
  });
});

describe('Applier: a list of epochs in parts', () => {
  const more = (offset: number) => ({ offset, hasMore: true });
  const last = (offset: number) => ({ offset, hasMore: false });
  const EPOCHS = '1A@1 2B@4 3C@5 4D@7 5E@9';

  it('counts when the last part is here, and not before: nothing is cut off meanwhile', () => {
    const node = usual();
    node.take('3C', 1, [], { epochs: '1A@1 2B@4 3C@6' });
    node.take('3C', 5, ['e', 'X', 'Y']);
    const before = [node.shown(), node.epochs()];
    assert.equal(node.take('5E', 1, [], { epochs: '1A@1 2B@4', part: more(0) }), 'ok');
    assert.equal(node.applier.isLogMatchedBy({ epoch: 5, writer: 'E' }), false);
    assert.equal(node.take('5E', 1, [], { epochs: '4D@6', part: more(2) }), 'ok');
    assert.deepEqual([node.shown(), node.epochs()], before);
    assert.equal(node.take('5E', 6, ['f', 'g'], { epochs: '5E@7', part: last(3) }), 'ok');
    assert.equal(node.applier.isLogMatchedBy({ epoch: 5, writer: 'E' }), true);
    assert.deepEqual([node.shown(), node.epochs()], ['abcdefg', '1A@1 2B@4 4D@6 5E@7']);
    assert.equal(node.replica.discarded, 2);
  });

  it('may begin where this log has an entry, or the beginning of an epoch, of the same master', () => {
    for (const [offset, epochs] of [
      [0, EPOCHS],
      [1, '2B@4 3C@5 4D@7 5E@9'],
    ] as const) {
      const node = usual();
      assert.equal(node.take('5E', 5, [...'efghi'], { epochs, part: last(offset) }), 'ok');
      assert.deepEqual([node.shown(), node.epochs()], ['abcdefghi', EPOCHS]);
    }
    const marked = usual();
    marked.take('3C', 5, [], { epochs: '1A@1 2B@4 3C@5' });
    assert.equal(marked.epochs(), '1A@1 2B@4 3C@5');
    assert.equal(marked.take('5E', 5, [], { epochs: '3C@5', part: more(2) }), 'ok');
    const rest = { epochs: '4D@7 5E@9', part: last(3) };
    assert.equal(marked.take('5E', 5, [...'efghi'], rest), 'ok');
    assert.deepEqual([marked.shown(), marked.epochs()], ['abcdefghi', EPOCHS]);
  });

  it('cuts where it says so, if it begins before that', () => {
    const node = usual();
    assert.equal(node.take('5E', 5, [], { epochs: '1A@1 5E@3', part: last(0) }), 'ok');
    assert.deepEqual([node.shown(), node.epochs()], ['ab', '1A@1 5E@3']);
    const other = usual();
    assert.equal(other.take('3C', 4, ['d', 'e'], { epochs: '2B@4 3C@5', part: last(1) }), 'ok');
    assert.equal(other.take('5E', 5, ['E'], { epochs: '2B@4 5E@5', part: last(1) }), 'ok');
    assert.deepEqual([other.shown(), other.epochs()], ['abcdE', '1A@1 2B@4 5E@5']);
  });

  const refused: [what: string, epochs: string, offset: number][] = [
    ['with an entry of another master', '2A@4 5E@9', 1],
    ['in an epoch that is not here', '3C@5 5E@9', 2],
    ['behind the end of this log', '4D@7 5E@9', 3],
  ];
  for (const [what, epochs, offset] of refused) {
    it(`is refused if it begins ${what}, and nothing is changed`, () => {
      for (const hasMore of [true, false]) {
        const node = usual();
        const before = node.state();
        const told = { epochs, part: { offset, hasMore } };
        assert.equal(node.take('5E', 5, [], told), 'epochs-missing {}');
        assert.deepEqual(node.state(), before);
        assert.equal(new Node().take('5E', 1, [], told), 'epochs-missing {}', 'of a empty');
      }
    });
  }

  it('is refused if it does not go on in order; the whole list is taken all the same', () => {
    const node = usual();
    assert.equal(node.take('5E', 5, [], { epochs: '1A@1 2B@4 3C@5', part: more(0) }), 'ok');
    for (const epochs of ['3C@7 5E@9', '4D@4 5E@9']) {
      assert.equal(node.take('5E', 5, [], { epochs, part: last(3) }), 'epochs-missing {}');
    }
    assert.equal(node.take('5E', 5, [], { epochs: '5E@9', part: last(4) }), 'epochs-missing {}');
    assert.equal(node.take('5E', 5, ['e'], { epochs: EPOCHS }), 'ok');
    assert.equal(node.shown(), 'abcde');
  });

  it('begins anew with another master, and where a part comes twice', () => {
    const node = usual();
    assert.equal(node.take('4D', 5, [], { epochs: '1A@1 2B@4', part: more(0) }), 'ok');
    const rest = { epochs: '3C@5 5E@9', part: last(2) };
    assert.equal(node.take('5E', 5, [], rest), 'epochs-missing {}', 'the rest of another list');
    assert.equal(node.take('5E', 5, [], { epochs: '1A@1 2B@4', part: more(0) }), 'ok');
    assert.equal(node.take('5E', 5, [], { epochs: '1A@1 2B@4', part: more(0) }), 'ok');
    assert.equal(node.take('5E', 5, ['e'], rest), 'ok');
    assert.deepEqual([node.shown(), node.epochs()], ['abcde', '1A@1 2B@4 3C@5']);
  });
});

describe('Applier: the beginning of an epoch', () => {
  it('is noted once all is here that the master had then, without an entry of its own', () => {
    const node = usual();
    const newest = () => `${node.replica.newest.epoch}@${node.replica.newest.firstSeq}`;
    const epochs = '1A@1 2B@4 3C@7';
    assert.equal(node.take('3C', 5, [], { epochs }), 'ok');
    assert.equal(newest(), '2@4', 'e and f are missing');
    assert.equal(node.take('3C', 5, ['e']), 'ok');
    assert.equal(newest(), '2@4');
    assert.equal(node.take('3C', 6, ['f']), 'ok');
    assert.equal(newest(), '3@7');
    assert.equal(node.disk.told.at(-1), 'append 6..6 under 2/B, from 7 under 3/C', 'in one step');
    assert.equal(node.take('3C', 7, ['g']), 'ok');
    assert.equal(node.disk.told.at(-1), 'append 7..7 under 3/C', 'it is said once');
    assert.equal(node.epochs(), epochs);
  });

  it('follows the cut where a master began on less', () => {
    const node = usual();
    assert.equal(node.take('3C', 5, [], { epochs: '1A@1 2B@4 3C@5' }), 'ok');
    assert.equal(node.take('4D', 5, [], { epochs: '1A@1 4D@4' }), 'ok');
    assert.deepEqual([node.shown(), node.epochs()], ['abc', '1A@1 4D@4']);
  });
});

describe('Applier: a batch that was held back', () => {
  it('is appended at once when its turn comes, so that no crash leaves half of it', () => {
    const node = new Node();
    const keys = [3, 4, 5].map((seq) => [seq, 'batch'] as const);
    node.take('1A', 3, [...'cde'], { epochs: '1A@1', keys });
    node.take('1A', 7, ['g']);
    node.take('1A', 2, ['b']);
    node.disk.told.length = 0;
    assert.equal(node.take('1A', 1, ['a']), 'ok');
    assert.deepEqual(node.disk.told, ['append 1..5 under 1/A, keys 3,batch,4,batch,5,batch']);
    assert.deepEqual([node.shown(), [...node.applier.heldSeqs()]], ['abcde', [7]]);
  });
});

describe('Applier: a prepare', () => {
  it('makes a empty join the log, and listen to no older master', () => {
    const node = new Node();
    node.prepare('2B');
    assert.deepEqual([node.replica.logId, node.replica.ballot], ['L', { epoch: 2, writer: 'B' }]);
    assert.deepEqual(node.events(), ['joined-log', 'epoch-seen']);
    assert.equal(node.take('1A', 1, ['a'], { epochs: '1A@1' }), 'stale-epoch {"epoch":2}');
    assert.equal(node.take('2B', 1, ['a'], { epochs: '2B@1' }), 'ok');
  });

  it('of a newer master ends the agreement with the one before; of the same one it does not', () => {
    const node = usual();
    const [b, c] = [
      { epoch: 2, writer: 'B' },
      { epoch: 3, writer: 'C' },
    ];
    assert.equal(node.applier.isLogMatchedBy(b), true);
    node.prepare('2B');
    assert.equal(node.applier.isLogMatchedBy(b), true);
    assert.equal(node.applier.heldCount, 1);
    node.prepare('3C');
    assert.equal(node.applier.isLogMatchedBy(b), false);
    assert.equal(node.applier.isLogMatchedBy(c), false, 'not before the lists were compared');
    assert.equal(node.applier.heldCount, 0);
    node.take('3C', 1, [], { epochs: '1A@1 2B@4 3C@5' });
    assert.equal(node.applier.isLogMatchedBy(c), true);
  });

  it('changes nothing if it is older, or of another log', () => {
    const node = usual();
    const before = node.state();
    node.prepare('1Z');
    node.prepare('9Z', 'M');
    assert.deepEqual(node.state(), before);
    assert.deepEqual(node.events(), []);
  });

  it('of another log ends an empty one, if it is the newer: never to and fro', () => {
    const node = new Node();
    node.prepare('7B', 'M');
    node.prepare('6Z', 'A');
    node.prepare('7A', 'A');
    assert.deepEqual([node.replica.logId, node.replica.ballot.epoch], ['M', 7]);
    node.prepare('7C', 'N');
    assert.deepEqual([node.replica.logId, node.replica.ballot], ['N', { epoch: 7, writer: 'C' }]);
    node.prepare('8B', 'K');
    node.prepare('7C', 'N');
    assert.equal(node.replica.logId, 'K');
    const heard = ['joined-log', 'epoch-seen'];
    assert.deepEqual(node.events(), [...heard, ...heard, ...heard]);
    assert.deepEqual(node.disk.told, [
      'begin M',
      'promise 7/B',
      'begin N, promised 7/B',
      'promise 7/C',
      'begin K, promised 7/C',
      'promise 8/B',
    ]);
    assert.equal(node.take('8B', 1, ['a'], { epochs: '8B@1', logId: 'K' }), 'ok');
    node.prepare('9A', 'L');
    assert.deepEqual([node.replica.logId, node.shown()], ['K', 'a'], 'it is not empty any more');
    assert.equal(node.replica.ballot.epoch, 8);
  });

  it('of another log ends one in which only an epoch began not: that is a log', () => {
    const node = new Node();
    node.take('7B', 1, [], { epochs: '7B@1', logId: 'M' });
    assert.deepEqual([node.replica.log.length, node.epochs()], [0, '7B@1']);
    node.prepare('9C', 'N');
    assert.deepEqual([node.replica.logId, node.replica.ballot.epoch], ['M', 7]);
  });

  it('of another log ends an empty one not if there is no room for another', () => {
    const node = new Node();
    node.prepare('7B', 'M');
    node.disk.isFull = true;
    node.prepare('8B', 'L');
    assert.deepEqual([node.replica.logId, node.replica.ballot.epoch], ['M', 7]);
  });

  it('of another log forgets what was held for the one before', () => {
    const node = new Node();
    node.prepare('7B', 'M');
    node.take('7', 2, ['b'], { logId: 'M' });
    assert.equal(node.applier.heldCount, 1);
    node.prepare('8B', 'L');
    assert.deepEqual([node.replica.logId, node.applier.heldCount], ['L', 0]);
    assert.equal(node.applier.isLogMatchedBy({ epoch: 8, writer: 'B' }), false);
    assert.equal(node.take('8B', 1, ['a']), 'epochs-missing {}');
  });

  it('changes nothing where a empty has no room for a log', () => {
    const node = new Node();
    node.disk.isFull = true;
    node.prepare('2B');
    assert.deepEqual([node.replica.logId, node.replica.ballot.epoch], [null, 0]);
  });
});

describe('Applier: a full disk', () => {
  it('refuses what would begin a log, cut one, or go on with it; nothing is shown', () => {
    const empty = new Node();
    empty.disk.isFull = true;
    assert.equal(empty.take('1A', 1, ['a'], { epochs: '1A@1' }), 'disk-full {}');
    assert.equal(empty.replica.logId, null);
    const node = usual();
    node.disk.isFull = true;
    assert.equal(node.take('2B', 5, ['e']), 'disk-full {}');
    assert.equal(node.take('3C', 1, [], { epochs: '1A@1 3C@3' }), 'disk-full {}');
    assert.equal(node.shown(), 'abcd');
    const known = node.take('3C', 4, ['d'], { epochs: '1A@1 2B@4 3C@5' });
    assert.equal(known, 'disk-full {}', 'it has that, but cannot keep the epoch it is of now');
  });

  it('is tried again when there is room, from where it was', () => {
    const node = usual();
    node.disk.isFull = true;
    node.take('2B', 5, ['e']);
    node.disk.isFull = false;
    assert.equal(node.take('2B', 5, ['e']), 'ok');
    assert.equal(node.shown(), 'abcdef');
  });

  it('that has room for one more step takes a frame of many epochs whole, with what was held', () => {
    const epochs = '1A@1 2B@4 3C@6 4D@7 5E@8 6F@9';
    const node = usual();
    assert.equal(node.take('6F', 8, ['h'], { epochs, keys: [[8, 'k']] }), 'ok');
    assert.equal(node.take('6F', 7, ['g']), 'ok');
    const before = node.state();
    node.disk.isFull = true;
    const keys = [[5, 'l']] as const;
    assert.equal(node.take('6F', 5, ['e', 'f'], { keys }), 'disk-full {}');
    assert.deepEqual(node.state(), before, 'not a part of it');
    node.disk.isFull = false;
    node.disk.stepsLeft = 1;
    assert.equal(node.take('6F', 5, ['e', 'f'], { keys }), 'ok');
    assert.deepEqual(
      [node.shown(), node.epochs(), node.applier.heldCount],
      ['abcdefgh', epochs, 0],
    );
    assert.deepEqual(node.replica.keys.within(1, 9), [
      [5, 'l'],
      [8, 'k'],
    ]);
    const then = 'from 6 under 3/C, from 7 under 4/D, from 8 under 5/E, from 9 under 6/F';
    assert.equal(node.disk.told.at(-1), `append 5..8 under 2/B, ${then}, keys 5,l,8,k`);
  });
});

describe('Applier: several masters, one after the other', () => {
  it('leaves exactly the log of the last, in 300 random histories', () => {
    for (const seed of seeds(300)) succession(new Dice(seed));
  });
});

/** Every master goes on from a part of some earlier log; the node hears a part of each. */
function succession(dice: Dice): void {
  const node = new Node();
  interface Incarnation {
    readonly texts: string[];
    /** By seq - 1, under whom the entry was written. */
    readonly by: string[];
  }
  const incarnations: Incarnation[] = [{ texts: [], by: [] }];
  let incarnation = incarnations[0] as Incarnation;
  for (let epoch = 1; epoch <= 6; epoch += 1) {
    const by = `${epoch}${dice.pick(['A', 'B', 'C'])}`;
    const ground = dice.pick(incarnations);
    const kept = dice.integer(0, ground.texts.length);
    incarnation = { texts: ground.texts.slice(0, kept), by: ground.by.slice(0, kept) };
    for (let count = dice.integer(1, 6); count > 0; count -= 1) {
      incarnation.texts.push(`${dice.integer(0, 99)}.`);
      incarnation.by.push(by);
    }
    incarnations.push(incarnation);
    const starts = incarnation.by.flatMap((one, i) =>
      one === incarnation.by[i - 1] ? [] : [`${one}@${i + 1}`],
    );
    const epochs = starts.join(' ');
    // As a master pushes: the first frame from anywhere, the next ones where the node is then.
    const from = dice.integer(1, incarnation.texts.length + 1);
    const to = dice.integer(from - 1, incarnation.texts.length);
    assert.equal(node.take(by, from, incarnation.texts.slice(from - 1, to), { epochs }), 'ok');
    const next = node.replica.log.length + 1;
    if (dice.chance(0.7))
      assert.equal(node.take(by, next, incarnation.texts.slice(next - 1)), 'ok');
    assert.equal(node.shown(), incarnation.texts.slice(0, node.replica.log.length).join(''));
  }
  const next = node.replica.log.length + 1;
  const last = `${node.replica.ballot.epoch}${node.replica.ballot.writer}`;
  assert.equal(node.take(last, next, incarnation.texts.slice(next - 1)), 'ok');
  assert.equal(node.shown(), incarnation.texts.join(''));
}
