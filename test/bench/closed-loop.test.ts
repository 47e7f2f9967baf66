/** The loop against a real server: it counts every answer, and fails on the first bad one. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import test, { type TestContext } from 'node:test';
import { ask } from '../../bench/load/ask.ts';
import { ClosedLoop } from '../../bench/load/closed-loop.ts';
import { Latencies } from '../../bench/load/latencies.ts';
import { HttpProtocol } from '../../bench/load/protocol.ts';
import { waitFor } from '../support/wait.ts';

const newProtocol = () => new HttpProtocol('GET / HTTP/1.1\r\nHost: x\r\n\r\n');

async function serve(t: TestContext, handle: http.RequestListener): Promise<number> {
  const server = http.createServer(handle).listen(0, '127.0.0.1');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

test('more connections than are opened at once: all are there, and every answer counts', async (t) => {
  let served = 0;
  const sockets = new Set();
  const port = await serve(t, (req, res) => {
    served += 1;
    sockets.add(req.socket);
    // In two pieces, so that answers are split.
    res.writeHead(200, { 'Content-Length': 4 }).write('ab');
    setImmediate(() => res.end('cd'));
  });
  const loop = new ClosedLoop({ port, connections: 150, newProtocol });
  const latencies = new Latencies();
  loop.recordIn(latencies);
  await loop.begun;
  await waitFor('some rounds', () => latencies.count > 1000);
  loop.end();
  await loop.over;
  assert.equal(sockets.size, 150);
  assert.equal(latencies.count, served);
});

test('the first failure ends it', async (t) => {
  let served = 0;
  const port = await serve(t, (_, res) => {
    served += 1;
    res.writeHead(served < 10 ? 200 : 503, { 'Content-Length': 0 }).end();
  });
  const loop = new ClosedLoop({ port, connections: 2, newProtocol });
  await assert.rejects(loop.over, /503/);
});

test('a connection that the server closes is a failure', async (t) => {
  const port = await serve(t, (req) => req.socket.destroy());
  const loop = new ClosedLoop({ port, connections: 1, newProtocol });
  await assert.rejects(loop.over);
});

test('one question has one answer', async (t) => {
  const port = await serve(t, (_, res) => res.writeHead(200, { 'Content-Length': 2 }).end('hi'));
  assert.match((await ask(port, newProtocol())).toString(), /\r\n\r\nhi$/);
  const silent = await serve(t, () => {});
  await assert.rejects(ask(silent, newProtocol(), 20), /no answer/);
});
