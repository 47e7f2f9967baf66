import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { append, messages } from './client.ts';
import { startMembers } from './members.ts';
import { waitFor } from './wait.ts';

describe('members of a test', () => {
  it('elect, are killed, started again, paused and handed over to', async (t) => {
    const members = await startMembers(t);
    const first = await members.master();
    assert.equal((await append(first, { message: 'one' })).status, 201);
    await first.kill();
    const second = await members.master();
    assert.notEqual(second.id, first.id);
    await first.restart();
    await members.changeMaster(first);
    const third = await members.master();
    third.pause();
    assert.notEqual((await members.master()).id, third.id);
    third.wake();
    await members.whole();
    for (const member of members.list) {
      await waitFor('the entry', async () => (await messages(member)).length === 1);
    }
    assert.equal(await (await members.master()).stop(), 0);
    await members.master();
  });
});
