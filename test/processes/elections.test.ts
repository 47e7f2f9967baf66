/** Members elect their master: the first start, a master that is killed, and what the others tell clients. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { append, health, messages, request } from '../support/client.ts';
import { allShow } from '../support/disk-cluster.ts';
import { ELECTION, Member, Members } from '../support/members.ts';
import { freePort } from '../support/port.ts';
import { waitFor } from '../support/wait.ts';
import { startCalmMembers } from './elections-support.ts';

const IDS = ['a', 'b', 'c'];

describe('the first start of members', () => {
  it('begins a log when all have answered, and not before', async (t) => {
    const path = mkdtempSync(join(tmpdir(), 'members-'));
    const ports = new Map<string, number>();
    for (const id of IDS) ports.set(id, await freePort());
    const MEMBERS = [...ports].map(([id, port]) => `${id}=http://127.0.0.1:${port}`).join(',');
    const list = IDS.map(
      (id) => new Member(id, ports.get(id) as number, join(path, id), { ...ELECTION, MEMBERS }),
    );
    t.after(async () => {
      await Promise.all(list.flatMap(({ runs }) => runs.map((run) => run.stop())));
      rmSync(path, { recursive: true, force: true });
    });
    const [a, b, c] = list as [Member, Member, Member];
    await Promise.all([a.start(), b.start()]);
    const isSaid = async () => {
      const refused = await append(a, { message: 'too early' });
      assert.deepEqual(
        [refused.status, refused.body.type],
        [503, '/problems/no-master'],
        'nothing is appended before all have answered',
      );
      assert.equal(refused.headers.get('retry-after'), '1');
      return /a log is begun when all members answer; c has not/.test(refused.body.detail);
    };
    await waitFor('a to say whom it waits for', isSaid);
    const before = await health(a);
    assert.deepEqual([before.logId, before.master, before.length], [null, null, 0]);
    assert.equal((await request(`${b.url}/readyz`)).status, 503);

    await c.start();
    const master = await new Members(list, {}).whole();
    assert.equal(master, a, 'one member alone begins a log');
    for (const member of list) {
      const { role, nodeId, master: known, members, epoch, length } = await health(member);
      assert.equal(role, member === a ? 'master' : 'secondary');
      assert.deepEqual([nodeId, epoch, length], [member.id, 1, 0]);
      assert.deepEqual(known, { id: 'a', url: a.url, epoch: 1 });
      assert.deepEqual(
        members,
        list.map(({ id, url }) => ({ id, url })),
      );
      assert.equal((await request(`${member.url}/readyz`)).status, 200);
      const forAppends = await request(`${member.url}/readyz?role=master`);
      assert.equal(forAppends.status, member === a ? 200 : 503);
    }
  });
});

describe('a master that is killed', () => {
  it('is replaced, and follows when it comes back', async (t) => {
    const members = await startCalmMembers(t);
    const old = await members.whole();
    const first = await append(old, { message: 'one' });
    assert.deepEqual([first.status, first.body.w, first.body.epoch], [201, 2, 1]);

    const killedAt = performance.now();
    await old.kill();
    const next = await members.master();
    t.diagnostic(`another master after ${Math.round(performance.now() - killedAt)} ms`);
    assert.notEqual(next, old);
    const second = await append(next, { message: 'two' });
    assert.deepEqual([second.status, second.body.seq], [201, 2]);
    assert(second.body.epoch > 1);
    const { members: all } = await health(next);
    assert.equal(all.length, 3, 'a lost member is still one');

    await old.start();
    assert.equal(await members.whole(), next, 'who comes back disturbs nobody');
    const { role, epoch } = await health(old);
    assert.deepEqual([role, epoch], ['secondary', second.body.epoch]);
    await allShow(members.list, 2);
    for (const member of members.list) assert.deepEqual(await messages(member), ['one', 'two']);
  });

  it('leaves a member alone that knows of no master, and takes no appends', async (t) => {
    const members = await startCalmMembers(t);
    const old = await members.whole();
    const [other, alone] = members.others(old) as [Member, Member];
    await append(old, { message: 'one' });
    await allShow([alone], 1);
    await Promise.all([old.kill(), other.kill()]);
    const refused = await waitFor('503 no-master', async () => {
      const answer = await append(alone, { message: 'x' });
      return answer.status === 503 && answer.body.type === '/problems/no-master' && answer;
    });
    assert.equal(refused.headers.get('retry-after'), '1');
    assert.equal((await request(`${alone.url}/readyz?role=master`)).status, 503);
    assert.deepEqual(await messages(alone), ['one'], 'it serves reads');
    const { reason } = await waitFor('a reason', async () => {
      const view = await health(alone);
      return view.reason !== undefined && view;
    });
    assert.match(reason, /1 of 2 required complete members have answered; not/);

    await old.start();
    const master = await members.master();
    assert.equal((await append(master, { message: 'two' })).body.seq, 2);
  });

  it('is named to clients by the others, and never by a redirect', async (t) => {
    const members = await startCalmMembers(t);
    const master = await members.whole();
    const { epoch } = await health(master);
    for (const other of members.others(master)) {
      const answer = await append(other, { message: 'x' });
      assert.deepEqual([answer.status, answer.body.type], [421, '/problems/not-master']);
      assert.deepEqual(answer.body.master, { id: master.id, url: master.url, epoch });
      assert.equal(answer.headers.get('location'), null);
    }
    assert.equal((await health(master)).length, 0);
  });
});
