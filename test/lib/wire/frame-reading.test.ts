import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseFrame } from '../../../src/lib/wire/frame.ts';
import { textOf } from '../support.ts';

/** The problem with which a frame is refused: its name and detail. */
function refused(problem: string, detail: RegExp): object {
  return { name: 'Error', problem, message: detail };
}

describe('parseFrame', () => {
  const usual = { logId: 'L', epoch: 1, from: 5, messages: ['é', 'b'] };

  it('reads a frame, its messages packed', () => {
    const { messages, ...rest } = parseFrame(usual);
    assert.deepEqual(rest, {
      logId: 'L',
      epoch: 1,
      writer: '',
      from: 5,
      keys: [],
      epochs: null,
    });
    assert.equal(textOf(messages.bytes), '"é","b",');
  });

  it('reads a key of a run of entries, as of each of them', () => {
    const each = parseFrame({ ...usual, keys: { 5: 'k', 6: 'k' } }).keys;
    assert.deepEqual(parseFrame({ ...usual, keys: { '5-6': 'k' } }).keys, each);
    const two = parseFrame({ ...usual, keys: { '6-6': 'l', '5-5': 'k' } }).keys;
    assert.deepEqual(two, [
      [5, 'k'],
      [6, 'l'],
    ]);
  });

  it('reads its keys in the order of their seqs', () => {
    const { keys } = parseFrame({ ...usual, keys: { 6: 'y', 5: 'x' } });
    assert.deepEqual(keys, [
      [5, 'x'],
      [6, 'y'],
    ]);
  });

  it('may have no messages', () => {
    assert.deepEqual(parseFrame({ ...usual, messages: [] }).messages.ends, []);
  });

  it('passes over fields of later versions', () => {
    assert.equal(parseFrame({ ...usual, later: [[1, 1]] }).from, 5);
  });

  it('reads who wrote it, and the epochs of its log', () => {
    const { writer, epochs } = parseFrame({
      ...usual,
      epoch: 7,
      writer: 'W',
      epochs: [
        [1, 1],
        [3, 1],
        [7, 51],
      ],
      writers: ['A', null, 'W'],
    });
    assert.equal(writer, 'W');
    assert.deepEqual(epochs, [
      { epoch: 1, writer: 'A', firstSeq: 1 },
      { epoch: 3, writer: '', firstSeq: 1 },
      { epoch: 7, writer: 'W', firstSeq: 51 },
    ]);
  });

  it('reads one epoch of two writers, in their order', () => {
    const pairs = [
      [1, 1],
      [1, 4],
    ];
    const read = (writers: unknown) => parseFrame({ ...usual, epochs: pairs, writers }).epochs;
    assert.deepEqual(read(['A', 'B'])?.at(-1), { epoch: 1, writer: 'B', firstSeq: 4 });
    assert.deepEqual(read([null, 'A'])?.at(0), { epoch: 1, writer: '', firstSeq: 1 });
    for (const writers of [['B', 'A'], ['A', 'A'], ['A', null], undefined]) {
      assert.throws(() => read(writers), refused('bad-request', /both ascending/));
    }
  });

  it('reads for whom it is, from where that is complete, and up to where all is committed', () => {
    for (const told of [{ bootId: 'B', completeFrom: 0, committed: 0 }, { committed: 7 }, {}]) {
      const {
        logId: _,
        epoch,
        from,
        writer,
        messages,
        keys,
        epochs,
        ...rest
      } = parseFrame({
        ...usual,
        ...told,
      });
      assert.deepEqual(rest, told, 'and adds nothing');
      assert.deepEqual([epoch, from, writer, epochs], [usual.epoch, usual.from, '', null]);
      assert.deepEqual([messages.ends.length, keys.length], [2, 0]);
    }
  });

  it('reads epochs without writers, and takes an empty list for none', () => {
    assert.deepEqual(parseFrame({ ...usual, epochs: [[1, 1]] }).epochs, [
      { epoch: 1, writer: '', firstSeq: 1 },
    ]);
    assert.equal(parseFrame({ ...usual, epochs: [] }).epochs, null);
    assert.equal(parseFrame({ ...usual, writer: null }).writer, '');
  });

  it('reads a part of a long list of epochs, which need not begin with the first entry', () => {
    const part = { ...usual, epoch: 9, epochsPart: [[4, 7]], epochsOffset: 3, epochsMore: false };
    const read = parseFrame({ ...part, writers: ['W'] });
    assert.deepEqual(read.epochs, [{ epoch: 4, writer: 'W', firstSeq: 7 }]);
    assert.deepEqual(read.part, { offset: 3, hasMore: false });
    const more = { ...part, epochsPart: [[1, 1]], epochsOffset: 0, epochsMore: true, messages: [] };
    assert.deepEqual(parseFrame(more).part, { offset: 0, hasMore: true });
    assert.equal(Object.hasOwn(parseFrame({ ...usual, epochs: [[1, 1]] }), 'part'), false);
  });

  const pair = { ...usual, epoch: 9, epochs: [[1, 1]] };
  const part = { ...usual, epoch: 9, epochsPart: [[4, 7]], epochsOffset: 3, epochsMore: false };
  const bad: [what: string, frame: unknown, detail: RegExp][] = [
    ['a list', [], /a JSON object is needed/],
    ['an empty writer', { ...usual, writer: '' }, /'writer' must be a string of 1 to 255/],
    ['a long writer', { ...usual, writer: 'x'.repeat(256) }, /'writer'/],
    ['a writer that is a number', { ...usual, writer: 1 }, /'writer'/],
    ['a logId with a lone surrogate', { ...usual, logId: '\ud800' }, /'logId'/],
    ['a writer with a lone surrogate', { ...usual, writer: '\udfff' }, /'writer'/],
    ['a list and a part of one', { ...part, epochs: [[1, 1]] }, /'epochs' and 'epochsPart'/],
    [
      'a part that does not say which',
      { ...part, epochsOffset: undefined },
      /needs an 'epochsOffset'/,
    ],
    ['a part before the first', { ...part, epochsOffset: -1 }, /'epochsOffset'/],
    ['a part that may go on or not', { ...part, epochsMore: undefined }, /'epochsMore'/],
    ['a part that goes on, with messages', { ...part, epochsMore: true }, /must not have messages/],
    ['an empty part', { ...part, epochsPart: [] }, /must not be empty/],
    ['a first part without the first entry', { ...part, epochsOffset: 0 }, /the first seq 1/],
    ['epochs that are no list', { ...pair, epochs: 1 }, /'epochs' must be a list of/],
    ['epochs that are null', { ...pair, epochs: null }, /'epochs' must be a list of/],
    ['an epoch that is no pair', { ...pair, epochs: [1] }, /'epochs' must be a list of/],
    ['a pair of one', { ...pair, epochs: [[1]] }, /'epochs' must be/],
    ['a pair of three', { ...pair, epochs: [[1, 1, 1]] }, /'epochs' must be/],
    ['epoch 0 in the list', { ...pair, epochs: [[0, 1]] }, /'epochs' must be/],
    ['an epoch as text in the list', { ...pair, epochs: [['1', 1]] }, /'epochs' must be/],
    ['a first seq of 1.5', { ...pair, epochs: [[1, 1.5]] }, /'epochs' must be/],
    ['a list that begins behind seq 1', { ...pair, epochs: [[1, 2]] }, /'epochs' must be/],
    ['a list that begins before it', { ...pair, epochs: [[1, 0]] }, /'epochs' must be/],
    [
      'epochs that fall',
      {
        ...pair,
        epochs: [
          [2, 1],
          [1, 5],
        ],
      },
      /'epochs' must be/,
    ],
    [
      'seqs that fall',
      {
        ...pair,
        epochs: [
          [1, 1],
          [2, 5],
          [3, 4],
        ],
      },
      /'epochs' must be/,
    ],
    [
      'an epoch beyond its own',
      {
        ...pair,
        epochs: [
          [1, 1],
          [10, 5],
        ],
      },
      /must not go beyond its 'epoch'/,
    ],
    ['writers that are no list', { ...pair, writers: 'A' }, /'writers' must be a list as long/],
    ['too few writers', { ...pair, writers: [] }, /'writers' must be a list as long/],
    ['too many writers', { ...pair, writers: ['A', 'B'] }, /'writers' must be a list as long/],
    [
      'a writer in the list that is no name',
      { ...pair, writers: [1] },
      /'writers' must be strings, or null/,
    ],
    ['an empty bootId', { ...usual, bootId: '' }, /'bootId' must be a string of 1 to 255/],
    ['a long bootId', { ...usual, bootId: 'x'.repeat(256) }, /'bootId'/],
    ['a bootId that is null', { ...usual, bootId: null }, /'bootId'/],
    ['a bootId that is a number', { ...usual, bootId: 7 }, /'bootId'/],
    ['a bootId with a lone surrogate', { ...usual, bootId: '\ud800' }, /'bootId'/],
    ...['completeFrom', 'committed'].flatMap((name) =>
      [null, -1, 1.5, '1', true, [], 2 ** 53].map((value): [string, unknown, RegExp] => [
        `${JSON.stringify(value)} as ${name}`,
        { ...usual, [name]: value },
        /'completeFrom' and 'committed' must be integers from 0/,
      ]),
    ),
    ['no logId', { ...usual, logId: undefined }, /'logId' must be a string of 1 to 255/],
    ['an empty logId', { ...usual, logId: '' }, /'logId'/],
    ['a long logId', { ...usual, logId: 'x'.repeat(256) }, /'logId'/],
    ['epoch 0', { ...usual, epoch: 0 }, /'epoch' must be an integer from 1/],
    ['epoch 1.5', { ...usual, epoch: 1.5 }, /'epoch'/],
    ['an epoch as text', { ...usual, epoch: '1' }, /'epoch'/],
    ['an epoch behind the last', { ...usual, epoch: 2 ** 48 + 1 }, /from 1 to 281474976710656/],
    ['the largest integer as the epoch', { ...usual, epoch: 2 ** 53 - 1 }, /'epoch'/],
    ['from 0', { ...usual, from: 0 }, /'from' must be an integer from 1/],
    ['from -1', { ...usual, from: -1 }, /'from'/],
    ['a from that is too large', { ...usual, from: Number.MAX_SAFE_INTEGER }, /last seq/],
    ['messages that are no list', { ...usual, messages: 'a' }, /must be a list of strings/],
    ['a message that is no string', { ...usual, messages: [1] }, /must be strings without lone/],
    ['a lone surrogate', { ...usual, messages: ['\ud800'] }, /must be strings without lone/],
    ['a run of keys beyond the frame', { ...usual, keys: { '5-7': 'k' } }, /'keys'/],
    ['a run of keys that ends before it begins', { ...usual, keys: { '6-5': 'k' } }, /'keys'/],
    ['a seq with two keys', { ...usual, keys: { 5: 'k', '5-6': 'l' } }, /'keys'/],
    ['a run of three', { ...usual, keys: { '5-5-6': 'k' } }, /'keys'/],
    ['keys that are a list', { ...usual, keys: ['k'] }, /a JSON object is needed/],
    ['a key below the frame', { ...usual, keys: { 4: 'k' } }, /'keys' must map seqs of the frame/],
    ['a key above the frame', { ...usual, keys: { 7: 'k' } }, /'keys'/],
    ['a key at no seq', { ...usual, keys: { '05': 'k' } }, /'keys'/],
    ['a key that is no string', { ...usual, keys: { 5: 1 } }, /'keys'/],
    ['a key that is no key', { ...usual, keys: { 5: 'é' } }, /'keys'/],
  ];
  for (const [what, frame, detail] of bad) {
    it(`refuses ${what}`, () => {
      assert.throws(() => parseFrame(frame), refused('bad-request', detail));
    });
  }
});
