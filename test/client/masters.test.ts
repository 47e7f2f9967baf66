/** How the client follows a master that is elected: by its id, at the URLs that it was given, to the newest epoch. */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { ReplicatedLogClient } from '../../src/client.ts';
import { waitFor } from '../support/wait.ts';
import { type FakeNode, fakeNode, json, problem, QUICK, RECEIPT } from './support.ts';

/** What a fake member says in `/health`, and how it answers an append. */
interface Fake {
  role?: string;
  status?: string;
  /** The id and epoch of the master that it names; null for none. */
  names: readonly [id: string, epoch: number] | null;
  onAppend?: (res: ServerResponse, index: number) => void;
  /** Answers `/health` only when this resolves. */
  healthAfter?: Promise<unknown>;
  /** Whether `/health` is never answered. */
  hangs?: boolean;
}

const MEMBERS = ['a', 'b', 'c'].map((id) => ({ id, url: `http://${id}.invalid:8080` }));

function masterOf(names: Fake['names']): object | null {
  return names && { id: names[0], url: `http://${names[0]}.invalid:8080`, epoch: names[1] };
}

/** The refusal of a member that is not the master, or knows of none. */
function refuse(res: ServerResponse, names: Fake['names']): void {
  if (names === null) {
    json(res, 503, problem(503, 'no-master', { reason: null }), { 'retry-after': '60' });
  } else json(res, 421, problem(421, 'not-master', { master: masterOf(names) }));
}

const accept = (res: ServerResponse) => json(res, 201, RECEIPT);

/** A member whose answers follow `fake`, which a test may change. */
function fakeMember(t: TestContext, id: string, fake: Fake): Promise<FakeNode> {
  let appends = 0;
  return fakeNode(t, async (res, { url, method }) => {
    const { role = 'secondary', status = 'ok', names } = fake;
    if (url === '/health') {
      await fake.healthAfter;
      if (fake.hangs) return;
      const body = { status, nodeId: id, role, master: masterOf(names), members: MEMBERS };
      const more = role === 'master' ? { secondaries: [] } : { held: 0 };
      json(res, 200, { ...body, epoch: names?.[1] ?? 0, length: 0, ...more });
    } else if (method === 'POST') {
      if (fake.onAppend !== undefined) fake.onAppend(res, appends++);
      else if (role === 'master') accept(res);
      else refuse(res, names);
    }
  });
}

function appendsAt({ seen }: FakeNode): string[] {
  return seen.filter(({ method }) => method === 'POST').map(({ headers }) => keyIn(headers));
}

function keyIn(headers: NodeJS.Dict<string | string[]>): string {
  return String(headers['idempotency-key']).replace(/"/g, '');
}

/** A client of fake members a, b, c, as far as they are given. */
async function clientOf(t: TestContext, fakes: Fake[], options = {}) {
  const ids = MEMBERS.map(({ id }) => id);
  const nodes = await Promise.all(fakes.map((fake, i) => fakeMember(t, ids[i] as string, fake)));
  const urls = nodes.map(({ url }) => url);
  // Also where a test fails, no call goes on.
  const end = new AbortController();
  t.after(() => end.abort());
  const { signal } = end;
  const client = new ReplicatedLogClient({ nodes: urls, signal, ...QUICK, ...options });
  return { client, nodes: nodes as [FakeNode, FakeNode, FakeNode] };
}

/** Members that follow b, of epoch 1. */
function followersOfB(): [Fake, Fake, Fake] {
  return [{ names: ['b', 1] }, { role: 'master', names: ['b', 1] }, { names: ['b', 1] }];
}

describe('a client of members', () => {
  it('finds the given node that has the id of the master', async (t) => {
    const { client, nodes } = await clientOf(t, followersOfB());
    await client.append('one');
    await client.append('two');
    assert.deepEqual(
      nodes.map((node) => appendsAt(node).length),
      [0, 2, 0],
    );
  });

  it('goes to the master that a refusal names, at once and under the same key', async (t) => {
    const fakes = followersOfB();
    const { client, nodes } = await clientOf(t, fakes);
    for (const { url } of nodes) await client.health(url);
    await client.append('one');
    Object.assign(fakes[1], { role: 'secondary', names: ['c', 2] });
    fakes[2].onAppend = accept;
    const asked = nodes.flatMap(({ seen }) => seen).length;
    await client.append('two', { key: 'k' });
    assert.deepEqual([appendsAt(nodes[1]).at(-1), appendsAt(nodes[2])], ['k', ['k']]);
    assert.equal(nodes.flatMap(({ seen }) => seen).length, asked + 2, 'without a search');
  });

  it('takes the URL of a refusal if it was given, and nobody has said who is there', async (t) => {
    const late = await fakeMember(t, 'c', { names: ['c', 2], hangs: true, onAppend: accept });
    const named = { id: 'c', url: `${late.url}/`, epoch: 2 };
    const first = await fakeMember(t, 'a', {
      role: 'master',
      names: ['a', 1],
      onAppend: (res) => json(res, 421, problem(421, 'not-master', { master: named })),
    });
    const client = new ReplicatedLogClient({ nodes: [first.url, late.url], ...QUICK });
    await client.append('one', { key: 'k' });
    assert.deepEqual([appendsAt(first), appendsAt(late)], [['k'], ['k']]);
  });

  it('takes the newest of two masters, though the older one answers first', async (t) => {
    const { promise, resolve } = deferred();
    const older: Fake = { role: 'master', names: ['a', 1] };
    const newer: Fake = { role: 'master', names: ['b', 2], healthAfter: promise };
    const { client, nodes } = await clientOf(t, [older, newer, { names: ['b', 2] }]);
    const appending = client.append('one');
    await waitFor('all to be asked', () => nodes.every(({ seen }) => seen.length === 1));
    resolve();
    await appending;
    assert.deepEqual([appendsAt(nodes[0]).length, appendsAt(nodes[1]).length], [0, 1]);
  });

  it('does not append where a node knows of a newer master', async (t) => {
    const older: Fake = { role: 'master', names: ['a', 1] };
    const newer: Fake = { names: ['b', 2], hangs: true };
    const { client, nodes } = await clientOf(t, [older, newer, { names: ['b', 2] }]);
    const appending = client.append('one');
    await waitFor('a second search', () => (nodes[0] as FakeNode).seen.length > 1);
    Object.assign(newer, { role: 'master', hangs: false });
    await appending;
    assert.deepEqual([appendsAt(nodes[0]).length, appendsAt(nodes[1]).length], [0, 1]);
  });

  it('does not wait for a member that does not answer', async (t) => {
    const [a, b, c] = followersOfB();
    const { client } = await clientOf(t, [{ ...a, hangs: true }, b, c], { timeoutMs: 60_000 });
    await client.append('one', { signal: AbortSignal.timeout(20_000) });
    // Nor for two: a cut-off client reaches the master alone.
    const hung = { ...a, hangs: true };
    const alone = await clientOf(t, [hung, b, hung], { timeoutMs: 60_000 });
    await alone.client.append('one', { signal: AbortSignal.timeout(20_000) });
  });

  it('goes on until there is a master, whatever the answers are meanwhile', async (t) => {
    const appended = { ...RECEIPT, appended: true };
    const retry = { 'retry-after': '60' };
    const answers: Record<string, (res: ServerResponse) => void> = {
      'no master': (res) => refuse(res, null),
      fenced: (res) => json(res, 503, problem(503, 'fenced', appended), retry),
      stopping: (res) => json(res, 503, problem(503, 'shutting-down', appended), retry),
      reset: (res) => res.socket?.resetAndDestroy(),
      silence: () => {},
    };
    for (const [name, answer] of Object.entries(answers)) {
      const fakes = followersOfB();
      const { client, nodes } = await clientOf(t, fakes);
      fakes[1].onAppend = (res) => {
        for (const fake of fakes) Object.assign(fake, { role: 'secondary', names: null });
        answer(res);
      };
      const appending = client.append('one', { key: 'k' });
      const searched = () => (nodes[0] as FakeNode).seen.length > 2;
      await waitFor(`a search after ${name}`, searched);
      for (const fake of fakes) fake.names = ['c', 2];
      fakes[2].role = 'master';
      const receipt = await appending;
      assert.deepEqual([name, receipt.key, appendsAt(nodes[2])], [name, 'k', ['k']]);
    }
  });

  it('does not go round between two that name each other', async (t) => {
    const fakes = followersOfB();
    const { client, nodes } = await clientOf(t, fakes, { backoffBaseMs: 20 });
    fakes[1].onAppend = (res) => refuse(res, ['c', 1]);
    fakes[2].onAppend = (res) => refuse(res, ['b', 1]);
    const appending = client.append('one', { signal: AbortSignal.timeout(20_000) });
    await waitFor('some appends', () => appendsAt(nodes[1]).length > 3);
    assert(appendsAt(nodes[2]).length <= 1, 'it searches in place of following');
    delete fakes[1].onAppend;
    await appending;
  });

  it('leaves a master that hangs when the others have another one', async (t) => {
    const fakes = followersOfB();
    // By its own time-out it would wait for a minute.
    const { client, nodes } = await clientOf(t, fakes, { timeoutMs: 60_000 });
    fakes[1].onAppend = () => {
      fakes[1].hangs = true;
      Object.assign(fakes[0], { role: 'master', names: ['a', 2] });
      fakes[2].names = ['a', 2];
    };
    const signal = AbortSignal.timeout(20_000);
    const texts = ['one', 'two', 'three'];
    await Promise.all(texts.map((text) => client.append(text, { key: text, signal })));
    assert.deepEqual(appendsAt(nodes[0]).sort(), [...texts].sort());
    const healthOf = ({ seen }: FakeNode) => seen.filter(({ url }) => url === '/health');
    assert(healthOf(nodes[2]).length < 6, 'all of them share the questions');
  });

  it('says so when the master is none of its nodes, but not at once', async (t) => {
    const strange: Fake = { names: ['z', 4] };
    const { client } = await clientOf(t, [strange, strange, strange]);
    const begin = performance.now();
    await assert.rejects(client.append('one'), {
      problem: 'not-master',
      status: 421,
      fields: { master: masterOf(['z', 4]) },
    });
    assert(performance.now() - begin >= 2 * QUICK.timeoutMs);
    const behind = await clientOf(t, [strange], { timeoutMs: 60_000 });
    const appending = behind.client.append('one', { signal: AbortSignal.timeout(20_000) });
    await waitFor('some refusals', () => appendsAt(behind.nodes[0]).length > 2);
    // As behind a load balancer that now goes to another one.
    strange.role = 'master';
    await appending;
  });

  it('fails at a refusal with 421 that names no master', async (t) => {
    const node = await fakeNode(t, (res) => json(res, 421, problem(421, 'not-master')));
    const client = new ReplicatedLogClient({ nodes: [node.url], ...QUICK });
    await assert.rejects(client.append('one'), { problem: 'not-master' });
  });

  it('tells the roles of members, the master and the members', async (t) => {
    const candidate: Fake = { role: 'candidate', status: 'recovering', names: null };
    const { client, nodes } = await clientOf(t, [candidate, ...followersOfB().slice(1)]);
    const [a, b, c] = await Promise.all(nodes.map(({ url }) => client.health(url)));
    assert(a?.role === 'candidate' && b?.role === 'master' && c?.role === 'secondary');
    assert.deepEqual([a.master, c.master?.id, c.master?.epoch], [null, 'b', 1]);
    assert.deepEqual([b.secondaries, b.members], [[], MEMBERS]);
  });
});

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
