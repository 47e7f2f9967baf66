/** Liveness, readiness and health: open to probes, on every node. */

import { sendJson } from './call.ts';
import type { HttpProblem } from './problems.ts';
import { parseQuery } from './query.ts';
import type { Route } from './server.ts';

/**
 * The three routes. `health` gives the body of `GET /health`; `unready` why the node should get no
 * traffic now, or null.
 */
export function healthRoutes(health: () => object, unready: () => HttpProblem | null): Route[] {
  const route = (path: string, body: () => object): Route => ({
    method: 'GET',
    path,
    access: 'open',
    produces: ['application/json'],
    handle: ({ res, query }) => {
      parseQuery(query, []);
      sendJson(res, 200, JSON.stringify(body()), ['Cache-Control', 'no-store']);
    },
  });
  const readiness = () => {
    const problem = unready();
    if (problem !== null) throw problem;
    return { status: 'ok' };
  };
  return [
    route('/health', health),
    route('/livez', () => ({ status: 'ok' })),
    route('/readyz', readiness),
  ];
}
