/** Reads with `readConcern=linearizable`, and `GET /read-index`: when they are answered, and how they are refused. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { MasterLength } from '../../../src/lib/api/linearizable.ts';
import type { ReadEnd } from '../../../src/lib/core/concerns/read-barrier.ts';
import type { ConfirmEnd } from '../../../src/lib/core/concerns/read-index.ts';
import { Log } from '../../../src/lib/core/log/log.ts';
import { packMessages } from '../../../src/lib/core/log/messages.ts';
import type { Refusal } from '../../../src/lib/core/refusal.ts';
import { HttpProblem } from '../../../src/lib/http/problems.ts';
import { type Ask, serveRoutes } from './served-routes.ts';

type Role = 'master' | 'secondary';

/** A node of the messages A to E, of which A to C are committed at first. */
class FakePort {
  readonly core;
  /** Deadlines of the reads that were to be confirmed. */
  readonly asked: number[] = [];
  confirmation: ConfirmEnd | Refusal = 'confirmed';
  /** How a wait for what is shown ends, after this many more messages were committed. */
  committing: readonly [count: number, end: ReadEnd] = [1, 'holds'];
  #now = 100;

  constructor(role: Role) {
    const log = new Log();
    log.append(packMessages(['A', 'B', 'C', 'D', 'E']), { epoch: 1, writer: 'w' });
    const notMaster = (): Refusal => ({ kind: 'refused', problem: 'no-master', reason: null });
    const facts = { logId: 'L', logEpoch: 1, epoch: 1, length: 5, committed: 3 };
    const activeMaster = role === 'master' ? { log, holders: () => ({}) } : null;
    this.core = { ...facts, log, role, notMaster, activeMaster };
  }

  now(): number {
    return this.#now;
  }

  confirmRead(deadline: number, onEnd: (end: ConfirmEnd) => void): Refusal | (() => void) {
    this.asked.push(deadline - this.#now);
    const { confirmation } = this;
    if (typeof confirmation !== 'string') return confirmation;
    setImmediate(onEnd, confirmation);
    return () => {};
  }

  awaitShown(_seq: number, deadline: number, onEnd: (end: ReadEnd) => void): object {
    const [count, end] = this.committing;
    this.core.committed += count;
    if (end === 'time-is-up') this.#now = deadline;
    setImmediate(onEnd, end);
    return {};
  }

  cancelRead(): void {}
}

async function serve(
  t: TestContext,
  role: Role,
  masterLength: MasterLength | null = () => assert.fail('it asks nobody'),
): Promise<{ readonly port: FakePort; readonly ask: Ask }> {
  const port = new FakePort(role);
  return { port, ask: await serveRoutes(t, port, masterLength) };
}

const LIST = '/messages?readConcern=linearizable';
const problemOf = async (answer: ReturnType<Ask>) => {
  const { status, body } = await answer;
  return [status, body.type.replace('/problems/', '')];
};

describe('readConcern=linearizable on the master', () => {
  it('shows all that was there when the request came, once it is committed', async (t) => {
    const { port, ask } = await serve(t, 'master');
    const { status, body, headers } = await ask(LIST);
    assert.deepEqual([status, body], [200, ['A', 'B', 'C', 'D', 'E']]);
    assert.equal(headers.get('log-committed'), '5');
    assert.deepEqual(port.asked, [5000]);
  });

  it('holds for pages and single entries', async (t) => {
    const { ask } = await serve(t, 'master');
    assert.deepEqual((await ask(`${LIST}&from=4&limit=1`)).body, ['D']);
    assert.equal((await ask('/messages/5?readConcern=linearizable')).body.message, 'E');
    assert.equal((await ask('/messages/6?readConcern=linearizable')).status, 404);
  });

  it('waits as long as the client prefers', async (t) => {
    const { port, ask } = await serve(t, 'master');
    const { headers } = await ask(LIST, { headers: { prefer: 'wait=7' } });
    assert.equal(headers.get('preference-applied'), 'wait=7');
    assert.deepEqual(port.asked, [7000]);
  });

  const refusals: [end: ConfirmEnd | Refusal, status: number, problem: string][] = [
    ['time-is-up', 503, 'not-linearizable'],
    ['fenced', 503, 'not-linearizable'],
    ['stopping', 503, 'shutting-down'],
    [{ kind: 'refused', problem: 'recovering', reason: null }, 503, 'recovering'],
    [{ kind: 'refused', problem: 'fenced', epoch: 4 }, 503, 'fenced'],
    [{ kind: 'refused', problem: 'overloaded', limit: 9 }, 503, 'overloaded'],
  ];
  for (const [end, status, problem] of refusals) {
    it(`is refused with ${problem} after ${JSON.stringify(end)}`, async (t) => {
      const { port, ask } = await serve(t, 'master');
      port.confirmation = end;
      for (const path of [LIST, '/messages/1?readConcern=linearizable', '/read-index']) {
        assert.deepEqual(await problemOf(ask(path)), [status, problem], path);
      }
    });
  }

  it('is refused where what was there is not committed in time', async (t) => {
    const { port, ask } = await serve(t, 'master');
    port.committing = [1, 'time-is-up'];
    const { status, body } = await ask(LIST);
    assert.deepEqual([status, body.type], [503, '/problems/not-linearizable']);
    assert.match(body.detail, /knows 4 messages to be committed, not yet 5$/);
  });

  it('is refused where the node stops meanwhile', async (t) => {
    const { port, ask } = await serve(t, 'master');
    port.committing = [0, 'stopping'];
    assert.deepEqual(await problemOf(ask(LIST)), [503, 'shutting-down']);
  });
});

describe('readConcern=linearizable on another member', () => {
  it('shows what the master has confirmed, once it is committed here', async (t) => {
    const asked: number[] = [];
    const { port, ask } = await serve(t, 'secondary', (timeoutMs) => {
      asked.push(timeoutMs);
      return Promise.resolve(4);
    });
    const { body, headers } = await ask(LIST, { headers: { prefer: 'wait=2' } });
    assert.deepEqual(body, ['A', 'B', 'C', 'D']);
    assert.equal(headers.get('preference-applied'), 'wait=2');
    assert.equal((await ask('/messages/4?readConcern=linearizable')).body.message, 'D');
    assert.deepEqual([asked, port.asked], [[2000, 5000], []]);
  });

  it('is refused where the master does not confirm it', async (t) => {
    const refuse = () => Promise.reject(new HttpProblem('not-linearizable', 'no answer'));
    const { ask } = await serve(t, 'secondary', refuse);
    assert.deepEqual(await problemOf(ask(LIST)), [503, 'not-linearizable']);
  });
});

describe('readConcern=linearizable on a secondary for good', () => {
  it('is refused: it is for the master', async (t) => {
    const { ask } = await serve(t, 'secondary', null);
    const { status, body } = await ask(LIST);
    assert.deepEqual([status, body.type], [400, '/problems/bad-request']);
    assert.match(body.detail, /is for the master$/);
  });
});

describe('GET /read-index', () => {
  it('tells the length when the request came, and the epoch', async (t) => {
    const { port, ask } = await serve(t, 'master');
    assert.deepEqual((await ask('/read-index')).body, { length: 5, epoch: 1 });
    assert.equal((await ask('/read-index?waitMs=70')).status, 200);
    assert.deepEqual(port.asked, [5000, 70]);
  });

  it('refuses other waits and other parameters', async (t) => {
    const { ask } = await serve(t, 'master');
    for (const value of ['', '0', '-1', '1.5', 'x']) {
      const answer = await problemOf(ask(`/read-index?waitMs=${value}`));
      assert.deepEqual(answer, [400, 'bad-range'], value);
    }
    assert.deepEqual(await problemOf(ask('/read-index?wait=1')), [400, 'bad-request']);
  });

  it('is refused by another member', async (t) => {
    const { ask } = await serve(t, 'secondary');
    assert.deepEqual(await problemOf(ask('/read-index')), [503, 'no-master']);
  });
});
