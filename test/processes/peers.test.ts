import assert from 'node:assert/strict';
import { once } from 'node:events';
import http, { type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { append, health, messages, request } from '../support/client.ts';
import {
  FAST,
  type NodeProcess,
  startRecovered,
  startSecondary,
  stopAfter,
} from '../support/cluster.ts';
import { FakeSecondary, HONEST, type SeenFrame } from '../support/fake-secondary.ts';
import { waitFor } from '../support/wait.ts';

const ENVIRONMENT = {
  ...FAST,
  QUORUM_APPEND: false,
  REPLICATION_TIMEOUT_MS: 300,
  BACKOFF_MAX_MS: 200,
};

async function startWith(t: TestContext, fake: FakeSecondary): Promise<NodeProcess> {
  await fake.listen(t);
  const master = await startRecovered([fake.port], ENVIRONMENT);
  stopAfter(t, master);
  return master;
}

/** Invalid answers of a lying or broken secondary to a frame; each must count as no answer. */
const NO_ANSWERS: readonly [
  string,
  (res: ServerResponse, fake: FakeSecondary, frame: SeenFrame) => void,
][] = [
  ['another logId', (res, fake, frame) => fake.ack(res, frame, { logId: 'other', length: 1 })],
  ['another epoch', (res, fake, frame) => fake.ack(res, frame, { epoch: 0, length: 1 })],
  ['a length beyond the log', (res, fake, frame) => fake.ack(res, frame, { length: 99 })],
  ['a length as text', (res, fake, frame) => fake.ack(res, frame, { length: '1' })],
  ['a negative length', (res, fake, frame) => fake.ack(res, frame, { length: -1 })],
  ['no bootId', (res, fake, frame) => fake.ack(res, frame, { bootId: null, length: 1 })],
  ['a length that never moves', (res, fake, frame) => fake.ack(res, frame, { length: 0 })],
  ['200 with HTML', (res) => res.end('<html>ok</html>\n')],
  ['200 with a list', (res) => res.end('[1]\n')],
  ['200 with nothing', (res) => res.end()],
  ['500', (res) => res.writeHead(500).end('{"type":"/problems/x","detail":"y"}')],
  ['204', (res) => res.writeHead(204).end()],
  [
    'a redirect to a good node',
    (res) => res.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(),
  ],
  ['a reset', (res) => res.socket?.resetAndDestroy()],
  ['silence', () => {}],
  ['a line without an end', (res) => res.write('x'.repeat(100_000))],
];

describe('a master and a peer that is not what it should be', () => {
  it('takes all of these for no answer, retries, and goes on when the peer is good again', async (t) => {
    for (const [what, answer] of NO_ANSWERS) {
      const fake = new FakeSecondary({ frame: (frame, res) => answer(res, fake, frame) });
      const master = await startWith(t, fake);
      const pending = append(master, { message: 'm', w: 2 });
      await waitFor(`retries after ${what}`, () => fake.streams >= 3);
      assert.equal((await health(master)).secondaries[0].length, 0, what);
      assert.equal((await health(master)).waiting, 1, what);
      assert.equal((await append(master, { message: 'n', w: 1 })).status, 201, what);
      fake.behaviour = HONEST;
      const { status, body } = await pending;
      assert.equal(status, 201, what);
      assert.deepEqual(body.acked, ['master', 's1'], what);
      await master.stop();
    }
  });

  it('judges a peer whose heartbeats hang, stall or speak nonsense', async (t) => {
    const answers: [string, (res: ServerResponse) => void][] = [
      ['silence', () => {}],
      [
        'a body that stalls',
        (res) => res.writeHead(200, { 'content-length': 100 }).write('{"node'),
      ],
      ['HTML', (res) => res.end('<html>')],
      [
        'another log',
        (res) => res.end('{"nodeId":"f","bootId":"b","logId":"x","epoch":1,"length":0}'),
      ],
      [
        'a length beyond the log',
        (res) => res.end('{"nodeId":"f","bootId":"b","logId":null,"epoch":0,"length":5}'),
      ],
      ['an endless body', (res) => res.write('x'.repeat(100_000))],
    ];
    for (const [what, heartbeat] of answers) {
      const fake = new FakeSecondary({});
      const master = await startWith(t, fake);
      const status = async () => (await health(master)).secondaries[0].status;
      await waitFor('it to be Healthy', async () => (await status()) === 'Healthy');
      fake.behaviour = { ...HONEST, heartbeat };
      // Garbage, so that the collector runs: time-outs must survive that.
      const churn = async () => {
        await append(master, { message: 'x'.repeat(20_000), w: 1 });
        return (await status()) === 'Unhealthy';
      };
      await waitFor(`it to be Unhealthy after ${what}`, churn);
      fake.behaviour = HONEST;
      await waitFor(`it to be Healthy after ${what}`, async () => (await status()) === 'Healthy');
      await master.stop();
    }
  });

  it('sends everything again to a new incarnation that came back with less', async (t) => {
    const fake = new FakeSecondary({});
    const master = await startWith(t, fake);
    await append(master, { messages: ['a', 'b', 'c'] });
    fake.bootId = 'incarnation-2';
    fake.length = 1;
    await waitFor('the rest to be sent again', () => fake.length === 3);
    assert.equal(fake.frames.at(-1)?.from, 2);
  });

  it('learns of a lost ack by the next heartbeat', async (t) => {
    const fake = new FakeSecondary({
      frame: (frame, res) => {
        fake.length = frame.from + frame.messages.length - 1;
        [fake.logId, fake.epoch] = [frame.logId, frame.epoch];
        res.socket?.destroy();
      },
    });
    const master = await startWith(t, fake);
    assert.equal((await append(master, { message: 'm' })).status, 201);
  });

  it('does not ask a node ever faster whose incarnation keeps changing', async (t) => {
    let incarnations = 0;
    const fake = new FakeSecondary({
      heartbeat: (res) => {
        incarnations += 1;
        fake.bootId = `incarnation-${incarnations}`;
        res.end(JSON.stringify(fake.statement()));
      },
      frame: (_, res) => res.writeHead(500).end(),
    });
    const master = await startWith(t, fake);
    await append(master, { message: 'm', w: 1 });
    const begin = performance.now();
    const asked = fake.heartbeats;
    const failures = async () => (await health(master)).secondaries[0].failures;
    await waitFor('a row of failures', async () => (await failures()) >= 8);
    const intervals = (performance.now() - begin) / ENVIRONMENT.HEARTBEAT_INTERVAL_MS;
    // One heartbeat in each interval, and one more after the first failure in a row.
    assert(fake.heartbeats - asked <= intervals + 3, `${fake.heartbeats - asked} heartbeats`);
  });

  it('counts one node once, whatever names it goes by', async (t) => {
    const s1 = await startSecondary({ NODE_ID: 's1' });
    const master = await startRecovered([], {
      ...ENVIRONMENT,
      SECONDARIES: `a=http://127.0.0.1:${s1.port},b=http://localhost:${s1.port}`,
    });
    stopAfter(t, master, s1);
    await waitFor('it to have recovered, with one of them', async () => {
      const { status, quorum } = await health(master);
      return status === 'degraded' && quorum.available === 2;
    });
    assert.equal((await append(master, { message: 'm', w: 2 })).status, 201);
    const all = await append(master, { message: 'n', w: 3 }, { prefer: 'wait=1' });
    assert.equal(all.status, 202);
    assert.equal(all.body.acked.length, 2);
    const errors = (await health(master)).secondaries.map(
      ({ lastError }: { lastError: string }) => lastError,
    );
    assert.match(String(errors), /the same node as/);
    assert.deepEqual(await messages(s1), ['m', 'n']);
  });

  it('sends the cluster token to its peers', async (t) => {
    const token = 'a-secret-of-ours-16';
    const s1 = await startSecondary({ NODE_ID: 's1', CLUSTER_TOKEN: token });
    const stranger = await startRecovered([s1.port], ENVIRONMENT);
    const master = await startRecovered([s1.port], { ...ENVIRONMENT, CLUSTER_TOKEN: token });
    stopAfter(t, stranger, master, s1);
    assert.equal((await append(master, { message: 'm' })).status, 201);
    const refused = await append(stranger, { message: 'x' }, { prefer: 'wait=1' });
    assert.equal(refused.status, 202);
    const { secondaries } = await health(stranger);
    assert.match(secondaries[0].lastError, /HTTP 401/);
    assert.equal((await request(`${stranger.url}/messages/1`)).body.acked.length, 1);
  });
});

/** A proxy in front of a node that passes a request on when it has its whole body; its port. */
async function bufferingProxy(t: TestContext, port: number): Promise<number> {
  const proxy = http.createServer((req, res) => {
    const chunks: Uint8Array[] = [];
    req.on('data', (chunk) => chunks.push(chunk));
    req.on('error', () => {});
    req.on('end', () => {
      const { method = 'GET', url: path = '/', headers } = req;
      delete headers['transfer-encoding'];
      const to = http.request({ port, host: '127.0.0.1', method, path, headers }, (answer) => {
        res.writeHead(answer.statusCode as number, answer.headers);
        answer.pipe(res);
      });
      to.on('error', () => res.destroy());
      to.end(Buffer.concat(chunks));
    });
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => {
    proxy.close();
    proxy.closeAllConnections();
  });
  return (proxy.address() as AddressInfo).port;
}

describe('a proxy in front of a secondary that buffers request bodies', () => {
  it('is told in lastError, and once in the log', async (t) => {
    const s1 = await startSecondary({ NODE_ID: 's1' });
    const proxy = await bufferingProxy(t, s1.port);
    const master = await startRecovered([proxy], ENVIRONMENT);
    stopAfter(t, master, s1);
    assert.equal((await append(master, { message: 'm', w: 1 })).status, 201);
    const told = await waitFor('it to be told', async () => {
      const [first] = (await health(master)).secondaries;
      return /does a proxy buffer request bodies/.test(first.lastError ?? '') && first;
    });
    assert.equal(told.status, 'Healthy');
    await waitFor(
      'another failure',
      async () => (await health(master)).secondaries[0].failures > 2,
    );
    const warnings = master.events('frames-not-answered');
    assert.equal(warnings.length, 1);
    assert.equal(warnings[0]?.level, 'warn');
    assert.match(warnings[0]?.reason as string, /does a proxy buffer request bodies/);
    assert.deepEqual(await messages(s1), []);
  });
});
