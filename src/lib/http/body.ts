/** Reads a request's body whole, bounded in bytes and time, and all bodies together in bytes. */
import type { IncomingMessage } from 'node:http';
import { ByteBudget, ByteGatherer, TooManyBytes } from './gather.ts';
import { BODIES_BYTES_MAX, BODY_TIMEOUT_MS } from './limits.ts';
import { HttpProblem } from './problems.ts';

/** The client went away in the middle of its body; there is nobody to answer. */
export class ClientGone extends Error {}

const allBodies = new ByteBudget(BODIES_BYTES_MAX);

/**
 * The body's bytes. 413 beyond `bytesMax` (at once if the client announces it), 408 when it takes
 * too long, 503 while too much arrives already. After a refusal the rest is read and thrown away
 * (the server bounds for how long): a client that still sends would see a reset connection instead
 * of the answer.
 */
export function readBody(req: IncomingMessage, bytesMax: number): Promise<Uint8Array> {
  if (Number(req.headers['content-length'] ?? 0) > bytesMax) throw tooLarge(bytesMax);
  return new Promise((resolve, reject) => {
    const bytes = new ByteGatherer(bytesMax, allBodies);
    const fail = (problem: unknown) => {
      clearTimeout(timer);
      bytes.clear();
      req.removeListener('data', onData);
      req.resume();
      reject(problem);
    };
    const onData = (chunk: Buffer) => {
      try {
        bytes.push(chunk);
      } catch (error) {
        fail(error instanceof TooManyBytes ? tooLarge(bytesMax) : error);
      }
    };
    const timer = setTimeout(() => fail(tooSlow()), BODY_TIMEOUT_MS);
    req.on('data', onData);
    req.once('end', () => {
      clearTimeout(timer);
      resolve(bytes.takeAll());
    });
    req.once('close', () => {
      clearTimeout(timer);
      bytes.clear();
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
