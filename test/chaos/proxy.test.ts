import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { waitFor } from '../support/wait.ts';
import { FaultyProxy, type LinkFault, type Strength } from './proxy.ts';

/** A server that records and sends back what it gets, a proxy in front of it, and a client of the proxy. */
async function echo(t: TestContext): Promise<{ proxy: FaultyProxy; seen: () => Buffer }> {
  let seen = Buffer.alloc(0);
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk]);
      socket.write(chunk);
    });
    socket.on('end', () => socket.end());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await new FaultyProxy((server.address() as AddressInfo).port).listen();
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await proxy.close();
  });
  return { proxy, seen: () => seen };
}

class Client {
  received = Buffer.alloc(0);
  error: string | null = null;
  isClosed = false;
  readonly socket: Socket;

  constructor(t: TestContext, port: number) {
    this.socket = connect(port, '127.0.0.1');
    t.after(() => this.socket.destroy());
    this.socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
    });
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error.code ?? error.message;
    });
    this.socket.on('close', () => {
      this.isClosed = true;
    });
  }

  get text(): string {
    return this.received.toString();
  }
}

/** A connection that worked, and then met a fault. */
async function disturbed(t: TestContext, fault: LinkFault, strength: Partial<Strength> = {}) {
  const { proxy, seen } = await echo(t);
  const client = new Client(t, proxy.port);
  client.socket.write('before.');
  await waitFor('the echo', () => client.text === 'before.');
  proxy.disturb(fault, strength);
  return { proxy, seen, client };
}

describe('the faulty proxy', () => {
  it('passes everything in order while nothing is wrong, ends included', async (t) => {
    const { proxy, seen } = await echo(t);
    const client = new Client(t, proxy.port);
    const bytes = Buffer.from('0123456789'.repeat(100_000));
    client.socket.end(bytes);
    await waitFor('all bytes', () => client.received.length === bytes.length);
    assert(client.received.equals(bytes));
    assert(seen().equals(bytes));
  });

  it('delays', async (t) => {
    const { client } = await disturbed(t, 'delay', { delayMs: 50 });
    const sentAt = performance.now();
    client.socket.write('late');
    await waitFor('the echo', () => client.text === 'before.late');
    assert(performance.now() - sentAt > 95, 'both ways take their time');
  });

  for (const fault of ['cut', 'reset'] as const) {
    it(`ends connections, and new ones at once: ${fault}`, async (t) => {
      const { proxy, client } = await disturbed(t, fault);
      const another = new Client(t, proxy.port);
      await waitFor('both to end', () => client.isClosed && another.isClosed);
      assert.equal(client.error, fault === 'reset' ? 'ECONNRESET' : null);
    });
  }

  it('accepts and swallows: half-open', async (t) => {
    const { proxy, seen, client } = await disturbed(t, 'half-open');
    const another = new Client(t, proxy.port);
    await once(another.socket, 'connect');
    client.socket.write('lost');
    another.socket.write('lost');
    await waitFor('the second connection', () => proxy.connections === 2);
    proxy.heal();
    await waitFor('both to end', () => client.isClosed && another.isClosed);
    assert.equal(seen().toString(), 'before.');
    assert.equal(another.text, '');
  });

  it('passes one direction only', async (t) => {
    const there = await disturbed(t, 'one-way-there');
    there.client.socket.write('heard');
    await waitFor('it to arrive', () => there.seen().toString() === 'before.heard');
    there.proxy.heal();
    await waitFor('the end', () => there.client.isClosed);
    assert.equal(there.client.text, 'before.', 'the answer is lost');

    const back = await disturbed(t, 'one-way-back');
    back.client.socket.write('unheard');
    back.proxy.heal();
    await waitFor('the end', () => back.client.isClosed);
    assert.equal(back.seen().toString(), 'before.');
  });

  it('drips, and loses nothing', async (t) => {
    const { client } = await disturbed(t, 'drip', { dripBytes: 2 });
    client.socket.write('0123456789');
    await waitFor('the first drops', () => client.text.length > 'before.'.length);
    assert(client.text.length < 'before.0123456789'.length, 'all came at once');
    await waitFor('all of it', () => client.text === 'before.0123456789');
  });

  it('puts garbage that is no UTF-8 between the bytes, or in their place', async (t) => {
    const { proxy, client } = await disturbed(t, 'garbage', { garbageRate: 1 });
    client.socket.write('0123456789');
    await waitFor('garbage', () => client.received.includes(0xff));
    assert.throws(() => new TextDecoder('utf-8', { fatal: true }).decode(client.received));
    proxy.heal();
    await waitFor('the end', () => client.isClosed);
  });

  it('is as before when healed', async (t) => {
    const { proxy } = await disturbed(t, 'garbage', { garbageRate: 1 });
    proxy.heal();
    const client = new Client(t, proxy.port);
    client.socket.write('clean');
    await waitFor('the echo', () => client.text === 'clean');
    assert.equal(proxy.connections, 1);
  });
});
