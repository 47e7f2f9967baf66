/** `GET /metrics`, on every node. */
import { parseQuery } from '../http/query.ts';
import { send } from '../http/request-context.ts';
import { type Route, route } from '../http/server.ts';
import { EXPOSITION_TYPE } from '../wire/exposition.ts';

/** The route; `text` gives the page in Prometheus' text format. */
export function metricsRoute(text: () => string): Route {
  return route('GET', '/metrics', 'client', ['text/plain'], ({ res, query }) => {
    parseQuery(query, []);
    send(res, 200, text(), ['Content-Type', EXPOSITION_TYPE, 'Cache-Control', 'no-store']);
  });
}
