/**
 * The floor, which every service on `node:http` is compared with: a bare server that reads a body, parses it, stores
 * the message and answers 201. It listens on a free port, which it prints.
 */
import http from 'node:http';

/** Beyond this it discards its messages, so that it neither runs out of memory nor slows down. */
const KEPT_BYTES_MAX = 256 * 1024 * 1024;

let messages: string[] = [];
let keptBytes = 0;
let seq = 0;

const server = http.createServer((req, res) => {
  const chunks: Buffer[] = [];
  req.on('data', (chunk) => chunks.push(chunk));
  req.on('end', () => {
    const text = Buffer.concat(chunks);
    const body = JSON.parse(text.toString());
    const before = messages.length;
    for (const message of body.messages ?? [body.message]) messages.push(message);
    seq += messages.length - before;
    keptBytes += text.length;
    if (keptBytes > KEPT_BYTES_MAX) {
      messages = [];
      keptBytes = 0;
    }
    const answer = JSON.stringify({ seq, acked: ['floor'] });
    res.writeHead(201, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(answer),
    });
    res.end(answer);
  });
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as { port: number };
  process.stdout.write(`${JSON.stringify({ event: 'listening', port })}\n`);
});
