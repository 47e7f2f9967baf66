/** Liveness, readiness and health: open to probes, on every node. */

import type { HttpProblem } from '../http/problems.ts';
import { parseQuery } from '../http/query.ts';
import { type RequestContext, sendJson } from '../http/request-context.ts';
import type { Route } from '../http/server.ts';
import { HealthFeed } from './health-events.ts';
import type { ReadPort } from './ports.ts';

/** What a node says of itself. */
export interface NodeHealth {
  /** The body of `GET /health`. */
  health(): object;
  /** Why the node should get no traffic now, or null. */
  unready(): HttpProblem | null;
  /** How long ago a secondary was heard at most that answers its heartbeats in time, in ms. */
  readonly onTimeMs?: number;
}

/** The three routes. */
export function healthRoutes(port: ReadPort, node: NodeHealth): Route[] {
  const { health, unready, onTimeMs } = node;
  const feed = new HealthFeed(port, health, onTimeMs);
  const open = { method: 'GET', access: 'open' } as const;
  const send = ({ res, query }: RequestContext, body: () => object) => {
    parseQuery(query, []);
    sendJson(res, 200, JSON.stringify(body()), ['Cache-Control', 'no-store']);
  };
  const ok = () => ({ status: 'ok' });
  const readiness = () => {
    const problem = unready();
    if (problem !== null) throw problem;
    return ok();
  };
  const [json, events] = ['application/json', 'text/event-stream'];
  return [
    {
      ...open,
      path: '/health',
      produces: [json, events],
      handle: (context) => {
        if (context.mediaType === json) return send(context, health);
        parseQuery(context.query, []);
        return feed.follow(context);
      },
    },
    { ...open, path: '/livez', produces: [json], handle: (context) => send(context, ok) },
    { ...open, path: '/readyz', produces: [json], handle: (context) => send(context, readiness) },
  ];
}
