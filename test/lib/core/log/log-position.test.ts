import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EpochStart } from '../../../../src/lib/core/log/epochs.ts';
import {
  type ComparedLog,
  comparePosition,
  type LogPosition,
  type NameDigests,
} from '../../../../src/lib/core/log/log-position.ts';
import { Dice, seeds } from '../../support.ts';

const DIGESTS: NameDigests = { log: (name) => `#${name}`, writer: (name) => name && `#${name}` };

/** `1a@1 2b@3`: from seq 1 on under epoch 1 and writer a, from 3 on under 2 and b. */
function startsOf(text: string): EpochStart[] {
  return text.split(' ').flatMap((part) => {
    const [, epoch, writer = '', firstSeq] = /^(\d+)(\w?)@(\d+)$/.exec(part) ?? [];
    if (epoch === undefined) return [];
    return [{ epoch: Number(epoch), writer, firstSeq: Number(firstSeq) }];
  });
}

/** A log of this length, all of which is shown. */
function logOf(starts: string, length: number, logId: string | null = 'L'): ComparedLog {
  return { logId, starts: startsOf(starts), length, shown: length };
}

/** What is told of an entry of a log. */
function toldOf(starts: readonly EpochStart[], seq: number, logId = 'L'): LogPosition {
  const at = (seq: number) => starts.findLast(({ firstSeq }) => firstSeq <= seq);
  const { epoch, writer, firstSeq } = at(seq) as EpochStart;
  const before = at(firstSeq - 1) ?? { epoch: 0, writer: '' };
  const previous = { epoch: before.epoch, writer: DIGESTS.writer(before.writer) };
  return { seq, log: `#${logId}`, epoch, writer: DIGESTS.writer(writer), firstSeq, previous };
}

function compare(log: ComparedLog, theirs: string, seq: number, logId = 'L') {
  return comparePosition(log, toldOf(startsOf(theirs), seq, logId), DIGESTS);
}

const cutFrom = (from: number) => ({ from, reason: 'cut' });

describe('a position in another log', () => {
  it('counts for nothing where there is no log yet, or only its name', () => {
    for (const log of [logOf('', 0, null), logOf('', 0, 'L'), logOf('', 0, 'M')]) {
      assert.equal(compare(log, '1a@1', 3), 'behind');
    }
  });

  it('is told at once, also when that log is still empty', () => {
    for (const log of [logOf('1a@1', 0, 'M'), logOf('1a@1', 9, 'M')]) {
      assert.deepEqual(compare(log, '1a@1', 3), { from: 1, reason: 'other-log' });
    }
  });
});

describe('a position in the same log', () => {
  const cases: [what: string, log: ComparedLog, theirs: string, seq: number, expected: unknown][] =
    [
      ['whose entry is here', logOf('1a@1', 5), '1a@1', 5, 'same'],
      ['of an older ballot', logOf('1a@1 2b@4', 5), '1a@1', 3, 'same'],
      ['of one that nobody named', logOf('1@1 2@3', 5), '1@1 2@3', 4, 'same'],
      ['of one named here alone', logOf('1a@1', 5), '1@1', 4, 'same'],
      ['of one named there alone', logOf('1@1', 5), '1a@1', 4, 'same'],
      ['that a shorter log will have', logOf('1a@1', 3), '1a@1', 5, 'behind'],
      ['of a ballot that begins here', logOf('1a@1 2b@4', 3), '1a@1 2b@4', 4, 'behind'],
      ['of a ballot to come', logOf('1a@1', 3), '1a@1 2b@4', 5, 'behind'],
      ['of two ballots to come', logOf('1a@1', 3), '1a@1 2b@4 3c@5', 5, 'behind'],
      ['that another ballot has cut off', logOf('1a@1 2b@3', 5), '1a@1', 5, cutFrom(3)],
      ['cut off, and shorter', logOf('1a@1 2b@3', 3), '1a@1', 5, cutFrom(3)],
      ['cut off, and nothing written since', logOf('1a@1 2b@3', 2), '1a@1', 5, cutFrom(3)],
      ['of a ballot without an entry here', logOf('1a@1 3c@4', 5), '1a@1 2b@4', 5, cutFrom(4)],
      ['of a ballot that began later', logOf('1a@1 3c@3', 5), '1a@1 2b@5', 6, cutFrom(3)],
      ['of a ballot that began earlier', logOf('1a@1 3c@9', 9), '1a@1 2b@5', 6, cutFrom(5)],
      ['of the very first ballot', logOf('3c@1', 5), '2b@1', 3, cutFrom(1)],
      ['of two unknown ballots', logOf('1a@1 4d@3', 5), '1a@1 2b@4 3c@5', 5, cutFrom(1)],
      ['that an older ballot wrote here', logOf('1a@1', 5), '1a@1 2b@3', 4, cutFrom(3)],
      [
        'of a log that shares its beginning, which is longer',
        logOf('1a@1 2c@3', 4),
        '1a@1 2b@3',
        4,
        cutFrom(3),
      ],
      [
        'of a log that shares its beginning, which is shorter',
        logOf('1a@1 2c@3', 3),
        '1a@1 2b@3',
        4,
        cutFrom(3),
      ],
      [
        'of a log that shares its beginning, which is empty',
        logOf('1a@1 2c@3', 2),
        '1a@1 2b@3',
        4,
        'behind',
      ],
      ['where an older ballot goes on', logOf('1a@1 4b@3', 5), '1a@1 5c@4', 9, cutFrom(3)],
      ['where one goes on later', logOf('1a@1 4b@6', 7), '1a@1 5c@4', 9, cutFrom(4)],
      ['where an older one wrote nothing', logOf('1a@1 4b@3', 2), '1a@1 5c@3', 9, 'behind'],
      ['where one goes on, of two unknown', logOf('1a@1 4d@3', 4), '1a@1 3b@3 5c@5', 9, cutFrom(1)],
      ['of the first ballot of another', logOf('1a@1', 2), '2b@1', 3, cutFrom(1)],
    ];
  for (const [what, log, theirs, seq, expected] of cases) {
    it(`${what}: ${JSON.stringify(expected)}`, () => {
      assert.deepEqual(compare(log, theirs, seq), expected);
    });
  }

  it('is not judged by entries that are not shown', () => {
    const log = { ...logOf('1a@1', 5), shown: 3 };
    assert.equal(compare(log, '1a@1 2b@3', 4), 'behind');
    assert.equal(compare(log, '1a@1', 4), 'same');
  });
});

/** Logs as masters leave them: each one goes on with what it found somewhere, or with less. */
class Logs {
  readonly lists: { ballot: string }[][] = [[], [], []];
  readonly starts: EpochStart[][] = [[], [], []];

  constructor(dice: Dice) {
    for (let epoch = 1; epoch <= 6; epoch += 1) {
      const from = dice.integer(0, 2);
      const kept = (this.lists[from] as { ballot: string }[]).slice();
      kept.length = dice.integer(Math.floor(kept.length / 2), kept.length);
      const starts = (this.starts[from] as EpochStart[]).filter(
        ({ firstSeq }) => firstSeq <= kept.length,
      );
      starts.push({ epoch, writer: dice.pick(['a', 'b']), firstSeq: kept.length + 1 });
      const list = [...kept, ...dice.list(dice.integer(0, 4), () => ({ ballot: `${epoch}` }))];
      // Somebody has a part of it, and perhaps nothing of this ballot yet.
      for (const node of [0, 1, 2].filter(() => dice.chance(0.5))) {
        const length = dice.integer(kept.length, list.length);
        this.lists[node] = list.slice(0, length);
        this.starts[node] = starts.slice();
      }
    }
  }
}

describe('positions of random logs', () => {
  it('are found where they are, and part where they may', () => {
    const counts = { same: 0, behind: 0, cut: 0 };
    for (const seed of seeds(2000)) {
      const logs = new Logs(new Dice(seed));
      for (const theirs of [0, 1, 2]) {
        for (const ours of [0, 1, 2]) {
          const [told, has] = [logs.lists[theirs], logs.lists[ours]] as [object[], object[]];
          const differs = told.findIndex((entry, i) => entry !== has[i]);
          const shared = differs === -1 ? told.length : differs;
          const starts = logs.starts[ours] as EpochStart[];
          const log = { logId: 'L', starts, length: has.length, shown: has.length };
          for (let seq = 1; seq <= told.length; seq += 1) {
            const position = toldOf(logs.starts[theirs] as EpochStart[], seq);
            const found = comparePosition(log, position, DIGESTS);
            if (found === 'same') assert(seq <= shared);
            else if (found === 'behind') assert(seq > has.length);
            else assert(shared < seq && found.from <= shared + 1 && found.reason === 'cut');
            counts[typeof found === 'string' ? found : 'cut'] += 1;
          }
        }
      }
    }
    assert(Math.min(counts.same, counts.behind, counts.cut) > 1000, JSON.stringify(counts));
  });
});
