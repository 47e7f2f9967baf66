/** `POST /handover` and `POST /recovery`: what they take, what they ask of the node, and what they answer. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { MasterFacts } from '../../../src/lib/core/node.ts';
import { type Served, serveRoutes } from './served-routes.ts';

const A = { id: 'a', url: 'http://a:1', epoch: 4 };
const B = { id: 'b', url: 'http://b:1', epoch: 5 };
const MEMBERS = [A, B].map(({ id, url }) => ({ id, url }));

interface Fake {
  readonly role?: 'master' | 'secondary';
  /** Whom it knows as the master. */
  readonly known?: MasterFacts | null;
  readonly outcome?: MasterFacts | string;
}

/** A member that keeps what it is asked for. */
function fakePort({ role = 'master', known = A, outcome = B }: Fake, asked: unknown[]): object {
  const answer = (what: unknown) => {
    asked.push(what);
    return Promise.resolve(outcome);
  };
  const notMaster = () =>
    known === null
      ? { kind: 'refused', problem: 'no-master', reason: 'nobody answers' }
      : { kind: 'refused', problem: 'not-master', master: known };
  return {
    core: { role, members: MEMBERS, notMaster, masterAt: () => known },
    now: () => 0,
    handOver: (to: string | null) => answer({ to }),
    acceptLoss: () => answer('acceptLoss'),
  };
}

async function post(
  t: TestContext,
  fake: Fake,
  path: string,
  body: string | null,
  headers: Record<string, string> = { 'content-type': 'application/json' },
): Promise<Served & { readonly asked: unknown[] }> {
  const asked: unknown[] = [];
  const ask = await serveRoutes(t, fakePort(fake, asked), () => Promise.resolve(0));
  const init = body === null ? { method: 'POST' } : { method: 'POST', headers, body };
  return { ...(await ask(path, init)), asked };
}

describe('POST /handover', () => {
  const handed: [what: string, body: string | null, to: string | null][] = [
    ['no body', null, null],
    ['an empty body', '', null],
    ['no fields', '{}', null],
    ['a member', '{"to":"b"}', 'b'],
  ];
  for (const [what, body, to] of handed) {
    it(`with ${what} hands over to ${to ?? 'whom the master chooses'}`, async (t) => {
      const answer = await post(t, {}, '/handover', body);
      assert.deepEqual([answer.status, answer.body], [200, { master: 'b', epoch: 5 }]);
      assert.deepEqual(answer.asked, [{ to }]);
    });
  }

  it('to the master itself changes nothing', async (t) => {
    const { status, body, asked } = await post(t, {}, '/handover', '{"to":"a"}');
    assert.deepEqual([status, body, asked], [200, { master: 'a', epoch: 4 }, []]);
  });

  it('that does not come about says why', async (t) => {
    const answer = await post(t, { outcome: 'b did not stand in time' }, '/handover', null);
    const { type, detail } = answer.body;
    assert.deepEqual([answer.status, type], [503, '/problems/handover-failed']);
    assert.equal(detail, 'b did not stand in time');
    assert.equal(answer.headers.get('retry-after'), '1');
  });

  const bad = ['{"to":"c"}', '{"to":null}', '{"to":1}', '{"to":["b"]}', '{"too":"b"}', '[]', '{'];
  for (const body of bad) {
    it(`refuses ${body}`, async (t) => {
      const { status, asked } = await post(t, {}, '/handover', body);
      assert.deepEqual([status, asked], [400, []]);
    });
  }

  it('refuses another media type, a body that is too large, and a query', async (t) => {
    const text = { 'content-type': 'text/plain' };
    assert.equal((await post(t, {}, '/handover', '{}', text)).status, 415);
    const large = JSON.stringify({ to: 'b'.repeat(20_000) });
    assert.equal((await post(t, {}, '/handover', large)).status, 413);
    assert.equal((await post(t, {}, '/handover?to=b', null)).status, 400);
  });

  it('at another member names the master, or says that there is none', async (t) => {
    const known = await post(t, { role: 'secondary', known: B }, '/handover', '{"to":"b"}');
    assert.deepEqual([known.status, known.body.type], [421, '/problems/not-master']);
    assert.deepEqual([known.body.master, known.asked], [B, []]);
    const none = await post(t, { role: 'secondary', known: null }, '/handover', null);
    assert.deepEqual([none.status, none.body.type], [503, '/problems/no-master']);
    assert.equal(none.body.reason, 'nobody answers');
  });
});

describe('POST /recovery', () => {
  it('takes over where the operator accepts the loss of messages', async (t) => {
    const fake: Fake = { role: 'secondary', known: null, outcome: A };
    const { status, body, asked } = await post(t, fake, '/recovery', '{"acceptLoss":true}');
    assert.deepEqual([status, body, asked], [200, { master: 'a', epoch: 4 }, ['acceptLoss']]);
  });

  it('that does not come about says why', async (t) => {
    const answer = await post(
      t,
      { outcome: 'there is a master: b' },
      '/recovery',
      '{"acceptLoss":true}',
    );
    assert.deepEqual([answer.status, answer.body.type], [503, '/problems/not-recovered']);
    assert.equal(answer.body.detail, 'there is a master: b');
  });

  const bad = ['', '{}', '{"acceptLoss":false}', '{"acceptLoss":1}', '{"acceptLoss":"true"}'];
  for (const body of [null, ...bad, '{"acceptLoss":true,"to":"b"}']) {
    it(`refuses ${body || 'no body'}`, async (t) => {
      const { status, asked } = await post(t, {}, '/recovery', body);
      assert.deepEqual([status, asked], [400, []]);
    });
  }
});
