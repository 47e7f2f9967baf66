/**
 * The floor: a bare `node:http` server that reads a body, parses it, pushes the message and answers
 * 201. What any service in front of `node:http` is measured by. It listens on a free port and tells.
 */
import http from 'node:http';

const messages: string[] = [];

const server = http.createServer((req, res) => {
  const chunks: Buffer[] = [];
  req.on('data', (chunk) => chunks.push(chunk));
  req.on('end', () => {
    const body = JSON.parse(Buffer.concat(chunks).toString());
    for (const message of body.messages ?? [body.message]) messages.push(message);
    const answer = JSON.stringify({ seq: messages.length, acked: ['floor'] });
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
