/**
 * A master that hangs while clients wait. When it wakes it has been replaced: it answers them 503 with the receipt, and
 * the same key at the new master appends once, whether that one has the entry or not.
 */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { append, health, messages, request, setFaults } from '../support/client.ts';
import { allShow } from '../support/disk-cluster.ts';
import type { Member, Members } from '../support/members.ts';
import { waitFor } from '../support/wait.ts';
import { startCalmMembers } from './elections-support.ts';

const KEY = { 'idempotency-key': '"once"' };

/** A master with one message on all members, and two others. */
async function started(t: TestContext): Promise<[Members, Member, Member, Member]> {
  const members = await startCalmMembers(t);
  const old = await members.whole();
  assert.equal((await append(old, { message: 'first', w: 3 })).status, 201);
  return [members, old, ...(members.others(old) as [Member, Member])];
}

/** A keyed append for which the master waits, and which is on its disk; resolves with the promise of its answer. */
async function waiting(master: Member, w: number) {
  const answer = append(master, { message: 'late', w }, KEY);
  answer.catch(() => {}); // A failure is reported where it is awaited.
  await waitFor('a client that waits', async () => (await health(master)).waiting === 1);
  await waitFor('the entry to be on disk', async () => {
    return (await request(`${master.url}/messages/2`)).body.acked.includes(master.id);
  });
  return { answer };
}

describe('a master that hangs and wakes', () => {
  it('answers 503 fenced; the new master has the entry, and finds it by its key', async (t) => {
    const [members, old, b, c] = await started(t);
    // It takes no frame until it has promised another master; the frames are stale then.
    await setFaults(c, { delayMs: 60_000 });
    const { answer } = await waiting(old, 3);
    await allShow([b], 2);
    old.pause();
    const next = await members.master();
    assert.notEqual(next, old);
    await setFaults(c, { delayMs: 0 });
    old.wake();

    const { status, body } = await answer;
    assert.deepEqual([status, body.type, body.appended], [503, '/problems/fenced', true]);
    assert.deepEqual([body.seq, body.epoch, body.w], [2, 1, 3]);
    const again = await append(next, { message: 'late', w: 2 }, KEY);
    assert.deepEqual([again.status, again.body.seq, again.body.duplicate], [200, 2, true]);
    await members.whole();
    await allShow(members.list, 2);
    for (const member of members.list) {
      assert.deepEqual(await messages(member), ['first', 'late'], member.id);
      assert.equal((await health(member)).discarded, 0);
    }
  });

  it('answers 503 fenced; the new master lacks the entry, and appends it once', async (t) => {
    const [members, old, b, c] = await started(t);
    await Promise.all([b, c].map((member) => setFaults(member, { delayMs: 60_000 })));
    const { answer } = await waiting(old, 2);
    old.pause();
    const next = await members.master();
    await Promise.all([b, c].map((member) => setFaults(member, { delayMs: 0 })));
    old.wake();

    const { status, body } = await answer;
    assert.deepEqual([status, body.type, body.appended], [503, '/problems/fenced', true]);
    assert.deepEqual([body.acked, body.seq], [[old.id], 2]);
    const again = await append(next, { message: 'late', w: 2 }, KEY);
    assert.deepEqual([again.status, again.body.seq], [201, 2]);
    assert(again.body.epoch > 1);
    await members.whole();
    await allShow(members.list, 2);
    for (const member of members.list) {
      assert.deepEqual(await messages(member), ['first', 'late'], member.id);
    }
    const { discarded } = await health(old);
    assert.equal(discarded, 1, 'what nobody else had is cut off');
  });

  it('takes nothing as the master when it wakes, and follows', async (t) => {
    const [members, old] = await started(t);
    old.pause();
    const next = await members.master();
    old.wake();
    const refused = await waitFor('the old master to refuse', async () => {
      const answer = await append(old, { message: 'x', w: 2 });
      assert.notEqual(answer.status, 201, 'an append at majority by a master that is replaced');
      return answer.status === 421 && answer;
    });
    assert.equal(refused.body.master.id, next.id);
    const [line] = old.process.events('stepped-down');
    assert.match(String(line?.reason), /no majority has answered in time|a newer ballot/);
  });
});
