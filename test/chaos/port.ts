/** Ports that nodes keep over all their incarnations. */
import { createServer } from 'node:net';

/** Nobody listens yet on what was given last. */
const given = new Set<number>();

/**
 * A free port, another one each time, below those that the system gives to outgoing connections:
 * nobody gets it by chance while its node is down.
 */
export async function lastingPort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
