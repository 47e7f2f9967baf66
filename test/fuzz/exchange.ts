/** One request on a persistent connection, and what holds for every answer of a node. */
import assert from 'node:assert/strict';
import http from 'node:http';
import { answersOf, headersOf } from '../support/described.ts';

export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | null;
}

export interface Received {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** How long an answer may take, in ms; generous, because machines are slow at times. */
const ANSWER_MS = 20_000;

/** Sends a request by node's client, which, unlike `fetch`, accepts any method, and a body with each. */
export function exchange(agent: http.Agent, port: number, sent: Sent): Promise<Received> {
  const { method, path, body } = sent;
  // By itself it sends no Content-Length for methods that usually have no body.
  const length = body === null ? {} : { 'content-length': Buffer.byteLength(body) };
  const headers = { ...sent.headers, ...length };
  const hold = answersOf(port);
  return new Promise((resolve, reject) => {
    const options = { agent, port, host: '127.0.0.1', method, path, headers, timeout: ANSWER_MS };
    const req = http.request(options, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk) => chunks.push(chunk));
      res.on('error', reject);
      res.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const status = res.statusCode ?? 0;
        try {
          hold({ method, target: path, status, headers: headersOf(res) }, text);
          resolve({ status, headers: res.headers, body: text });
        } catch (error) {
          reject(error);
        }
      });
    });
    req.on('timeout', () => req.destroy(new Error(`no answer to ${method} ${path}`)));
    req.on('error', reject);
    req.end(body ?? undefined);
  });
}

/** The statuses of the contract that a client can meet; 500 is not one of them. */
const STATUSES = [
  [200, 201, 202, 204, 304],
  [400, 401, 404, 405, 406, 408, 409, 413, 415, 417, 422, 431],
  [503, 507],
].flat();

/** Checks what holds for every answer; `isHead` for an answer without a body. */
export function checkAnswer({ status, headers, body }: Received, isHead = false): void {
  assert(STATUSES.includes(status), `status ${status}: ${body}`);
  if (status === 503) assert(headers['retry-after'] !== undefined);
  if (status === 405) assert(headers.allow !== undefined);
  if (status < 400) return;
  assert.equal(headers['content-type'], 'application/problem+json');
  assert(!/ {4}at |file:\/\/|node:internal/.test(body), body);
  if (isHead) return;
  const problem = JSON.parse(body);
  assert.match(problem.type, /^\/problems\/[a-z-]+$/);
  assert.equal(problem.status, status);
  assert(typeof problem.title === 'string' && typeof problem.detail === 'string');
  assert(!('stack' in problem));
}
