/**
 * The floor of reading: a bare `node:http` server that answers with a log of `MESSAGES` messages of 100 bytes, from
 * prepared buffers of 1 MiB each. It writes the next one when there is room.
 */
import http, { type ServerResponse } from 'node:http';

const BUFFER_BYTES = 1024 * 1024;

const message = `"${'x'.repeat(100)}",`;
const text = message.repeat(Number(process.env.MESSAGES));
const whole = Buffer.from(`[${text.slice(0, -1)}]`);
const buffers: Buffer[] = [];
for (let at = 0; at < whole.length; at += BUFFER_BYTES) {
  buffers.push(whole.subarray(at, at + BUFFER_BYTES));
}

function writeFrom(index: number, res: ServerResponse): void {
  for (let next = index; next < buffers.length; next += 1) {
    if (res.write(buffers[next])) continue;
    res.once('drain', () => writeFrom(next + 1, res));
    return;
  }
  res.end();
}

const server = http.createServer((_, res) => {
  res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': whole.length });
  writeFrom(0, res);
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as { port: number };
  process.stdout.write(`${JSON.stringify({ event: 'listening', port })}\n`);
});
