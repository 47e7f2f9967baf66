/** Reads a request's body whole, bounded in bytes and time. */
import type { IncomingMessage } from 'node:http';
import { BODY_TIMEOUT_MS, DISCARDED_BYTES_MAX } from './limits.ts';
import { HttpProblem } from './problems.ts';

/** The client went away in the middle of its body; there is nobody to answer. */
export class ClientGone extends Error {}

/**
 * The body's bytes. 413 beyond `bytesMax`, but only when the rest has been read and thrown away
 * (within bounds): a client that still sends would see a reset connection, not the answer. 408 when
 * it takes too long.
 */
export function readBody(req: IncomingMessage, bytesMax: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const tooLarge = () =>
      new HttpProblem(
        'content-too-large',
        `the body may have ${bytesMax} bytes`,
        { limit: bytesMax },
        { Connection: 'close' },
      );
    const fail = (problem: Error) => {
      clearTimeout(timer);
      req.removeListener('data', onData);
      req.resume();
      reject(problem);
    };
    const onTimeout = () =>
      fail(
        bytes > bytesMax
          ? tooLarge()
          : new HttpProblem(
              'request-timeout',
              `the body must arrive within ${BODY_TIMEOUT_MS} ms`,
              {},
              { Connection: 'close' },
            ),
      );
    const timer = setTimeout(onTimeout, BODY_TIMEOUT_MS);
    const onData = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= bytesMax) chunks.push(chunk);
      else chunks.length = 0;
      if (bytes > bytesMax + DISCARDED_BYTES_MAX) fail(tooLarge());
    };
    req.on('data', onData);
    req.once('end', () => {
      clearTimeout(timer);
      if (bytes > bytesMax) reject(tooLarge());
      else resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    });
    req.once('close', () => {
      clearTimeout(timer);
      if (!req.complete) reject(new ClientGone());
    });
  });
}
