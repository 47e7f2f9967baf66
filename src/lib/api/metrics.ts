/** `GET /metrics`, on every node. */

import { parseQuery } from '../http/query.ts';
import { send } from '../http/request-context.ts';
import type { Route } from '../http/server.ts';
import { EXPOSITION_TYPE } from '../wire/exposition.ts';

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
