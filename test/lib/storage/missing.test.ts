import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { waitFor } from '../../support/wait.ts';
import {
  append,
  diskWith,
  failure,
  logPath,
  type Opened,
  open,
  SECOND,
  temporary,
} from './support.ts';

interface Watched extends Opened {
  readonly path: string;
  readonly failures: string[];
}

/** A log of one durable entry, and the failures that are reported after that. */
async function begun(t: TestContext, fsync: 'always' | 'never', path: string): Promise<Watched> {
  const failures: string[] = [];
  const onFailed = ({ message }: Error) => failures.push(message);
  const opened = await open(path, { fsync, onFailed });
  t.after(() => opened.storage.close());
  assert.ok(opened.replica.begin('L'));
  assert.ok(append(opened.replica, ['a']));
  await waitFor('the entry to count', () => opened.storage.journal.durableLength === 1);
  await new Promise((resolve) => setImmediate(resolve));
  return { ...opened, path, failures };
}

/** What people do to the directory of a running node, and the error that is reported. */
const ACCIDENTS: readonly [string, (path: string) => void, RegExp][] = [
  [
    'is removed',
    (path) => fs.rmSync(path, { recursive: true }),
    /log\.ndjson: was removed or moved away \(ENOENT\)/,
  ],
  [
    'is renamed',
    (path) => fs.renameSync(path, `${path}.old`),
    /log\.ndjson: was removed or moved away \(ENOENT\)/,
  ],
  [
    'gives way to another one',
    (path) => {
      fs.cpSync(path, `${path}.copy`, { recursive: true, filter: (name) => !/sock/.test(name) });
      fs.renameSync(path, `${path}.old`);
      fs.renameSync(`${path}.copy`, path);
    },
    /log\.ndjson: was replaced by another file/,
  ],
  [
    'loses its log',
    (path) => fs.unlinkSync(logPath(path)),
    /log\.ndjson: was removed or moved away \(ENOENT\)/,
  ],
  [
    'gets another log',
    (path) => {
      fs.copyFileSync(logPath(path), `${logPath(path)}.copy`);
      fs.renameSync(`${logPath(path)}.copy`, logPath(path));
    },
    /log\.ndjson: was replaced by another file/,
  ],
];

describe('a directory under a running node', () => {
  for (const fsync of ['always', 'never'] as const) {
    for (const [what, happens, reason] of ACCIDENTS) {
      it(`that ${what} keeps nothing: no later entry counts, FSYNC=${fsync}`, async (t) => {
        const { replica, storage, path, failures } = await begun(t, fsync, `${temporary(t)}/d`);
        happens(path);
        append(replica, ['b']);
        await waitFor('it to be noticed', () => failures.length > 0);
        assert.equal(storage.journal.durableLength, 1, 'no ack was ever given');
        assert.match(failures[0] as string, reason);
        assert.equal(append(replica, ['c']), false);
        assert.equal(storage.journal.durableLength, 1);
        assert.equal(failures.length, 1, 'it is said once');
      });

      it(`that ${what} keeps no promise, epoch, cut or new log, FSYNC=${fsync}`, async (t) => {
        const steps: ((opened: Opened) => boolean)[] = [
          ({ storage }) => storage.journal.promise(SECOND),
          ({ storage }) => storage.journal.beginEpoch(SECOND),
          ({ storage }) => storage.journal.complete(),
          ({ replica }) => replica.cut(0),
          ({ replica }) => replica.begin('M'),
        ];
        for (const step of steps) {
          const opened = await begun(t, fsync, `${temporary(t)}/d`);
          happens(opened.path);
          assert.equal(step(opened), false);
          assert.match(opened.failures.join(), reason);
        }
      });
    }

    it(`that is replaced before it held anything is not written to, FSYNC=${fsync}`, async (t) => {
      const path = `${temporary(t)}/d`;
      const failures: string[] = [];
      const { storage, replica } = await open(path, {
        fsync,
        onFailed: ({ message }) => failures.push(message),
      });
      fs.renameSync(path, `${path}.old`);
      fs.mkdirSync(path);
      fs.writeFileSync(logPath(path), 'of somebody else');
      assert.equal(replica.begin('L'), false);
      assert.match(failures.join(), /d: was replaced by another directory/);
      assert.equal(fs.readFileSync(logPath(path), 'utf8'), 'of somebody else');
      await storage.close();
    });
  }

  it('is looked at once for all appends of a turn of the event loop with FSYNC=never', async (t) => {
    let looks = 0;
    const disk = diskWith({
      statSync: ((path: string) => {
        looks += 1;
        return fs.statSync(path);
      }) as typeof fs.statSync,
    });
    const { storage, replica } = await open(temporary(t), { disk });
    replica.begin('L');
    await new Promise((resolve) => setImmediate(resolve));
    const before = looks;
    for (let i = 0; i < 100; i += 1) append(replica, ['a']);
    assert.equal(looks - before, 1);
    await new Promise((resolve) => setImmediate(resolve));
    append(replica, ['a']);
    assert.equal(looks - before, 2);
    await storage.close();
  });

  it('may be on a file system that gives its open file another number', async (t) => {
    let shift = 0;
    const shifted = ({ dev, ino }: fs.Stats) => ({ dev, ino: ino + shift }) as fs.Stats;
    const disk = diskWith({
      statSync: ((path: string) => shifted(fs.statSync(path))) as typeof fs.statSync,
      fstatSync: ((fd: number) => shifted(fs.fstatSync(fd))) as typeof fs.fstatSync,
    });
    const { storage, replica } = await open(temporary(t), { disk });
    replica.begin('L');
    shift = 1;
    assert.ok(append(replica, ['a']));
    assert.equal(storage.journal.durableLength, 1);
    await storage.close();
  });

  it('that cannot be looked at keeps nothing', async (t) => {
    const failures: string[] = [];
    let isHidden = false;
    const disk = diskWith({
      statSync: ((path: string) => {
        if (isHidden) throw failure('EIO');
        return fs.statSync(path);
      }) as typeof fs.statSync,
    });
    const onFailed = ({ message }: Error) => failures.push(message);
    const { storage, replica } = await open(temporary(t), { disk, onFailed });
    replica.begin('L');
    isHidden = true;
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(append(replica, ['a']), false);
    assert.match(failures.join(), /log\.ndjson: .*\(EIO\)/);
    await storage.close();
  });
});
