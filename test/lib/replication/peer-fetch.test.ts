import assert from 'node:assert/strict';
import dns from 'node:dns';
import { once } from 'node:events';
import http from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import type { StreamFailure } from '../../../src/lib/core/replication/cluster.ts';
import { fetchLog } from '../../../src/lib/replication/fetch-client.ts';
import { askHeartbeat } from '../../../src/lib/replication/heartbeat-client.ts';
import { fetchPeer, PEER_NAMES, unresolved } from '../../../src/lib/replication/peer-fetch.ts';
import { ReplicationStream } from '../../../src/lib/replication/stream-client.ts';
import { DEADLINE_MS } from '../../support/wait.ts';

const HEARTBEAT = { nodeId: 'n', bootId: 'b', logId: null, epoch: 0, length: 0 };

/** The system's look-up: addresses by name; a name without any never resolves. */
function mockNames(t: TestContext, names: Record<string, readonly string[] | undefined>) {
  const asked: string[] = [];
  t.mock.method(dns.promises, 'lookup', (name: string) => {
    asked.push(name);
    const addresses = names[name];
    if (addresses === undefined) return new Promise(() => {});
    const family = (address: string) => (address.includes(':') ? 6 : 4);
    return Promise.resolve(addresses.map((address) => ({ address, family: family(address) })));
  });
  return asked;
}

/** A server at this address, and its port. */
async function serve(t: TestContext, host: string, port: number, onCall: http.RequestListener) {
  const server = http.createServer(onCall).listen(port, host);
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as { port: number }).port;
}

function answerHeartbeat(nodeId: string): http.RequestListener {
  return (_, res) => {
    res.end(JSON.stringify({ ...HEARTBEAT, nodeId }));
  };
}

const POLL = { prepare: null, bootId: null, completeFrom: null, committed: 0 };
const ask = (url: string, timeoutMs = DEADLINE_MS) => askHeartbeat(url, null, POLL, timeoutMs);
const nodeIdOf = (answer: object | string) => (answer as { nodeId?: string }).nodeId;

describe('a context to a peer by its name', () => {
  it('goes to the address that is known, with the name in Host; the name is looked up once', async (t) => {
    const asked = mockNames(t, { 'one.test': ['127.0.0.1'] });
    const hosts: (string | undefined)[] = [];
    const port = await serve(t, '127.0.0.1', 0, ({ headers }, res) => {
      hosts.push(headers.host);
      res.end('{}');
    });
    for (const _ of 'abc') {
      const signal = AbortSignal.timeout(DEADLINE_MS);
      await (await fetchPeer(`http://one.test:${port}/x`, { signal })).text();
    }
    assert.deepEqual(hosts, Array(3).fill(`one.test:${port}`));
    assert.deepEqual(asked, ['one.test']);
    await (await fetchPeer(`http://127.0.0.1:${port}/x`, {})).text();
    assert.equal(hosts[3], `127.0.0.1:${port}`);
    assert.equal(asked.length, 1, 'an address is none');
  });

  it('that never resolves costs other names nothing, and says so soon', async (t) => {
    mockNames(t, { 'well.test': ['127.0.0.1'] });
    const port = await serve(t, '127.0.0.1', 0, answerHeartbeat('well'));
    const hanging = Array.from({ length: 20 }, (_, i) => `http://hangs-${i}.test:${port}`);
    const lost = Promise.all(hanging.map((url) => ask(url, 200)));
    assert.equal(nodeIdOf(await ask(`http://well.test:${port}`)), 'well');
    for (const [i, answer] of (await lost).entries()) {
      const reason = `the name hangs-${i}.test did not resolve in time`;
      assert.deepEqual(
        answer,
        { reason, isDown: true },
        'no address is known that could be silent',
      );
    }
    const url = hanging[0] as string;
    assert.equal(unresolved(url)?.code, 'EAI_AGAIN');
    assert.equal(unresolved(`http://well.test:${port}`), null);
    assert.equal(unresolved(`http://127.0.0.1:${port}`), null);
    const failure = await new Promise<StreamFailure>((resolve) => {
      new ReplicationStream(url, null, { onAck: () => {}, onTaken: () => {}, onFailed: resolve });
    });
    assert.equal(failure.reason, 'the name hangs-0.test did not resolve in time');
    const fetched = await fetchLog(url, null, 1, DEADLINE_MS, () => true);
    assert.equal(fetched, 'the name hangs-0.test did not resolve in time');
  });

  it('goes on to the next address when the first one refuses', async (t) => {
    mockNames(t, { 'two.test': ['::1', '127.0.0.1'] });
    const port = await serve(t, '127.0.0.1', 0, answerHeartbeat('two'));
    assert.equal(nodeIdOf(await ask(`http://two.test:${port}`)), 'two');
  });

  it('follows the name to another address, also when the old one is silent', {
    skip: process.platform !== 'linux',
  }, async (t) => {
    const names: Record<string, string[]> = { 'moves.test': ['127.0.0.1'] };
    mockNames(t, names);
    let isSilent = false;
    const port = await serve(t, '127.0.0.1', 0, (req, res) => {
      if (!isSilent) answerHeartbeat('old')(req, res);
    });
    const url = `http://moves.test:${port}`;
    assert.equal(nodeIdOf(await ask(url)), 'old');
    isSilent = true;
    await serve(t, '127.0.0.2', port, answerHeartbeat('new'));
    names['moves.test'] = ['127.0.0.2'];
    // The first one may come too soon after the name was looked up.
    const end = performance.now() + DEADLINE_MS;
    let answer = await ask(url, 300);
    while ('reason' in answer && performance.now() < end) {
      assert.equal(answer.isDown, false, 'the old address swallows what is sent to it');
      answer = await ask(url, 300);
    }
    assert.equal(nodeIdOf(answer), 'new');
  });

  it('leaves the look-up of all other names, and of other families, to the system', async (t) => {
    mockNames(t, { 'six.test': ['127.0.0.1', '::1'] });
    await PEER_NAMES.find('six.test');
    await fetchPeer('http://six.test:9999/', { signal: AbortSignal.abort() }).catch(() => {});
    const lookup = promisify(
      (name: string, options: dns.LookupOptions, done: (...all: never[]) => void) =>
        (dns.lookup as (...args: unknown[]) => void)(name, options, done),
    );
    assert.equal(await lookup('six.test', {}), PEER_NAMES.known('six.test')[0]?.address);
    assert.equal(await lookup('six.test', { family: 6 }), '::1');
    assert.deepEqual(await lookup('six.test', { all: true, family: 4 }), [
      { address: '127.0.0.1', family: 4 },
    ]);
    assert.equal(await lookup('127.0.0.9', {}), '127.0.0.9');
    const [address] = await new Promise<unknown[]>((resolve, reject) => {
      dns.lookup('127.0.0.9', (error, ...found) => (error ? reject(error) : resolve(found)));
    });
    assert.equal(address, '127.0.0.9');
  });
});
