import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { Dice } from '../lib/support.ts';
import type { ClientRun } from './clients.ts';
import type { ChaosCluster } from './cluster.ts';
import { Faults } from './faults.ts';
import type { RecoveryWatch } from './recoveries.ts';

/** A node whose link breaks for some requests; records the requests that it gets, in order. */
async function nodeThatMisses(
  t: TestContext,
  isMissed: (request: number) => 'lost' | 'unanswered' | null,
) {
  const taken: unknown[] = [];
  let requests = 0;
  const server = http.createServer((req, res) => {
    requests += 1;
    const missed = isMissed(requests);
    if (missed === 'lost') {
      req.socket.destroy();
      return;
    }
    req.setEncoding('utf8');
    let body = '';
    req.on('data', (piece: string) => {
      body += piece;
    });
    req.on('end', () => {
      taken.push(JSON.parse(body));
      if (missed === 'unanswered') req.socket.destroy();
      else res.end('{}');
    });
  });
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const cluster = { url: () => `http://127.0.0.1:${port}` } as unknown as ChaosCluster;
  const run = { history: { secondaries: ['s1'] } } as unknown as ClientRun;
  const faults = new Faults(cluster, run, {} as RecoveryWatch, new Dice(1));
  return { taken, fault: faults.injecting('s1') };
}

const NONE = { delayMs: 0, errorRate: 0, errorAfterApplyRate: 0 };

describe('injected faults', () => {
  it('end on a node that could not be reached when they were to end', async (t) => {
    const isMissed = (request: number) => (request > 1 && request < 5 ? 'lost' : null);
    const { taken, fault } = await nodeThatMisses(t, isMissed);
    assert.equal(await fault.begin(), true);
    await fault.end();
    assert.equal(taken.length, 2);
    assert.deepEqual(taken[1], NONE);
  });

  it('do not stay where they were taken and no answer came', async (t) => {
    const { taken, fault } = await nodeThatMisses(t, (request) =>
      request === 1 ? 'unanswered' : null,
    );
    assert.equal(await fault.begin(), false);
    assert.deepEqual(taken.at(-1), NONE);
  });
});
