/** The routes of a member on a real socket, with a port that the test controls. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { MasterLength } from '../../../src/lib/api/linearizable.ts';
import type { NodePort } from '../../../src/lib/api/ports.ts';
import { nodeRoutes } from '../../../src/lib/api/routes.ts';
import { createServer } from '../../../src/lib/http/server.ts';

const MASTER = {
  defaultW: 'majority',
  messageBytesMax: 1000,
  apiToken: null,
  clusterToken: null,
  secondaries: [],
  heartbeat: { intervalMs: 1000, timeoutMs: 1000 },
} as const;

export interface Served {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  readonly body: any;
}

export type Ask = (path: string, init?: RequestInit) => Promise<Served>;

/** Serves the routes until the test is over; null as `masterLength` for a secondary for good. */
export async function serveRoutes(
  t: TestContext,
  port: object,
  masterLength: MasterLength | null,
): Promise<Ask> {
  const routes = nodeRoutes(port as NodePort, {
    nodeId: 'a',
    faultInjection: false,
    master: masterLength === null ? null : MASTER,
    masterLength,
  });
  const logger = { debug: () => {}, error: () => {} };
  const { server } = createServer({ routes, apiToken: null, clusterToken: null, logger });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return async (path, init = {}) => {
    const response = await fetch(url + path, init);
    const { status, headers } = response;
    const text = await response.text();
    return { status, headers, body: text === '' ? null : JSON.parse(text) };
  };
}
