/** Request ids and traces, which join an answer with the logs of several nodes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { append, request } from '../support/client.ts';
import { type NodeProcess, startCluster, startMaster, stopAfter } from '../support/cluster.ts';
import { RawConnection } from '../support/raw.ts';
import { waitFor } from '../support/wait.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const traceparent = (flags: string) => `00-${TRACE}-00f067aa0ba902b7-${flags}`;

describe('request ids', () => {
  it('are in every problem, and in the lines of the log', async (t) => {
    const master = await startMaster([], { LOG_LEVEL: 'debug' });
    stopAfter(t, master);
    const first = await request(`${master.url}/nothing`);
    const second = await append(master, { message: 1 });
    for (const { headers, body } of [first, second]) {
      assert.equal(headers.get('x-request-id'), body.requestId);
    }
    assert.notEqual(first.body.requestId, second.body.requestId);
    const refused = () => master.events('request-refused').map(({ requestId }) => requestId);
    await waitFor('the lines', () => refused().length === 2);
    assert.deepEqual(refused(), [first.body.requestId, second.body.requestId]);
    const broken = new RawConnection(master.port).send('garbage\r\n\r\n');
    assert.match(await broken.closed(), /X-Request-Id: \S+\r\n.*"requestId":"/s);
    const good = await append(master, { message: 'a' });
    assert.equal(good.headers.get('x-request-id'), null);
    await waitFor('the append', () => master.events('append')[0]?.requestId !== undefined);
  });

  it('are those of the client, where it has one', async (t) => {
    const master = await startMaster([]);
    stopAfter(t, master);
    const ask = async (id: string) =>
      (await request(`${master.url}/nothing`, { headers: { 'x-request-id': id } })).body.requestId;
    assert.equal(await ask('mine-1'), 'mine-1');
    for (const id of ['with space', 'x'.repeat(129), '']) assert.notEqual(await ask(id), id);
  });
});

describe('traces', () => {
  it('lead from the append to the logs of the master and the secondaries', async (t) => {
    const { master, secondaries } = await startCluster(t);
    await append(master, { message: 'plain' });
    const parent = traceparent('01');
    const { seq } = (await append(master, { message: 'traced' }, { traceparent: parent })).body;
    const lineOf = (node: NodeProcess, event: string) =>
      waitFor(`${event} in the log`, () => node.events(event)[0]);
    const line = await lineOf(master, 'append');
    assert.deepEqual([line.seq, line.traceparent, line.level], [seq, parent, 'info']);
    for (const node of secondaries) {
      const received = await lineOf(node, 'entry-received');
      assert.deepEqual([received.seq, received.traceparent, received.shown], [seq, parent, true]);
      assert.equal(node.events('entry-received').length, 1);
    }
  });

  it('that nobody records, or that are none, are no lines at level info', async (t) => {
    const { master, secondaries } = await startCluster(t, { count: 1 });
    const zeros = `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`;
    for (const header of [
      traceparent('00'),
      'nonsense',
      zeros,
      `ff${traceparent('01').slice(2)}`,
    ]) {
      const answer = await append(master, { message: 'a' }, { traceparent: header });
      assert.equal(answer.status, 201, header);
    }
    await append(master, { message: 'b' }, { traceparent: traceparent('01') });
    await waitFor('the last', () => secondaries[0]?.events('entry-received').length === 1);
    assert.equal(master.events('append').length, 1);
  });
});
