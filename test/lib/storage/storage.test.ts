import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { NO_BALLOT } from '../../../src/lib/core/recovery/ballot.ts';
import {
  append,
  diskWith,
  FIRST,
  failure,
  logPath,
  open,
  plain,
  readLines,
  refusal,
  SECOND,
  temporary,
  using,
} from './support.ts';

const ALWAYS = { fsync: 'always' } as const;

describe('a directory', () => {
  it('that is missing is made, and holds nothing', async (t) => {
    const path = join(temporary(t), 'a', 'b');
    for (let i = 0; i < 2; i += 1) {
      await using(
        path,
        ({ storage }) => {
          assert.equal(storage.restored, null);
          assert.equal(storage.dropped, null);
          assert.equal(storage.journal.durableLength, 0);
        },
        ALWAYS,
      );
    }
    assert.deepEqual(fs.readdirSync(path), []);
  });

  it('that cannot be made or written is refused with 73', async (t) => {
    const path = temporary(t);
    fs.writeFileSync(join(path, 'file'), '');
    const error = await refusal(join(path, 'file', 'below'));
    assert.equal(error.exitCode, 73);
    assert.match(error.message, /file\/below: cannot be used: ENOTDIR/);
    fs.mkdirSync(logPath(path));
    const second = await refusal(path);
    assert.equal(second.exitCode, 73);
    assert.match(second.message, /log\.ndjson: cannot be used: EISDIR/);
  });

  it('whose disk fails to read or to sync is refused with 74', async (t) => {
    const path = temporary(t);
    await using(path, ({ replica }) => replica.begin('L'));
    const fail = () => {
      throw failure('EIO');
    };
    const unreadable = await refusal(path, { disk: diskWith({ readSync: fail }) });
    assert.equal(unreadable.exitCode, 74);
    assert.match(unreadable.message, /log\.ndjson: byte 0: cannot be read: EIO/);
    const unsynced = await refusal(path, { ...ALWAYS, disk: diskWith({ fdatasyncSync: fail }) });
    assert.equal(unsynced.exitCode, 74);
    assert.match(unsynced.message, /cannot be synced: EIO/);
    await using(path, ({ replica }) => assert.equal(replica.logId, 'L'));
  });
});

describe('a log on disk', () => {
  for (const fsync of ['always', 'never'] as const) {
    it(`is the same after a restart, FSYNC=${fsync}`, async (t) => {
      const path = temporary(t);
      const texts = [
        '',
        'plain',
        'quotes " and \\ and \n',
        'їжак 🦔',
        '\u2028\u0000',
        'x'.repeat(5000),
      ];
      const before = await using(
        path,
        ({ replica }) => {
          assert.ok(replica.begin('the log'));
          assert.ok(replica.promise(FIRST));
          assert.ok(append(replica, texts));
          assert.ok(append(replica, ['a', 'b'], FIRST, '"key" \\'));
          assert.ok(append(replica, ['c'], SECOND));
          assert.ok(replica.append({ bytes: new Uint8Array(), ends: [] }, SECOND, []));
          return { ...plain(replica), epochs: replica.log.epochs };
        },
        { fsync },
      );
      assert.equal(before.entries.length, 9);
      await using(
        path,
        ({ replica, storage }) => {
          // An entry of a newer ballot counts as a promise to it.
          const after = { ...plain(replica), epochs: replica.log.epochs };
          assert.deepEqual(after, { ...before, ballot: SECOND });
          assert.equal(storage.journal.durableLength, 9);
          assert.deepEqual(replica.keys.find('"key" \\'), { key: '"key" \\', seq: 7, count: 2 });
        },
        { fsync },
      );
    });
  }

  it('can be read by people', async (t) => {
    const path = temporary(t);
    await using(path, ({ replica }) => {
      replica.begin('L');
      append(replica, ['Msg1', 'Msg2'], FIRST, 'k');
      replica.promise({ epoch: 2, writer: 'w' });
      replica.cut(1);
    });
    assert.deepEqual(
      readLines(logPath(path)).map((line) => line.replace(/"[0-9a-f]{8}"}$/, '*')),
      [
        '{"format":"replicated-log/1","logId":"L","crc":*',
        '{"epoch":1,"writer":"first","from":1,"crc":*',
        '{"seq":1,"epoch":1,"key":"k","more":true,"message":"Msg1","crc":*',
        '{"seq":2,"epoch":1,"key":"k","message":"Msg2","crc":*',
        '{"ballot":{"epoch":2,"writer":"w"},"crc":*',
        '{"cut":1,"crc":*',
      ],
    );
  });

  it('says null of a writer without a name, and reads that', async (t) => {
    const path = temporary(t);
    const [unnamed, named] = [
      { epoch: 1, writer: '' },
      { epoch: 1, writer: 'w' },
    ];
    await using(path, ({ replica }) => {
      replica.begin('L');
      replica.promise(unnamed);
      append(replica, ['a'], unnamed);
      append(replica, ['b'], named);
      append(replica, ['c'], unnamed);
    });
    const records = readLines(logPath(path)).map((line) => line.replace(/,"crc":.*/, ''));
    assert.deepEqual(
      records.filter((record) => record.includes('writer')),
      [
        '{"ballot":{"epoch":1,"writer":null}',
        '{"epoch":1,"writer":null,"from":1',
        '{"epoch":1,"writer":"w","from":2',
        '{"epoch":1,"writer":null,"from":3',
      ],
    );
    await using(path, ({ replica }) => {
      assert.deepEqual(replica.ballot, named);
      const starts = [
        { ...unnamed, firstSeq: 1 },
        { ...named, firstSeq: 2 },
      ];
      assert.deepEqual(replica.log.epochs, starts, 'what names nobody goes with the one before');
      assert.equal(replica.log.length, 3);
    });
  });

  it('keeps a promise, and the beginning of an epoch, without any entry', async (t) => {
    const path = temporary(t);
    await using(path, ({ replica }) => {
      replica.begin('L');
      replica.promise(FIRST);
      replica.promise(SECOND);
    });
    await using(path, ({ replica }) => {
      assert.deepEqual(plain(replica), {
        logId: 'L',
        ballot: SECOND,
        isComplete: false,
        entries: [],
      });
      assert.deepEqual(replica.newest, { ...NO_BALLOT, firstSeq: 1 });
      assert.ok(replica.beginEpoch(SECOND));
    });
    await using(path, ({ replica }) => {
      assert.deepEqual(replica.newest, { ...SECOND, firstSeq: 1 });
      append(replica, ['a'], SECOND);
      assert.ok(replica.beginEpoch({ epoch: 3, writer: 'third' }));
    });
    await using(path, ({ replica }) => {
      assert.deepEqual(replica.newest, { epoch: 3, writer: 'third', firstSeq: 2 });
      assert.deepEqual(replica.ballot, { epoch: 3, writer: 'third' });
    });
    assert.deepEqual(fs.readdirSync(path), ['log.ndjson']);
    const writers = readLines(logPath(path)).filter((line) => line.includes('"from"'));
    assert.equal(writers.length, 2, 'an entry of an epoch that has begun says nothing new');
  });

  it('that is replaced by another one stays under another name; the promise goes on', async (t) => {
    const path = temporary(t);
    await using(
      path,
      ({ storage, replica }) => {
        replica.begin('../old');
        replica.promise(SECOND);
        append(replica, ['a', 'b'], SECOND);
        for (const logId of ['newer', 'newer', 'newest'])
          assert.ok(storage.journal.begin(logId, SECOND));
        assert.equal(storage.journal.durableLength, 0);
      },
      ALWAYS,
    );
    const names = ['discarded-.._old-1', 'log'];
    assert.deepEqual(
      fs.readdirSync(path).sort(),
      names.map((name) => `${name}.ndjson`),
      'one without an entry leaves nothing',
    );
    assert.match(fs.readFileSync(join(path, 'discarded-.._old-1.ndjson'), 'utf8'), /"message":"b"/);
    await using(path, ({ replica }) => {
      const { logId, ballot, entries } = plain(replica);
      assert.deepEqual([logId, ballot, entries], ['newest', SECOND, []]);
    });
  });

  it('refuses what comes before it was begun, and entries that do not follow', async (t) => {
    const { storage, replica } = await open(temporary(t));
    const { journal } = storage;
    assert.throws(() => append(replica, ['a']), /the log was not begun/);
    for (const early of [() => journal.promise(FIRST), () => journal.beginEpoch(FIRST)]) {
      assert.throws(early, RangeError);
    }
    replica.begin('L');
    append(replica, ['a']);
    const message = { bytes: Buffer.from('"b",'), ends: [4] };
    assert.throws(() => storage.journal.append(3, message, FIRST, [], []), RangeError);
    assert.ok(append(replica, ['b']));
    await storage.close();
  });

  it('says whether what was written is durable at once', async (t) => {
    const path = temporary(t);
    await using(path, ({ storage }) => assert.equal(storage.journal.isDurableAtOnce, true));
    await using(
      path,
      ({ storage }) => assert.equal(storage.journal.isDurableAtOnce, false),
      ALWAYS,
    );
  });
});

describe('a cut', () => {
  it('is forgotten by the log and kept in a side file', async (t) => {
    const path = temporary(t);
    const large = 'x'.repeat(300_000);
    await using(path, ({ replica }) => {
      replica.begin('L');
      append(replica, ['one']);
      append(replica, ['two', 'three'], FIRST, 'k');
      append(replica, Array(2500).fill('many'), SECOND);
      append(replica, Array(5).fill(large), SECOND);
      assert.ok(replica.cut(9999), 'nothing to cut');
      assert.ok(replica.cut(2));
      assert.ok(append(replica, ['drei'], SECOND));
      assert.ok(replica.cut(2));
      assert.ok(append(replica, ['trois'], FIRST, 'q'));
    });
    const side = readLines(join(path, 'discarded-1.ndjson')).map((line) => JSON.parse(line));
    assert.deepEqual(
      side.slice(0, 4).map(({ crc, ...record }) => record),
      [
        { format: 'replicated-log/1', logId: 'L' },
        { epoch: 1, writer: 'first', from: 3 },
        { seq: 3, epoch: 1, key: 'k', message: 'three' },
        { epoch: 2, writer: 'second', from: 4 },
      ],
    );
    const entries = side.filter(({ seq }) => seq !== undefined);
    assert.deepEqual(
      entries.map(({ seq }) => seq),
      Array.from({ length: 2506 }, (_, i) => i + 3),
    );
    assert.equal(entries.at(-1).message, large);
    assert.match(fs.readFileSync(join(path, 'discarded-2.ndjson'), 'utf8'), /"message":"drei"/);
    await using(path, ({ replica, storage }) => {
      assert.deepEqual(
        plain(replica).entries.map(({ text, key }) => [text, key]),
        [
          ['one', null],
          ['two', 'k'],
          ['trois', 'q'],
        ],
      );
      assert.deepEqual(replica.keys.find('k'), { key: 'k', seq: 2, count: 1 });
      assert.equal(storage.dropped, null);
      assert.ok(replica.cut(0));
    });
    await using(path, ({ replica }) => {
      assert.equal(replica.log.length, 0);
      assert.ok(append(replica, ['again'], SECOND));
    });
    await using(path, ({ replica }) => assert.equal(plain(replica).entries[0]?.text, 'again'));
  });

  it('of a log that does not exist is none', async (t) => {
    await using(temporary(t), ({ replica }) => {
      assert.ok(replica.cut(0));
      assert.deepEqual(replica.ballot, NO_BALLOT);
    });
  });
});
