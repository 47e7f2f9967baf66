import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { askMasterLength } from '../../../src/lib/replication/read-index-client.ts';
import { freePort } from '../../support/port.ts';

/** A master that answers with `answer`, and keeps what it was asked. */
async function serve(t: TestContext, answer: (res: http.ServerResponse) => void) {
  const asked: http.IncomingMessage[] = [];
  const server = http.createServer((req, res) => {
    asked.push(req);
    answer(res);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { asked, finder: finderOf(url) };
}

/** A member that knows of a master at this address; null for none. */
function finderOf(url: string | null) {
  const master = url === null ? null : { id: 'a', url, epoch: 1 };
  return { core: { masterAt: (now: number) => (now === 7 ? master : null) }, now: () => 7 };
}

const notLinearizable = (message: RegExp) => ({ problem: 'not-linearizable', message });

describe('askMasterLength', () => {
  it('gives the length that the master has confirmed', async (t) => {
    const { asked, finder } = await serve(t, (res) => res.end('{"length":42,"epoch":3}'));
    assert.equal(await askMasterLength(finder, 'sesame', 4000.7), 42);
    const [{ url, headers } = { url: '', headers: {} }] = asked;
    assert.equal(url, '/read-index?waitMs=4000');
    assert.equal(headers.authorization, 'Bearer sesame');
  });

  it('gives the master a moment, also where the client does not wait', async (t) => {
    const { asked, finder } = await serve(t, (res) => res.end('{"length":0}'));
    // The answer may come too late; how it was asked is what counts.
    await askMasterLength(finder, null, 0).catch(() => {});
    const [request] = asked;
    if (request === undefined) return;
    assert.equal(request.url, '/read-index?waitMs=1');
    assert.equal(request.headers.authorization, undefined);
  });

  it('takes any wait that a client may prefer', async (t) => {
    const { asked, finder } = await serve(t, (res) => res.end('{"length":1}'));
    for (const timeoutMs of [2 ** 31, 2 ** 32, 1e18]) {
      assert.equal(await askMasterLength(finder, null, timeoutMs), 1);
    }
    assert.deepEqual(new Set(asked.map(({ url }) => url)).size, 1);
    assert.equal(asked[0]?.url, '/read-index?waitMs=2147483647');
  });

  it('is refused where no master is known', async () => {
    const expected = notLinearizable(/^this node knows of no master$/);
    await assert.rejects(askMasterLength(finderOf(null), null, 1000), expected);
  });

  const nonsense = [
    '{}',
    '[]',
    'null',
    '',
    '{"length":-1}',
    '{"length":"1"}',
    '{"length":1.5}',
    '<',
  ];
  for (const text of nonsense) {
    it(`is refused if the master answers ${text || 'nothing'}`, async (t) => {
      const { finder } = await serve(t, (res) => res.end(text));
      const expected = notLinearizable(/^the master, a, has answered with nonsense$/);
      await assert.rejects(askMasterLength(finder, null, 10_000), expected);
    });
  }

  it('tells why the master refuses', async (t) => {
    const problem = { type: '/problems/not-master', detail: 'appends go to the master' };
    const { finder } = await serve(t, (res) => res.writeHead(421).end(JSON.stringify(problem)));
    await assert.rejects(
      askMasterLength(finder, null, 10_000),
      notLinearizable(/^the master, a, has not confirmed it: HTTP 421 not-master: appends go/),
    );
  });

  it('waits no longer than the client', async (t) => {
    const { finder } = await serve(t, () => {});
    const expected = notLinearizable(/^the master, a, has not confirmed it: no answer in time$/);
    await assert.rejects(askMasterLength(finder, null, 20), expected);
  });

  it('is refused if the master is gone', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    await assert.rejects(
      askMasterLength(finderOf(url), null, 10_000),
      notLinearizable(/^the master, a, has not confirmed it: .*ECONNREFUSED/),
    );
  });
});
