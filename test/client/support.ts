/** Shared by the tests of the client: servers with scripted answers, and recorded tails. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { ReplicatedLogClient, TailEntry } from '../../src/client.ts';
import { describedFetch } from '../support/described-fetch.ts';
import { waitFor } from '../support/wait.ts';

// What the client asks for.
globalThis.fetch = describedFetch(globalThis.fetch);

/** Short times, for requests that must fail and be retried. */
export const QUICK = { timeoutMs: 300, backoffBaseMs: 5, backoffMaxMs: 50 };

/** One request that a fake node got. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly at: number;
}

export interface FakeNode {
  readonly url: string;
  readonly seen: Seen[];
}

/** Answers the n-th request of a fake node (from 0); without an answer the client waits. */
export type Answering = (res: ServerResponse, seen: Seen, index: number) => void;

/** A server on loopback, closed after the test. */
export async function fakeNode(t: TestContext, answer: Answering): Promise<FakeNode> {
  const seen: Seen[] = [];
  const server = createServer(async (req, res) => {
    let body = '';
    req.on('error', () => {});
    for await (const chunk of req) body += chunk;
    const { method = '', url = '', headers } = req;
    seen.push({ method, url, headers, body, at: performance.now() });
    answer(res, seen.at(-1) as Seen, seen.length - 1);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

/** Answers with JSON. */
export function json(res: ServerResponse, status: number, body: object, headers = {}): void {
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  res.writeHead(status, { 'content-type': type, ...headers }).end(JSON.stringify(body));
}

/** The body of a problem. */
export function problem(status: number, name: string, fields: object = {}): object {
  return { type: `/problems/${name}`, title: name, status, detail: `it is ${name}`, ...fields };
}

/** A receipt as a master of one node gives it. */
export const RECEIPT = { seq: 1, epoch: 1, w: 1, acked: ['master'], pending: [] };

/** Follows the log until the test is over, and records the entries. */
export class RecordedTail {
  readonly entries: TailEntry[] = [];
  error: unknown;

  constructor(t: TestContext, client: ReplicatedLogClient, from = 1) {
    const end = new AbortController();
    const following = this.#follow(client.tail({ from, signal: end.signal }));
    t.after(async () => {
      end.abort();
      await following;
    });
  }

  get seqs(): number[] {
    return this.entries.map(({ seq }) => seq);
  }

  async until(count: number): Promise<this> {
    await waitFor(`${count} entries of a tail`, () => this.entries.length >= count);
    return this;
  }

  async #follow(tail: AsyncIterable<TailEntry>): Promise<void> {
    try {
      for await (const entry of tail) this.entries.push(entry);
    } catch (error) {
      this.error = error;
    }
  }
}

/** All values of an iterable. */
export async function collected<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}
