/** Reads a request's body whole, bounded in bytes and time. */
import type { IncomingMessage } from 'node:http';
import { BODY_TIMEOUT_MS } from './limits.ts';
import { HttpProblem } from './problems.ts';

/** The client went away in the middle of its body; there is nobody to answer. */
export class ClientGone extends Error {}

/**
 * The body's bytes. 413 beyond `bytesMax`, 408 when it takes too long. After a 413 the rest is read
 * and thrown away (the server bounds for how long): a client that still sends would see a reset
 * connection instead of the answer.
 */
export function readBody(req: IncomingMessage, bytesMax: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const fail = (problem: Error) => {
      clearTimeout(timer);
      req.removeListener('data', onData);
      req.resume();
      reject(problem);
    };
    const onData = (chunk: Buffer) => {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes > bytesMax) fail(tooLarge(bytesMax));
    };
    const timer = setTimeout(() => fail(tooSlow()), BODY_TIMEOUT_MS);
    req.on('data', onData);
    req.once('end', () => {
      clearTimeout(timer);
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    });
    req.once('close', () => {
      clearTimeout(timer);
      if (!req.complete) reject(new ClientGone());
    });
  });
}

function tooLarge(bytesMax: number): HttpProblem {
  const detail = `the body may have ${bytesMax} bytes`;
  return new HttpProblem('content-too-large', detail, { limit: bytesMax });
}

function tooSlow(): HttpProblem {
  const detail = `the body must arrive within ${BODY_TIMEOUT_MS} ms`;
  return new HttpProblem('request-timeout', detail, {}, { Connection: 'close' });
}
