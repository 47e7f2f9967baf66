/** A master hands over to another member: by `POST /handover`, and when it is told to stop. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { append, health, messages, request } from '../support/client.ts';
import { allShow } from '../support/disk-cluster.ts';
import type { Member } from '../support/members.ts';
import { waitFor } from '../support/wait.ts';
import { startCalmMembers } from './elections-support.ts';

const TOKEN = 'the-token-of-members';

describe('POST /handover', () => {
  it('makes the member that it names the master, and loses nothing', async (t) => {
    const members = await startCalmMembers(t, { CLUSTER_TOKEN: TOKEN });
    const old = await members.whole();
    const [, target] = members.others(old) as [Member, Member];
    const before = await Promise.all(
      Array.from({ length: 20 }, (_, at) => append(old, { message: `m${at}` })),
    );
    assert(before.every(({ status }) => status === 201));
    const beganAt = performance.now();
    const { status, body } = await members.handOver(old, target);
    t.diagnostic(`handed over in ${Math.round(performance.now() - beganAt)} ms`);
    assert.deepEqual([status, body.master], [200, target.id]);
    assert(body.epoch > 1);
    assert.equal(await members.master(), target);
    const after = await append(target, { message: 'after' });
    assert.deepEqual([after.status, after.body.seq, after.body.epoch], [201, 21, body.epoch]);

    // None is named: somebody else takes over. The master itself is named: nothing happens.
    const again = await members.handOver(target);
    assert.equal(again.status, 200);
    const third = await members.master();
    assert.equal(third.id, again.body.master);
    assert(again.body.epoch > body.epoch);
    assert.notEqual(third, target);
    const same = await members.handOver(third, third);
    assert.deepEqual([same.status, same.body], [200, again.body]);
    await allShow(members.list, 21);
    for (const member of members.list) {
      assert.deepEqual(await messages(member), await messages(third), member.id);
      assert.equal((await health(member)).discarded, 0);
    }
  });

  it('refuses unknown members, strangers, and other nodes than the master', async (t) => {
    const members = await startCalmMembers(t, { CLUSTER_TOKEN: TOKEN });
    const master = await members.whole();
    const ask = (member: Member, body: object, token = TOKEN) =>
      request(`${member.url}/handover`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify(body),
      });
    for (const to of ['d', '', 7, null]) {
      const { status, body } = await ask(master, { to });
      assert.deepEqual([status, body.type], [400, '/problems/bad-request'], `to: ${to}`);
      assert.match(body.detail, /a, b, c/);
    }
    assert.equal((await ask(master, { too: 'b' })).status, 400);
    assert.equal((await ask(master, {}, 'another-token-than-that')).status, 401);
    const [other] = members.others(master) as [Member];
    const { status, body } = await ask(other, {});
    assert.deepEqual([status, body.master.id], [421, master.id]);
    assert.equal((await health(master)).epoch, 1, 'nothing has changed');
  });

  it('fails when the member that it names hangs; appends wait meanwhile, and are made', async (t) => {
    const members = await startCalmMembers(t);
    const master = await members.whole();
    const [target] = members.others(master) as [Member];
    target.pause();
    let overAt = Number.POSITIVE_INFINITY;
    const handover = members.handOver(master, target).finally(() => {
      overAt = performance.now();
    });
    await waitFor('the handover to begin', () => master.process.events('handing-over')[0]);
    const answer = await append(master, { message: 'meanwhile' });
    const answeredAt = performance.now();
    const { status, body } = await handover;
    // The two answers come over two connections, so either may be seen first. An append takes some ms.
    assert(answeredAt > overAt - 500, 'the append was answered before the handover was over');
    assert.deepEqual([status, body.type], [503, '/problems/handover-failed']);
    assert.match(body.detail, new RegExp(`^${target.id} `));
    assert.deepEqual([answer.status, answer.body.epoch], [201, 1], 'the old master goes on');
    // The member may find the offer when it wakes, and take over then: late, and without loss.
    target.wake();
    await members.whole();
    await allShow(members.list, 1);
    for (const member of members.list) assert.deepEqual(await messages(member), ['meanwhile']);
  });

  it('lets an append that came meanwhile know who is the master now', async (t) => {
    const members = await startCalmMembers(t);
    const old = await members.whole();
    const handover = members.handOver(old);
    // Sent without pause from before the handover until after it: each is made by one of the two, or sent on.
    const statuses = new Set<number>();
    let appended = 0;
    await waitFor('an append that is sent to the new master', async () => {
      const { status } = await append(old, { message: `${appended}` });
      statuses.add(status);
      if (status === 201) appended += 1;
      return status === 421;
    });
    assert.equal((await handover).status, 200);
    assert.deepEqual(
      [...statuses].filter((status) => ![201, 421].includes(status)),
      [],
    );
    const next = await members.master();
    assert.equal((await health(next)).length, appended);
  });
});

describe('a master that is told to stop', () => {
  it('hands over first, and ends with 0', async (t) => {
    const members = await startCalmMembers(t);
    const old = await members.whole();
    await append(old, { message: 'one' });
    assert.equal(await old.stop(), 0);
    const [over] = old.process.events('handover-over');
    const next = await members.master();
    assert.equal(over?.to, next.id);
    assert.equal((await append(next, { message: 'two' })).body.seq, 2);
    await old.start();
    assert.equal(await members.whole(), next);
  });

  it('ends with 0 though nobody can take over', async (t) => {
    const members = await startCalmMembers(t);
    const old = await members.whole();
    await Promise.all(members.others(old).map((other) => other.kill()));
    assert.equal(await old.stop(), 0);
  });
});
