/** Every answer of a member is as it is described: `request` holds each against the description. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { append, health, request } from '../support/client.ts';
import { type Member, type Members, startMembers } from '../support/members.ts';
import { waitFor } from '../support/wait.ts';

/** No election happens by itself, however busy the machine is. */
const CALM = { ELECTION_TIMEOUT_MS: 15_000 };
const JSON_TYPE = { 'content-type': 'application/json' };

function post(url: string, body: object) {
  return request(url, { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(body) });
}

async function startCalm(t: TestContext): Promise<Members> {
  // When all are told to stop at once, the master waits for a successor until the time-out.
  const started: Members[] = [];
  t.after(() => Promise.all(started.flatMap(({ list }) => list.map((member) => member.kill()))));
  const members = await startMembers(t, 3, CALM);
  started.push(members);
  return members;
}

describe('a member', () => {
  it('answers clients as described, in each role', async (t) => {
    const members = await startCalm(t);
    const master = await members.whole();
    const others = members.others(master) as [Member, Member];
    assert.equal((await append(master, { message: 'a' })).status, 201);
    for (const node of [master, ...others]) {
      const { members: list, master: known } = await health(node);
      assert.deepEqual([list.length, known.url], [3, master.url]);
      for (const path of ['/messages', '/messages/1']) {
        const { status, body } = await request(`${node.url}${path}?readConcern=linearizable`);
        assert.deepEqual([status, body.message ?? body], [200, path === '/messages' ? ['a'] : 'a']);
      }
      const ready = await request(`${node.url}/readyz?role=master`);
      assert.equal(ready.status, node === master ? 200 : 503);
      assert.equal((await request(`${node.url}/readyz`)).status, 200);
      assert.equal((await request(`${node.url}/readyz?role=secondary`)).status, 400);
    }
    const { status, body } = await append(others[0], { message: 'b' });
    assert.deepEqual(
      [status, body.type, body.master.url],
      [421, '/problems/not-master', master.url],
    );
  });

  it('answers operators and other members as described', async (t) => {
    const members = await startCalm(t);
    const master = await members.whole();
    const others = members.others(master) as [Member, Member];
    const [other] = others;
    const { nodeId, bootId } = await health(other);
    const confirmed = await request(`${master.url}/read-index?waitMs=5000`);
    assert.deepEqual([confirmed.status, confirmed.body.length], [200, 0]);
    assert.equal((await request(`${master.url}/read-index?waitMs=0`)).status, 400);
    assert.equal((await request(`${other.url}/read-index`)).status, 421);
    assert.equal((await post(`${other.url}/handover`, {})).status, 421);
    assert.equal((await post(`${master.url}/handover`, { to: 'd' })).status, 400);
    assert.equal((await post(`${other.url}/recovery`, {})).status, 400);
    const refused = await post(`${other.url}/recovery`, { acceptLoss: true });
    assert.deepEqual([refused.status, refused.body.type], [503, '/problems/not-recovered']);

    const { members: digest } = (await request(`${master.url}/heartbeat`)).body;
    const member = { 'member-id': nodeId, 'member-boot-id': bootId };
    const asks = { ...member, 'log-poll': 'true', 'log-candidate': 'true' };
    const poll = (list: string) =>
      request(`${master.url}/heartbeat`, { headers: { ...asks, 'log-members': list } });
    assert.deepEqual((await poll(digest)).body.master.id, (await health(master)).nodeId);
    const strange = await poll('another');
    assert.deepEqual([strange.status, strange.body.type], [409, '/problems/members-mismatch']);

    const moved = await post(`${master.url}/handover`, { to: nodeId });
    assert.deepEqual([moved.status, moved.body.master], [200, nodeId]);
    assert.equal((await request(`${other.url}/readyz?role=master`)).status, 200);
  });

  it('says as described that there is no master', async (t) => {
    const members = await startMembers(t);
    const master = await members.whole();
    const others = members.others(master) as [Member, Member];
    const [left, other] = others;
    // They hang, so that each attempt of a candidate takes a while.
    for (const node of [master, other]) node.pause();
    const seen = await waitFor('a candidate', async () => {
      const body = await health(left);
      return body.role === 'candidate' && body.reason !== undefined ? body : null;
    });
    assert.deepEqual([seen.status, seen.master], ['recovering', null]);
    const { status, body } = await append(left, { message: 'a' });
    assert.deepEqual([status, body.type], [503, '/problems/no-master']);
    const read = await request(`${left.url}/messages?readConcern=linearizable`);
    assert.deepEqual([read.status, read.body.type], [503, '/problems/not-linearizable']);
    const taken = await post(`${left.url}/recovery`, { acceptLoss: true });
    assert.equal(taken.status, 200);
    assert.equal(taken.body.master, seen.nodeId);
  });
});
