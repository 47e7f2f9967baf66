import type { Socket } from 'node:net';

/**
 * Resets a connection. One that was ended is closed instead: libuv refuses to reset what is being
 * shut down, node then never closes it, and the process spins for ever where it should exit.
 */
export function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
