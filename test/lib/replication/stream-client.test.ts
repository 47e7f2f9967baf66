import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ReplicationStream } from '../../../src/lib/replication/stream-client.ts';
import { FakeSecondary } from '../../support/fake-secondary.ts';
import { waitFor } from '../../support/wait.ts';

const LINE = [Buffer.from('{"logId":"L","epoch":1,"from":1,"messages":["a"]}\n')];

interface Told {
  readonly lengths: number[];
  readonly failures: string[];
  readonly staleBy: (number | null)[];
  readonly restarted: boolean[];
}

function open(
  fake: FakeSecondary,
  token: string | null = null,
): { stream: ReplicationStream; told: Told } {
  const told: Told = { lengths: [], failures: [], staleBy: [], restarted: [] };
  const stream = new ReplicationStream(`http://127.0.0.1:${fake.port}`, token, {
    onAck: ({ length }) => told.lengths.push(length),
    onTaken: () => {},
    onFailed: ({ reason, staleBy, isRestarted }) => {
      told.failures.push(reason);
      told.staleBy.push(staleBy);
      told.restarted.push(isRestarted);
    },
  });
  return { stream, told };
}

describe('ReplicationStream', () => {
  it('sends frames, reports acks, and closes without a failure', async (t) => {
    const fake = await new FakeSecondary({}).listen(t);
    const { stream, told } = open(fake);
    stream.send(LINE);
    await waitFor('the ack', () => told.lengths.length === 1);
    stream.close();
    stream.close();
    stream.send(LINE);
    await waitFor('the end of the body', () => fake.ended === 1);
    assert.deepEqual(told, { lengths: [1], failures: [], staleBy: [], restarted: [] });
    assert.equal(fake.frames.length, 1);
  });

  it('lets go of a secondary that does not end its answer', async (t) => {
    const fake = await new FakeSecondary({ end: () => {} }).listen(t);
    const { stream, told } = open(fake);
    stream.send(LINE);
    await waitFor('the ack', () => told.lengths.length === 1);
    stream.close();
    await waitFor('the connection to be closed', () => fake.closed === 1);
    assert.deepEqual(told.failures, []);
  });

  const refusals: [what: string, status: number, body: string, staleBy: number | null][] = [
    ['a newer master', 409, '{"type":"/problems/stale-epoch","detail":"x","epoch":7}', 7],
    ['one whose epoch it does not say', 409, '{"type":"/problems/stale-epoch","detail":"x"}', 0],
    ['one whose epoch is no number', 409, '{"type":"/problems/stale-epoch","epoch":"7"}', 0],
    ['what cannot be', 409, '{"type":"/problems/stale-epoch","epoch":281474976710657}', null],
    ['another reason', 409, '{"type":"/problems/gap","detail":"x","epoch":7}', null],
    ['what is no refusal', 500, '{"type":"/problems/stale-epoch","epoch":7}', null],
    ['what is no problem', 409, '<html>', null],
  ];
  for (const [what, status, body, staleBy] of refusals) {
    it(`tells of ${what} that it is refused for: stale by ${staleBy}`, async (t) => {
      const fake = new FakeSecondary({ frame: (_, res) => res.writeHead(status).end(body) });
      const { stream, told } = open(await fake.listen(t));
      stream.send(LINE);
      await waitFor('the failure', () => told.failures.length === 1);
      assert.deepEqual([told.staleBy, told.restarted], [[staleBy], [false]]);
    });
  }

  const boots: [what: string, status: number, body: string, isRestarted: boolean][] = [
    [
      'that it was for another incarnation',
      409,
      '{"type":"/problems/boot-mismatch","detail":"x"}',
      true,
    ],
    ['that with another status', 400, '{"type":"/problems/boot-mismatch","detail":"x"}', false],
    ['another problem', 409, '{"type":"/problems/log-mismatch","detail":"x"}', false],
  ];
  for (const [what, status, body, isRestarted] of boots) {
    it(`takes ${what} for ${isRestarted ? 'a' : 'no'} restart`, async (t) => {
      const fake = new FakeSecondary({ frame: (_, res) => res.writeHead(status).end(body) });
      const { stream, told } = open(await fake.listen(t));
      stream.send(LINE);
      await waitFor('the failure', () => told.failures.length === 1);
      assert.deepEqual([told.staleBy, told.restarted], [[null], [isRestarted]]);
    });
  }

  it('tells of its failure once, and of nothing after it was aborted', async (t) => {
    const fake = await new FakeSecondary({ frame: (_, res) => res.writeHead(500).end() }).listen(t);
    const failed = open(fake);
    failed.stream.send(LINE);
    await waitFor('the failure', () => failed.told.failures.length === 1);
    assert.match(failed.told.failures[0] as string, /^HTTP 500/);
    const dropped = open(fake);
    dropped.stream.send(LINE);
    dropped.stream.abort();
    failed.stream.send(LINE);
    await waitFor('the connections to be closed', () => fake.closed === fake.streams);
    assert.deepEqual(dropped.told.failures, []);
    assert.equal(failed.told.failures.length, 1);
  });

  it('takes blank lines without an end for no answer, and a token that comes back for none', async (t) => {
    const blank = await new FakeSecondary({
      frame: (_, res) => res.write('\n'.repeat(20_000)),
    }).listen(t);
    const drowned = open(blank);
    drowned.stream.send(LINE);
    await waitFor('the failure', () => drowned.told.failures.length === 1);
    assert.deepEqual(drowned.told.failures, ['the answer is not an ack']);
    const echo = await new FakeSecondary({
      frame: (_, res) =>
        res.writeHead(500).end('{"type":"x","detail":"got Bearer the-token, really"}'),
    }).listen(t);
    const echoed = open(echo, 'the-token');
    echoed.stream.send(LINE);
    await waitFor('the failure', () => echoed.told.failures.length === 1);
    assert.deepEqual(echoed.told.failures, ['HTTP 500 x: got Bearer <token>, really']);
  });
});
