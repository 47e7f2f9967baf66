import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { reset } from './reset.ts';
import { waitFor } from './wait.ts';

/** Both ends of a connection, with a record of their events. */
async function connection(t: TestContext) {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect({ port: (server.address() as AddressInfo).port, allowHalfOpen: true });
  const [far] = (await once(server, 'connection')) as [Socket];
  t.after(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  await waitFor('the connection', () => !near.connecting);
  const events: string[] = [];
  for (const [name, socket] of Object.entries({ near, far })) {
    socket.resume();
    socket.on('error', (error: NodeJS.ErrnoException) => events.push(`${name}: ${error.code}`));
    socket.on('close', () => events.push(`${name}: closed`));
  }
  return { near, far, events };
}

describe('resetting a connection', () => {
  it('is an error for the other end', async (t) => {
    const { near, events } = await connection(t);
    reset(near);
    await waitFor('both to close', () => events.filter((e) => e.endsWith('closed')).length === 2);
    assert.deepEqual(events.sort(), ['far: ECONNRESET', 'far: closed', 'near: closed']);
  });

  it('closes one that is just being ended', async (t) => {
    const { near, far, events } = await connection(t);
    near.end();
    await Promise.resolve();
    reset(near);
    await waitFor('it to close', () => events.includes('near: closed'));
    far.end();
    await waitFor('the other end to close', () => events.includes('far: closed'));
  });
});
