/** What a web page of another origin may send without asking first: a POST without a body, or with one that is no JSON. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { membershipRoutes } from '../../../src/lib/api/membership.ts';
import type { NodePort } from '../../../src/lib/api/ports.ts';
import { createServer } from '../../../src/lib/http/server.ts';
import { request } from '../../support/client.ts';

const ORIGIN = { origin: 'http://elsewhere.example' };

/** A master of a cluster without a token; returns its URL, and how often it was asked to hand over. */
async function serve(t: TestContext) {
  let asked = 0;
  const members = ['a', 'b'].map((id) => ({ id, url: `http://${id}:1` }));
  const port = {
    core: { role: 'master', members, masterAt: () => ({ ...members[0], epoch: 1 }) },
    now: () => 0,
    handOver: async () => {
      asked += 1;
      return { ...members[1], epoch: 2 };
    },
  } as unknown as NodePort;
  const logger = { debug: () => {}, error: (line: unknown) => assert.fail(String(line)) };
  const routes = membershipRoutes(port);
  const { server } = createServer({ routes, apiToken: null, clusterToken: null, logger });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());
  const { port: listening } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${listening}/handover`, asked: () => asked };
}

describe('POST /handover by a browser', () => {
  it('without a body is refused', async (t) => {
    const { url, asked } = await serve(t);
    const { status } = await request(url, { method: 'POST', headers: ORIGIN });
    assert.deepEqual([status, asked()], [415, 0]);
  });

  it('with text is refused', async (t) => {
    const { url, asked } = await serve(t);
    const headers = { ...ORIGIN, 'content-type': 'text/plain' };
    const { status } = await request(url, { method: 'POST', headers, body: '{"to":"b"}' });
    assert.deepEqual([status, asked()], [415, 0]);
  });

  it('with JSON is answered, as that of a program is without a body', async (t) => {
    const { url, asked } = await serve(t);
    const headers = { ...ORIGIN, 'content-type': 'application/json' };
    const byPage = await request(url, { method: 'POST', headers, body: '{"to":"b"}' });
    const byProgram = await request(url, { method: 'POST' });
    assert.deepEqual([byPage.status, byProgram.status, asked()], [200, 200, 2]);
  });
});
