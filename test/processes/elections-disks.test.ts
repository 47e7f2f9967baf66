/** Members that lose their disks, and members that are configured with another list. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { describe, it } from 'node:test';
import { append, health, messages, request, setFaults } from '../support/client.ts';
import { NodeProcess } from '../support/cluster.ts';
import { allShow } from '../support/disk-cluster.ts';
import { ELECTION, type Member } from '../support/members.ts';
import { waitFor } from '../support/wait.ts';
import { startCalmMembers } from './elections-support.ts';

const TOKEN = 'the-token-of-members';

function wipe({ directory }: Member): void {
  rmSync(directory, { recursive: true });
}

function recover({ url }: Member, body: object) {
  return request(`${url}/recovery`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
    body: JSON.stringify(body),
  });
}

describe('a member whose disk was wiped', () => {
  it('is refilled and read, counts for no w until it is admitted, and counts then', async (t) => {
    // Nobody is elected in this test, however long a member is paused.
    const members = await startCalmMembers(t, { ELECTION_TIMEOUT_MS: 15_000 });
    const master = await members.whole();
    const [wiped, other] = members.others(master) as [Member, Member];
    assert.equal((await append(master, { messages: ['one', 'two'], w: 3 })).status, 201);
    await wiped.kill();
    wipe(wiped);
    other.pause();
    await wiped.start();
    await allShow([wiped], 2);
    assert.deepEqual(await messages(wiped), ['one', 'two'], 'it serves reads');
    assert.equal((await health(wiped)).complete, false);

    const now = await append(master, { message: 'three', w: 2 }, { prefer: 'wait=1' });
    assert.deepEqual([now.status, now.body.acked], [202, [master.id]]);
    await allShow([wiped], 3);
    assert(
      now.body.pending.includes(wiped.id),
      'it shows the entry, and may have forgotten a promise',
    );
    const waiting = append(master, { message: 'four', w: 3 });
    other.wake();
    assert.equal((await waiting).status, 201, 'all three count');
    await members.whole();
    const [admitted] = master.process.events('member-admitted').slice(-1);
    assert.equal(admitted?.secondary, wiped.id);

    other.pause();
    const last = await append(master, { message: 'five', w: 2 });
    assert.deepEqual([last.status, last.body.acked], [201, [master.id, wiped.id]]);
  });

  it('may lose the master next, once it was admitted', async (t) => {
    const members = await startCalmMembers(t);
    const old = await members.whole();
    const [wiped, other] = members.others(old) as [Member, Member];
    await append(old, { message: 'one', w: 3 });
    await wiped.kill();
    wipe(wiped);
    await wiped.start();
    await members.whole();
    await append(old, { message: 'two' });
    await old.kill();
    const next = await members.master();
    assert([wiped, other].includes(next));
    assert.equal((await append(next, { message: 'three' })).body.seq, 3);
    await allShow([wiped, other], 3);
    assert.deepEqual(await messages(wiped), ['one', 'two', 'three']);
  });
});

describe('POST /recovery', () => {
  it('takes over with who answers, when two disks of three are lost', async (t) => {
    const members = await startCalmMembers(t, { CLUSTER_TOKEN: TOKEN });
    const master = await members.whole();
    await append(master, { message: 'one', w: 3 });
    const withMaster = await recover(master, { acceptLoss: true });
    assert.deepEqual([withMaster.status, withMaster.body.type], [503, '/problems/not-recovered']);

    const [kept, ...lost] = members.list as [Member, Member, Member];
    await Promise.all(members.list.map((member) => member.kill()));
    for (const member of lost) wipe(member);
    // They are refilled slowly, and answer meanwhile: that is no reason to step down.
    const slow = { FAULT_DELAY_MS: 5000 };
    await Promise.all([kept.start(), ...lost.map((member) => member.start(slow))]);
    const isBlocked = async () => {
      const { role, reason = '' } = await health(kept);
      return role !== 'master' && /1 of 2 required complete members have answered/.test(reason);
    };
    await waitFor('the one that has the log to say whom it needs', isBlocked);
    assert.equal((await append(kept, { message: 'x' })).status, 503);
    for (const body of [{}, { acceptLoss: false }, { acceptLoss: 'true' }, { accept: true }]) {
      assert.equal((await recover(kept, body)).status, 400, JSON.stringify(body));
    }
    assert.equal((await health(kept)).master, null, 'a bad request changes nothing');

    const { status, body } = await recover(kept, { acceptLoss: true });
    assert.deepEqual([status, body.master], [200, kept.id]);
    const [line] = kept.process.events('loss-accepted');
    assert.equal(line?.level, 'error');
    assert.equal(await members.whole(), kept, 'the others are refilled and admitted');
    assert.deepEqual(kept.process.events('stepped-down'), []);
    await Promise.all(lost.map((member) => setFaults(member, { delayMs: 0 })));
    const after = await append(kept, { message: 'two', w: 3 });
    assert.deepEqual([after.status, after.body.epoch], [201, body.epoch]);
    for (const member of members.list) {
      assert.deepEqual(await messages(member), ['one', 'two'], member.id);
    }
    await kept.kill();
    assert.notEqual(await members.master(), kept, 'any one may be lost again');
  });
});

describe('another list of members', () => {
  const listOf = (members: readonly Member[]) =>
    members.map(({ id, url }) => `${id}=${url}`).join(',');

  it('than the one beside the log ends the start with 78, and both are named', async (t) => {
    const members = await startCalmMembers(t);
    const [a, ...others] = members.list as [Member, Member, Member];
    const kept = listOf(members.list);
    await a.kill();
    const startedWith = async (MEMBERS: string): Promise<string> => {
      const own = { NODE_ID: a.id, PORT: a.port, DATA_DIR: a.directory };
      const node = new NodeProcess('master', { ...ELECTION, ...own, MEMBERS });
      assert.equal(await node.exited(), 78, MEMBERS);
      return node.stderr;
    };
    for (const list of [`${kept},d=http://127.0.0.1:1234`, listOf([a, others[0] as Member])]) {
      const said = await startedWith(list);
      assert(said.includes(list) && said.includes(kept), said);
      assert.match(said, /^configuration: MEMBERS is /);
    }
    assert.match(await startedWith(''), /^configuration: MEMBERS is not set, but the log /);
    // The order of the list says nothing.
    await a.start({ MEMBERS: listOf([...others, a]) });
    await members.whole();
  });

  it('is refused: the node counts for nothing, and both sides say so', async (t) => {
    const members = await startCalmMembers(t, { CLUSTER_TOKEN: TOKEN });
    const master = await members.whole();
    const [stranger] = members.others(master) as [Member];
    await append(master, { message: 'one', w: 3 });
    await stranger.kill();
    wipe(stranger);
    await stranger.start({ MEMBERS: `${listOf(members.list)},d=http://127.0.0.1:1234` });
    const said = await waitFor('the master to say so', async () => {
      const { secondaries } = await health(master);
      const { lastError } = secondaries.find(({ id }: { id: string }) => id === stranger.id);
      return /members-mismatch/.test(lastError ?? '') && lastError;
    });
    t.diagnostic(said);
    await waitFor('the stranger to say so', () => stranger.process.events('members-mismatch')[0]);
    const { role, length, master: known } = await health(stranger);
    assert.deepEqual([role, length, known], ['secondary', 0, null]);
    const answer = await append(master, { message: 'two', w: 3 }, { prefer: 'wait=1' });
    assert.equal(answer.status, 202);
    assert(answer.body.pending.includes(stranger.id));
    assert.equal(stranger.process.events('members-mismatch').length, 1, 'it is told once');
  });
});
