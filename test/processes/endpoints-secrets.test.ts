/** Tokens and messages never appear in logs, in `/health` or in answers, whatever fails. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { append, messages, replicate, request } from '../support/client.ts';
import {
  FAST,
  NodeProcess,
  startCluster,
  startRecovered,
  startSecondary,
  stopAfter,
} from '../support/cluster.ts';
import { FakeSecondary } from '../support/fake-secondary.ts';
import { waitFor } from '../support/wait.ts';

const CLUSTER_TOKEN = 'the-token-of-the-cluster';
const API_TOKEN = 'the-token-of-the-clients';
const SECRET = 'what only readers may see';
const TOKENS = { CLUSTER_TOKEN, API_TOKEN, LOG_LEVEL: 'debug' };
const client = { authorization: `Bearer ${API_TOKEN}` };
const peer = { authorization: `Bearer ${CLUSTER_TOKEN}` };

/** Checks that neither the logs nor stderr of these nodes have a token or a message. */
function assertSilent(...nodes: NodeProcess[]): void {
  for (const node of nodes) {
    const said = `${JSON.stringify(node.log)}${node.stderr}`;
    assert(node.log.length > 0 || node.stderr !== '');
    for (const secret of [CLUSTER_TOKEN, API_TOKEN, SECRET, 'only readers']) {
      assert(!said.includes(secret), `'${secret}' in ${said}`);
    }
  }
}

describe('secrets', () => {
  it('are not in the logs of a cluster at level debug, also after failures', async (t) => {
    const { master, secondaries } = await startCluster(t, { master: TOKENS, secondary: TOKENS });
    const [s1] = secondaries as [NodeProcess];
    const key = { ...client, 'idempotency-key': 'key-of-a-client' };
    assert.equal((await append(master, { message: SECRET, w: 3 }, key)).status, 201);
    assert.equal((await append(master, { message: `${SECRET}!` }, key)).status, 422);
    assert.equal((await append(master, { message: SECRET, W: SECRET }, client)).status, 400);
    for (const url of [`${master.url}/messages`, `${s1.url}/heartbeat`, `${s1.url}/messages/1`]) {
      for (const authorization of [
        `Bearer ${API_TOKEN}x`,
        `Basic ${CLUSTER_TOKEN}`,
        `${API_TOKEN}`,
      ]) {
        const answer = await request(url, { headers: { authorization } });
        assert.equal(answer.status, 401);
        assert(!JSON.stringify(answer.body).includes('the-token-of'));
      }
    }
    // A client's token does not open endpoints of the cluster, nor the cluster's those of clients.
    assert.equal((await request(`${s1.url}/heartbeat`, { headers: client })).status, 401);
    assert.equal((await request(`${master.url}/messages`, { headers: peer })).status, 401);
    const frame = { logId: 'L', epoch: 1, from: 1, messages: [SECRET] };
    assert.equal((await replicate(s1, [frame], peer)).status, 409);
    assert.equal((await replicate(s1, [`{"logId":"${SECRET}`], peer)).status, 400);
    assert.equal((await replicate(s1, [frame], client)).status, 401);
    const broken = {
      method: 'POST',
      headers: { ...client, 'content-type': 'application/json' },
      body: `${SECRET}`,
    };
    assert.equal((await request(`${master.url}/messages`, broken)).status, 400);
    await s1.stop('SIGKILL');
    await waitFor('the failure to be logged', () => master.events('secondary-status').length > 2);
    await append(master, { message: SECRET, w: 1 }, client);
    await waitFor('a failed attempt', () => master.events('replication-failed').length > 0);
    assertSilent(master, ...secondaries);
  });

  it('are not told by a master whose peer tells what it was sent', async (t) => {
    const echo = (authorization: string | undefined, text: string) =>
      JSON.stringify({
        type: `/problems/${authorization}`,
        detail: `got ${authorization} ${text}`,
      });
    const fake = new FakeSecondary({
      heartbeat: (res) => res.writeHead(500).end(echo(res.req.headers.authorization, '')),
      frame: (_, res) => res.writeHead(500).end(echo(res.req.headers.authorization, '')),
    });
    await fake.listen(t);
    const environment = { ...FAST, ...TOKENS, QUORUM_APPEND: false, BACKOFF_MAX_MS: 50 };
    const master = await startRecovered([fake.port], environment);
    stopAfter(t, master);
    await append(master, { message: SECRET, w: 1 }, client);
    await waitFor('failures', () => master.events('replication-failed').length > 2);
    const { body } = await request(`${master.url}/health`);
    assert.match(body.secondaries[0].lastError, /HTTP 500/);
    assert(!JSON.stringify(body).includes(CLUSTER_TOKEN));
    assertSilent(master);
  });

  it('are not repeated to a master whose frames arrive broken', async (t) => {
    const node = await startSecondary({ LOG_LEVEL: 'debug' });
    stopAfter(t, node);
    const line = JSON.stringify({ logId: 'L', epoch: 1, from: 1, messages: [SECRET] });
    for (const broken of [line.slice(0, -5), line.replace('"what', 'what'), `${line}${SECRET}`]) {
      const answer = await replicate(node, [broken]);
      assert.equal(answer.status, 400);
      assert(!/what|readers/.test(JSON.stringify(answer.body)), answer.body.detail);
    }
    assert.deepEqual(await messages(node), []);
    assertSilent(node);
  });

  it('are not shown for a configuration that is wrong', async () => {
    const environments = [
      { CLUSTER_TOKEN: `${CLUSTER_TOKEN} with a space`, API_TOKEN: `${API_TOKEN}\n` },
      {
        CLUSTER_TOKEN: `${CLUSTER_TOKEN}é`,
        SECONDARIES: `http://user:${API_TOKEN}@127.0.0.1:9000`,
      },
      { API_TOKEN: `\u0001${API_TOKEN}`, PORT: 'x' },
    ];
    for (const environment of environments) {
      const node = new NodeProcess('master', environment);
      assert.equal(await node.exited(), 78);
      assert.match(node.stderr, /^configuration: /);
      assertSilent(node);
    }
  });

  it('have nothing to do with an address that is not of this machine: exit code 78', async () => {
    // An address for documentation (RFC 5737), which no machine has.
    const node = new NodeProcess('secondary', { HOST: '203.0.113.1', PORT: 0 });
    assert.equal(await node.exited(), 78);
    assert.match(node.stderr, /^configuration: HOST must be an address of this machine/);
  });
});
