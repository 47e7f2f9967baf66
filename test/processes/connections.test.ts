import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { TCP_KEEP_ALIVE_MS } from '../../src/lib/http/limits.ts';
import { health, messages } from '../support/client.ts';
import { type NodeProcess, startDegraded } from '../support/cluster.ts';
import { RawConnection, rawAppend } from '../support/raw.ts';
import { waitFor } from '../support/wait.ts';

const isBun = process.env.RUNTIME?.includes('bun') ?? false;

/** The timer of a connection, as Linux reports it: its kind (2: keep-alive), and how many ms are left. */
function timerOf(localPort: number, remotePort: number): { kind: number; leftMs: number } | null {
  const port = (address = '') => Number.parseInt(address.slice(-4), 16);
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)) {
    const [, local, remote, , , timer = ''] = line.trim().split(/\s+/);
    if (port(local) !== localPort || port(remote) !== remotePort) continue;
    const [kind = '', ticks = ''] = timer.split(':');
    return { kind: Number.parseInt(kind, 16), leftMs: Number.parseInt(ticks, 16) * 10 };
  }
  return null;
}

function open(t: TestContext, node: NodeProcess): RawConnection {
  const connection = new RawConnection(node.port);
  t.after(() => connection.destroy());
  return connection;
}

describe('connections that do not behave', () => {
  it('get the answer to a whole request before what follows it is refused', async (t) => {
    const { master, startSecond } = await startDegraded(t);
    const surplus = open(t, master).send(`${rawAppend({ message: 'a', w: 1 })}}`);
    const answer = await surplus.closed();
    assert.match(answer, /^HTTP\/1.1 201 /);
    const waiting = open(t, master).send(rawAppend({ message: 'b', w: 3 }));
    await waitFor('it to wait', async () => (await health(master)).waiting === 1);
    waiting.send('garbage\r\n\r\n');
    await startSecond();
    assert.match(await waiting.closed(), /^HTTP\/1.1 201 /);
    assert.deepEqual(await messages(master), ['a', 'b']);
  });

  it('get problems for what is no HTTP', async (t) => {
    const { master } = await startDegraded(t);
    const cases: [string, RegExp][] = [
      ['garbage\r\n\r\n', /^HTTP\/1.1 400 .*application\/problem\+json/s],
      ['GET /livez HTTP/1.1\r\n\r\n', /^HTTP\/1.1 400 .*Host header/s],
      [
        `GET /livez HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
        /^HTTP\/1.1 431 .*headers-too-large/s,
      ],
    ];
    for (const [bytes, expected] of cases) {
      assert.match(await open(t, master).send(bytes).closed(), expected);
    }
    const expecting = open(t, master);
    expecting.send('GET /livez HTTP/1.1\r\nHost: x\r\nExpect: more\r\n\r\n');
    assert.match(await expecting.until('expectation-failed'), /^HTTP\/1.1 417 /);
    const absolute = open(t, master).send('GET http://x/livez HTTP/1.1\r\nHost: x\r\n\r\n');
    assert.match(await absolute.until('{"status":"ok"}'), /^HTTP\/1.1 200 /);
  });

  it('stop waiting when they are gone, also behind another request', async (t) => {
    const { master } = await startDegraded(t);
    const connection = open(t, master);
    for (const text of ['a', 'b', 'c']) connection.send(rawAppend({ message: text, w: 3 }));
    await waitFor('three to wait', async () => (await health(master)).waiting === 3);
    connection.destroy();
    await waitFor('nobody to wait', async () => (await health(master)).waiting === 0);
    assert.deepEqual(await messages(master), ['a', 'b', 'c']);
  });

  it('are asked whether they are still there', {
    skip: isBun || process.platform !== 'linux',
  }, async (t) => {
    const { master } = await startDegraded(t);
    const connection = open(t, master).send(rawAppend({ message: 'a', w: 3 }));
    await waitFor('it to wait', async () => (await health(master)).waiting === 1);
    const timer = await waitFor('all to be acknowledged', () => {
      const told = timerOf(master.port, connection.localPort);
      return told?.kind === 1 ? null : told;
    });
    assert.equal(timer.kind, 2, 'by TCP keep-alive');
    // Ten times, a second apart.
    assert(timer.leftMs <= TCP_KEEP_ALIVE_MS && TCP_KEEP_ALIVE_MS + 10_000 < 180_000);
  });

  it('stop waiting once, also when an earlier request of theirs was answered', async (t) => {
    const { master } = await startDegraded(t);
    const connection = open(t, master).send(rawAppend({ message: 'a', w: 1 }));
    await connection.until('"pending"');
    connection.send(rawAppend({ message: 'b', w: 3 }));
    const other = open(t, master).send(rawAppend({ message: 'c', w: 3 }));
    await waitFor('two to wait', async () => (await health(master)).waiting === 2);
    connection.destroy();
    await waitFor('one to stop', async () => (await health(master)).waiting < 2);
    assert.equal((await health(master)).waiting, 1, 'the other one still waits');
    other.destroy();
    await waitFor('nobody to wait', async () => (await health(master)).waiting === 0);
  });

  it('are ended when they promise a body that never comes', async (t) => {
    const { master } = await startDegraded(t);
    const connection = open(t, master);
    connection.send('POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n');
    assert.match(await connection.until('/problems/not-found'), /^HTTP\/1.1 404 /);
    await connection.closed();
  });
});
