/** `GET|PUT /faults` on a secondary: the artificial delays and errors of its frames. */
import type { Faults } from '../core/secondary.ts';
import { readBody } from '../http/body.ts';
import { requireContentType } from '../http/headers.ts';
import { SMALL_BODY_BYTES_MAX } from '../http/limits.ts';
import { parseQuery } from '../http/query.ts';
import { type RequestContext, sendJson } from '../http/request-context.ts';
import { JSON_ONLY, type Route, route } from '../http/server.ts';
import { parseFaults } from '../wire/faults.ts';
import { parseJson } from '../wire/fields.ts';
import type { NodePort } from './ports.ts';

/** The routes of `GET|PUT /faults`. */
export function faultRoutes(port: NodePort): Route[] {
  const send = ({ res }: RequestContext) =>
    sendJson(res, 200, JSON.stringify(port.core.secondary.faults));
  return [
    route('GET', '/faults', 'client', JSON_ONLY, (context) => {
      parseQuery(context.query, []);
      send(context);
    }),
    route('PUT', '/faults', 'client', JSON_ONLY, (context) => {
      readFaults(context, (faults) => {
        port.setFaults(faults);
        send(context);
      });
    }),
  ];
}

/** Reads the body of `PUT /faults`; 400 or 415 if it is invalid. */
export function readFaults(
  context: RequestContext,
  onFaults: (faults: Partial<Faults>) => void,
): void {
  parseQuery(context.query, []);
  requireContentType(context.req, 'application/json');
  readBody(context, SMALL_BODY_BYTES_MAX, (body) => onFaults(parseFaults(parseJson(body))));
}
