/** Sends one request on a connection of its own, and reads the whole answer. Used to set servers up. */
import { connect } from 'node:net';
import type { Protocol } from './protocol.ts';

/** Resolves with the answer; rejects if it is a failure, or takes too long. */
export function ask(port: number, protocol: Protocol, timeoutMs = 60_000): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let answer: Buffer = Buffer.alloc(0);
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const fail = (error: Error) => {
      reject(error);
      socket.destroy();
    };
    socket.setTimeout(timeoutMs, () => fail(new Error(`no answer from port ${port}`)));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`no answer from port ${port}`)));
    socket.on('connect', () => {
      socket.write(protocol.greeting);
      socket.write(protocol.request);
    });
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      try {
        if (protocol.answerEnd(answer, 0, answer.length) < 0) return;
        resolve(answer);
        socket.destroy();
      } catch (error) {
        fail(error as Error);
      }
    });
  });
}
