/** Linearizable reads on every member, also while the master hangs or cannot be sure that it is the master. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { append, request } from '../support/client.ts';
import type { Member } from '../support/members.ts';
import { startCalmMembers } from './elections-support.ts';

function read({ url }: Member, headers: Record<string, string> = {}) {
  return request(`${url}/messages?readConcern=linearizable`, { headers });
}

describe('a linearizable read', () => {
  it('shows on every member what was acknowledged before it', async (t) => {
    const members = await startCalmMembers(t);
    let master = await members.whole();
    const written: string[] = [];
    for (let round = 0; round < 3; round += 1) {
      for (let at = 0; at < 10; at += 1) {
        written.push(`${round}.${at}`);
        assert.equal((await append(master, { message: written.at(-1) })).status, 201);
        const reads = await Promise.all(members.list.map((member) => read(member)));
        for (const { status, body } of reads) assert.deepEqual([status, body], [200, written]);
      }
      await members.handOver(master);
      master = await members.master();
    }
    const { headers } = await read(master, { prefer: 'wait=3' });
    assert.equal(headers.get('preference-applied'), 'wait=3');
  });

  it('gives up in time while the master hangs; the next master confirms it', async (t) => {
    // Time enough to ask while it is still taken for the master.
    const members = await startCalmMembers(t, { ELECTION_TIMEOUT_MS: 6000 });
    const master = await members.whole();
    await append(master, { message: 'one', w: 3 });
    master.pause();
    const beganAt = performance.now();
    const answers = await Promise.all(
      members.others(master).map((member) => read(member, { prefer: 'wait=1' })),
    );
    const tookMs = performance.now() - beganAt;
    for (const { status, body } of answers) {
      assert.deepEqual([status, body.type], [503, '/problems/not-linearizable']);
    }
    assert(tookMs > 900 && tookMs < 4000, `it took ${tookMs} ms`);
    const next = await members.master();
    for (const member of members.others(master)) {
      assert.deepEqual((await read(member)).body, ['one'], member.id);
    }
    await append(next, { message: 'two' });
    master.wake();
    // The old master must not show an old state as a current one, not even in its first moment.
    const woken = await read(master, { prefer: 'wait=5' });
    if (woken.status === 200) assert.deepEqual(woken.body, ['one', 'two']);
    else assert.deepEqual([woken.status, woken.body.type], [503, '/problems/not-linearizable']);
  });

  it('is not answered by a master whom nobody answers', async (t) => {
    const members = await startCalmMembers(t, { ELECTION_TIMEOUT_MS: 6000 });
    const master = await members.whole();
    await append(master, { message: 'one', w: 3 });
    for (const other of members.others(master)) other.pause();
    const { status, body } = await read(master, { prefer: 'wait=1' });
    assert.deepEqual([status, body.type], [503, '/problems/not-linearizable']);
    assert.deepEqual((await request(`${master.url}/messages`)).body, ['one'], 'a local read is');
    for (const other of members.others(master)) other.wake();
    await members.whole();
    assert.deepEqual((await read(master)).body, ['one']);
  });
});
