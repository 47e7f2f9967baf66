import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { describe, it } from 'node:test';
import type { StorageError } from '../../../src/lib/storage/disk.ts';
import { type Loaded, readLog } from '../../../src/lib/storage/reader.ts';
import {
  append,
  diskWith,
  logPath,
  type Plain,
  plain,
  refusal,
  replay,
  SECOND,
  sampleLog,
  sealed,
  sealedBytes,
  temporary,
  using,
} from './support.ts';

/** Reads a file of these bytes, through a buffer so small that lines cross its ends. */
function read(bytes: Buffer, chunkBytes = 64, lineBytesMax = 1e9): Loaded {
  const readSync = (_fd: number, into: Uint8Array, offset: number, room: number, at: number) => {
    return bytes.copy(into, offset, at, at + room);
  };
  const disk = diskWith({ readSync: readSync as typeof fs.readSync });
  return readLog(disk, 0, 'FILE', { chunkBytes, lineBytesMax });
}

/** What was loaded, by a node whose machine did not restart. */
function loadedAs({ restored, complete }: Loaded): Plain {
  return plain({ ...(restored as NonNullable<typeof restored>), isComplete: complete !== null });
}

/** The whole lines of the first `length` bytes. */
function wholeLines(bytes: Buffer, length: number): string {
  const begun = bytes.subarray(0, length);
  return begun.subarray(0, begun.lastIndexOf(0x0a) + 1).toString();
}

function problemOf(bytes: Buffer | string, lineBytesMax?: number): StorageError {
  try {
    read(Buffer.from(bytes), 64, lineBytesMax);
  } catch (error) {
    return error as StorageError;
  }
  throw new Error('it was read');
}

const HEADER = sealed('{"format":"replicated-log/1","logId":"L"}');
const WRITER = sealed('{"epoch":1,"writer":"w","from":1}');
const COMPLETE = sealed('{"complete":true,"machineRun":null}');
const ENTRY = sealed('{"seq":1,"epoch":1,"message":"a"}');

describe('a file that a crash has torn', () => {
  it('loads to a prefix wherever it ends, and can be written again', async (t) => {
    const whole = await sampleLog(temporary(t));
    const path = temporary(t);
    for (let length = 0; length <= whole.length; length += 1) {
      fs.writeFileSync(logPath(path), whole.subarray(0, length));
      const expected = replay(wholeLines(whole, length));
      await using(path, ({ storage, replica }) => {
        assert.deepEqual(plain(replica), expected, `cut at byte ${length}`);
        assert.equal(
          storage.dropped?.fromSeq ?? expected.entries.length + 1,
          replica.log.length + 1,
        );
        if (replica.logId === null) replica.begin('again');
        append(replica, ['behind'], { epoch: 9, writer: 'ninth' }, 'last');
      });
      await using(path, ({ storage, replica }) => {
        assert.equal(storage.dropped, null);
        const { entries } = plain(replica);
        assert.deepEqual(entries.slice(0, -1), expected.entries);
        assert.deepEqual(entries.at(-1), { text: 'behind', key: 'last', epoch: 9 });
      });
    }
  });

  it('reports what was dropped', async (t) => {
    const path = temporary(t);
    const whole = await sampleLog(path);
    fs.truncateSync(logPath(path), whole.length - 1);
    await using(path, ({ storage }) => {
      const { bytes, fromSeq } = storage.dropped ?? {};
      assert.equal(fromSeq, 10, 'the whole run of the last key');
      assert.equal(bytes, whole.length - 1 - whole.indexOf('{"seq":10,'));
    });
    assert.equal(fs.statSync(logPath(path)).size, whole.indexOf('{"seq":10,'));
  });

  it('loses a tail of anything that is no record', () => {
    const whole = Buffer.from(HEADER + WRITER + ENTRY);
    for (const tail of ['\0'.repeat(300), '\n', '\n\n\n', 'garbage\n\n{"seq":2', '{"{"{"\n{"x"']) {
      const loaded = read(Buffer.concat([whole, Buffer.from(tail)]));
      assert.deepEqual(loaded.dropped, { bytes: tail.length, fromSeq: 2 });
      assert.equal(loaded.end, whole.length);
    }
  });
});

describe('a file in which one byte is another', () => {
  it('is refused, or loses its last record, but is never served as something else', async (t) => {
    const whole = await sampleLog(temporary(t));
    const lastLine = whole.lastIndexOf(0x0a, whole.length - 2) + 1;
    for (let at = 0; at < whole.length; at += 1) {
      const byte = whole[at] as number;
      for (const other of [0x0a, 0x00, 0x20, byte ^ 1, byte ^ 0x20, byte ^ 0x80]) {
        if (other === byte) continue;
        const bytes = Buffer.from(whole);
        bytes[at] = other;
        const before = wholeLines(whole, at);
        if (at >= lastLine) {
          assert.deepEqual(loadedAs(read(bytes)), replay(before), `byte ${at} is ${other}`);
          continue;
        }
        const { exitCode, message } = problemOf(bytes);
        assert.equal(exitCode, 65);
        const place = `line ${before.split('\n').length}, byte ${Buffer.byteLength(before)}`;
        const seq = replay(before, true).entries.length + 1;
        const start = `FILE: damaged at ${place}, where seq ${seq} should follow: `;
        assert.equal(message.slice(0, start.length), start, `byte ${at} is ${other}`);
        assert.match(message, /Move this file away and start the node again/);
      }
    }
  });

  it('stops the start of a node, and nothing is changed', async (t) => {
    const path = temporary(t);
    const bytes = await sampleLog(path);
    bytes[bytes.indexOf('one')] = 0x4f;
    fs.writeFileSync(logPath(path), bytes);
    for (let i = 0; i < 2; i += 1) {
      const error = await refusal(path);
      assert.equal(error.exitCode, 65);
      assert.match(
        error.message,
        /log\.ndjson: damaged at line 4, byte \d+, where seq 1 should follow: its checksum is wrong/,
      );
    }
    assert.deepEqual(fs.readFileSync(logPath(path)), bytes);
  });
});

describe('a file that was edited, with right checksums', () => {
  const refused: [what: string, lines: string, problem: RegExp][] = [
    [
      'of another format',
      sealed('{"format":"replicated-log/2","logId":"L"}'),
      /its format is "replicated-log\/2", not/,
    ],
    ['of no format', WRITER + ENTRY, /does not begin with its format/],
    ['of something else', 'hello\nworld\n', /line 1, byte 0/],
    ['of something else on one line', 'hello', /does not end with a checksum/],
    ['with two headers', HEADER + HEADER, /begins only once/],
    [
      'without a name',
      sealed('{"format":"replicated-log/1","logId":null}') + WRITER + ENTRY,
      /line 1, .* no version of this program wrote it/,
    ],
    ['that begins with an entry', ENTRY, /does not begin with its format/],
    [
      'with an epoch behind the last',
      HEADER + sealed('{"epoch":281474976710657,"writer":null,"from":1}'),
      /epoch 281474976710657, and epochs end at 281474976710656/,
    ],
    [
      'with a promise to an epoch behind the last',
      HEADER + sealed('{"ballot":{"epoch":9007199254740991,"writer":"w"}}'),
      /epochs end at/,
    ],
    ['without a writer', HEADER + ENTRY, /says who wrote epoch 1/],
    [
      'with a gap',
      HEADER + WRITER + sealed('{"seq":2,"epoch":1,"message":"a"}'),
      /seq 1 should follow: it has seq 2/,
    ],
    [
      'with an entry twice',
      HEADER + WRITER + ENTRY + ENTRY,
      /line 4.*seq 2 should follow: it has seq 1/,
    ],
    [
      'with an entry of another epoch',
      HEADER + WRITER + sealed('{"seq":1,"epoch":2,"message":"a"}'),
      /who wrote epoch 2/,
    ],
    [
      'with a writer from elsewhere',
      HEADER + sealed('{"epoch":1,"writer":"w","from":2}'),
      /who writes from seq 2 on/,
    ],
    [
      'with an append that does not end before it was complete',
      HEADER +
        WRITER +
        sealed('{"seq":1,"epoch":1,"key":"k","more":true,"message":"a"}') +
        COMPLETE,
      /the append with key "k" is not complete/,
    ],
    ['that is complete before it begins', COMPLETE + HEADER, /does not begin with its format/],
    ['with a cut ahead', HEADER + WRITER + ENTRY + sealed('{"cut":2}'), /it cuts the log at 2/],
    [
      'with an append that does not end',
      HEADER +
        WRITER +
        sealed('{"seq":1,"epoch":1,"key":"k","more":true,"message":"a"}') +
        sealed('{"cut":0}'),
      /the append with key "k" is not complete/,
    ],
    [
      'with an append that ends as another',
      HEADER +
        WRITER +
        sealed('{"seq":1,"epoch":1,"key":"k","more":true,"message":"a"}') +
        sealed('{"seq":2,"epoch":1,"message":"a"}'),
      /the append with key "k" is not complete/,
    ],
    ...[
      '{"seq":0,"epoch":1,"message":"a"}',
      '{"seq":01,"epoch":1,"message":"a"}',
      '{"seq":,"epoch":1,"message":"a"}',
      '{"seq":9007199254740993,"epoch":1,"message":"a"}',
      '{"seq":1,"epoch":-1,"message":"a"}',
      '{"seq":1,"message":"a"}',
      '{"seq":1,"epoch":1}',
      '{"seq":1,"epoch":1,"message":7}',
      '{"seq":1,"epoch":1,"message":"}',
      '{"seq":1,"epoch":1,"message":"a","more":true}',
      '{"seq":1,"epoch":1,"message":"\t"}',
      '{"seq":1,"epoch":1,"message":"a"b"}',
      '{"seq":1,"epoch":1,"message":"\\u0041"}',
      '{"seq":1,"epoch":1,"message":"\\ud800"}',
      '{"seq":1,"epoch":1,"message":"\\x"}',
      '{"seq":1,"epoch":1,"more":true,"message":"a"}',
      '{"seq":1,"epoch":1,"key":"\\u0041","message":"a"}',
      '{"seq":1,"epoch":1,"key":"\\q","message":"a"}',
      '{"seq":1,"epoch":1,"key":"k}',
      '{"seq":1,"epoch":1,"key":7,"message":"a"}',
      '{"seq":1,"epoch":1,"key":"","message":"a"}',
      '{"seq":1,"epoch":1,"key":"ä","message":"a"}',
      `{"seq":1,"epoch":1,"key":"${'k'.repeat(256)}","message":"a"}`,
      '{"format":"replicated-log/1","logId":7}',
      '{"ballot":{"epoch":1}}',
      '{"ballot":{"epoch":"1","writer":null}}',
      '{"ballot":null}',
      '{"epoch":1,"writer":7,"from":1}',
      '{"epoch":1,"writer":"w","from":1,"and":2}',
      '{"complete":false,"machineRun":null}',
      '{"complete":1,"machineRun":null}',
      '{"complete":null,"machineRun":null}',
      '{"complete":true}',
      '{"complete":true,"machineRun":7}',
      '{"complete":true,"machineRun":null,"and":1}',
      '{"machineRun":null,"complete":true}',
      '{"cut":-1}',
      '{"cut": 0}',
      '{"cut":0.5}',
      '{}',
      '[1]',
      'null',
      '{"cut"}',
    ].map(
      (body) =>
        [`with ${body}`, HEADER + WRITER + sealed(body), /no version of this program wrote it/] as [
          string,
          string,
          RegExp,
        ],
    ),
  ];
  for (const [what, lines, problem] of refused) {
    it(`is refused ${what}`, () => {
      const { exitCode, message } = problemOf(lines);
      assert.equal(exitCode, 65);
      assert.match(message, problem);
    });
  }

  it('is refused with bytes that are no UTF-8', () => {
    for (const body of [
      '{"seq":1,"epoch":1,"message":"\xff"}',
      '{"seq":1,"epoch":1,"message":"\\n\xff"}',
    ]) {
      const line = sealedBytes(Buffer.from(body, 'latin1'));
      const bytes = Buffer.concat([Buffer.from(HEADER + WRITER), line]);
      assert.match(problemOf(bytes).message, /no version of this program wrote it/);
    }
  });

  it('is refused where a record is damaged and only a part of one follows on its line', () => {
    const broken = ENTRY.replace('"a"', '"b"').replace('\n', ' ');
    assert.match(
      problemOf(HEADER + WRITER + broken + sealed('{"cut":0}')).message,
      /checksum is wrong|not end/,
    );
    assert.match(
      problemOf(`${HEADER}${WRITER}${broken}\n${'#'.repeat(200)}\n${sealed('{"cut":0}')}`).message,
      /line 3/,
    );
  });
});

describe('a large log', () => {
  it('is refused with a line that is longer than any record', () => {
    const { exitCode, message } = problemOf(HEADER + '#'.repeat(1000), 500);
    assert.equal(exitCode, 65);
    assert.match(message, /^FILE: byte \d+: a line begins that is longer than any record/);
  });

  it('does not hide a fault of this program as one of the disk', () => {
    const readSync = () => {
      throw new TypeError('a fault');
    };
    assert.throws(() => readLog(diskWith({ readSync }), 0, 'FILE'), TypeError);
  });

  it('is read whatever the lengths of its lines and the ends of the chunks', async (t) => {
    const path = temporary(t);
    const texts = Array.from({ length: 300 }, (_, i) => 'y'.repeat((i * 37) % 700) + i);
    texts.push('z'.repeat(2_500_000));
    await using(path, ({ replica }) => {
      replica.begin('L');
      append(replica, texts, SECOND);
      append(replica, Array(20_000).fill('w'), SECOND, 'k');
    });
    const bytes = fs.readFileSync(logPath(path));
    for (const chunkBytes of [1, 100, 4096, 1_000_000]) {
      assert.deepEqual(
        loadedAs(read(bytes, chunkBytes)).entries.map(({ text }) => text),
        [...texts, ...Array(20_000).fill('w')],
      );
    }
    const torn = read(bytes.subarray(0, -1), 100_000);
    assert.equal(torn.restored?.log.length, texts.length);
    assert.equal(torn.restored?.keys.find('k'), undefined);
  });
});
