import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { Applier } from '../../../src/lib/core/log/apply.ts';
import { Replica } from '../../../src/lib/core/log/replica.ts';
import type { Frame } from '../../../src/lib/core/protocol.ts';
import { fetchLog } from '../../../src/lib/replication/fetch-client.ts';
import { FakeSecondary } from '../../support/fake-secondary.ts';
import { freePort } from '../../support/port.ts';
import { waitFor } from '../../support/wait.ts';
import { Dice, messagesOf, seeds } from '../support.ts';
import { serveSecondary } from './secondary-server.ts';

/** Long enough for a busy machine, though a test has to wait for it. */
const QUIET_MS = 1500;
const NOTHING_CAME = /^nothing came in time$/;
const line = (from: number, ...messages: string[]) =>
  `${JSON.stringify({ logId: 'L', epoch: 1, from, messages })}\n`;

/** A secondary whose log is what the test writes. */
async function serve(t: TestContext, fetch: (res: ServerResponse, from: number) => void) {
  const fake = await new FakeSecondary({ fetch }).listen(t);
  return `http://127.0.0.1:${fake.port}`;
}

/** Fetches the log; returns the outcome and the first seqs of the frames. */
async function fetchAll(
  url: string,
  from = 1,
  quietMs = 10_000,
): Promise<[string | null, number[]]> {
  const froms: number[] = [];
  const outcome = await fetchLog(url, null, from, quietMs, (frame) => {
    froms.push(frame.from);
    return true;
  });
  return [outcome, froms];
}

describe('fetchLog', () => {
  it('passes on every frame of a log, from where it was asked', async (t) => {
    const url = await serve(t, (res, from) => {
      res.end(line(from, 'a') + line(from + 1, 'b') + line(from + 2, 'c').trim());
    });
    assert.deepEqual(await fetchAll(url, 5), [null, [5, 6, 7]], 'also the last, without a newline');
  });

  it('does not take the time that frames need here for silence of the other side', async (t) => {
    const url = await serve(t, (res, from) => {
      res.write(line(from, 'a'));
      // In a packet of its own, which waits while the first is processed.
      setTimeout(() => res.end(line(from + 1, 'b')), 20);
    });
    const froms: number[] = [];
    const outcome = await fetchLog(url, null, 1, QUIET_MS, ({ from }) => {
      const until = performance.now() + (from === 1 ? QUIET_MS + 100 : 0);
      while (performance.now() < until);
      return froms.push(from) > 0;
    });
    assert.deepEqual([outcome, froms], [null, [1, 2]]);
  });

  it('stops when nobody wants more, and lets the connection go', async (t) => {
    let isClosed = false;
    const url = await serve(t, (res) => {
      res.write(line(1, 'a') + line(2, 'b'));
      res.on('close', () => {
        isClosed = true;
      });
    });
    const froms: number[] = [];
    const outcome = await fetchLog(url, null, 1, 60_000, ({ from }) => froms.push(from) < 1);
    assert.deepEqual([outcome, froms], [null, [1]]);
    await waitFor('the connection to be closed', () => isClosed);
  });

  const broken: [
    what: string,
    fetch: (res: ServerResponse) => void,
    reason: RegExp,
    count: number,
  ][] = [
    ['404', (res) => res.writeHead(404).end(), /^HTTP 404$/, 0],
    [
      'a problem',
      (res) => res.writeHead(409).end('{"type":"/problems/x","detail":"why"}'),
      /^HTTP 409 x: why$/,
      0,
    ],
    ['204', (res) => res.writeHead(204).end(), /^HTTP 204$/, 0],
    ['HTML', (res) => res.end('<html>\n'), /not valid JSON/, 0],
    ['no frame', (res) => res.end(`${line(1, 'a')}{}\n`), /'logId' must be/, 1],
    [
      'a torn last line',
      (res) => res.end(line(1, 'a') + line(2, 'b').slice(0, 20)),
      /not valid JSON/,
      1,
    ],
    [
      'a connection that breaks',
      (res) => res.write(line(1, 'a'), () => setImmediate(() => res.destroy())),
      /./,
      1,
    ],
    ['a redirect', (res) => res.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(), /./, 0],
    ['silence', () => {}, NOTHING_CAME, 0],
    ['headers and silence', (res) => res.writeHead(200).flushHeaders(), NOTHING_CAME, 0],
    ['a frame and silence', (res) => res.write(line(1, 'a')), NOTHING_CAME, 1],
    ['a refusal that stalls', (res) => res.writeHead(500).write('{'), NOTHING_CAME, 0],
  ];
  for (const [what, fetch, reason, count] of broken) {
    it(`takes ${what} for a log that is not complete`, async (t) => {
      const quietMs = reason === NOTHING_CAME ? QUIET_MS : 10_000;
      const [outcome, froms] = await fetchAll(await serve(t, fetch), 1, quietMs);
      assert.match(outcome as string, reason);
      assert.equal(froms.length, count);
    });
  }

  it('takes a refused connection for the same', async () => {
    const [outcome] = await fetchAll(`http://127.0.0.1:${await freePort()}`);
    assert.match(outcome as string, /ECONNREFUSED|[Cc]onnect/);
  });

  it('has patience with a log that comes slowly, as long as something comes', async (t) => {
    const url = await serve(t, (res) => {
      let seq = 0;
      const timer = setInterval(() => {
        seq += 1;
        res.write(line(seq, 'a'));
        if (seq < 8) return;
        clearInterval(timer);
        res.end();
      }, QUIET_MS / 6);
    });
    assert.deepEqual(await fetchAll(url, 1, QUIET_MS), [null, [1, 2, 3, 4, 5, 6, 7, 8]]);
  });

  it('sends the cluster token', async (t) => {
    const token = 'a-secret-of-ours-16';
    const node = await serveSecondary(t, { clusterToken: token });
    node.feed(1, 1, ['a']);
    const fetchAs = (one: string | null) => fetchLog(node.url, one, 1, 10_000, () => true);
    assert.match((await fetchAs(null)) as string, /^HTTP 401 unauthorized/);
    assert.equal(await fetchAs(token), null);
  });

  it('brings over the very log that the secondary has, keys and epochs included, 30 times', async (t) => {
    for (const seed of seeds(30)) {
      const dice = new Dice(seed);
      const node = await serveSecondary(t);
      let epoch = 0;
      for (let run = dice.integer(1, 5); run > 0; run -= 1) {
        epoch += dice.integer(1, 3);
        const texts = dice.list(dice.integer(1, 30), () => dice.text(8));
        const from = node.core.log.length + 1;
        const keyed = dice.integer(0, texts.length);
        const keys = texts.slice(keyed).map((_, i) => [from + keyed + i, `k${run}`] as const);
        node.feed(epoch, from, texts, { keys });
      }
      const replica = new Replica();
      const applier = new Applier(replica, node.core.bootId, () => {});
      const frames: Frame[] = [];
      const outcome = await fetchLog(node.url, null, 1, 10_000, (frame) => {
        frames.push(frame);
        return applier.take(frame) === null;
      });
      assert.equal(outcome, null);
      const { core } = node;
      assert.deepEqual(messagesOf(replica.log), messagesOf(core.log));
      assert.deepEqual(replica.log.epochs, core.log.epochs);
      assert.deepEqual(replica.keys.within(1, 1000), core.keys.within(1, 1000));
    }
  });
});
