/** The requests that are sent. */
import type { RequestSpec } from '../load/protocol.ts';

/** An append of `count` messages of `bytes` to the floor or to a master. */
export function appendRequest(bytes: number, count: number, w: number): RequestSpec {
  const message = 'x'.repeat(bytes);
  const body = JSON.stringify(
    count === 1 ? { message, w } : { messages: new Array(count).fill(message), w },
  );
  return { protocol: 'http', text: post('/messages', body) };
}

export function getRequest(path: string): RequestSpec {
  return { protocol: 'http', text: `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n` };
}

/** The text of a POST of JSON. */
export function post(path: string, body: string): string {
  return (
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}
