/** `GET /metrics`, on every node. */
import { send } from './call.ts';
import { EXPOSITION_TYPE } from './exposition.ts';
import { parseQuery } from './query.ts';
import type { Route } from './server.ts';

/** The route; `text` gives the page in Prometheus' text format. */
export function metricsRoute(text: () => string): Route {
  return {
    method: 'GET',
    path: '/metrics',
    access: 'client',
    produces: ['text/plain'],
    handle: ({ res, query }) => {
      parseQuery(query, []);
      send(res, 200, text(), ['Content-Type', EXPOSITION_TYPE, 'Cache-Control', 'no-store']);
    },
  };
}
