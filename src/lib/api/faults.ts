/** The artificial faults of a secondary, read and set by clients. */
import type { Faults } from '../core/secondary.ts';
import { readBody } from '../http/body.ts';
import { requireContentType } from '../http/headers.ts';
import { SMALL_BODY_BYTES_MAX } from '../http/limits.ts';
import { parseQuery } from '../http/query.ts';
import { type RequestContext, sendJson } from '../http/request-context.ts';
import { JSON_ONLY, type Route, route } from '../http/server.ts';
import { parseFaults } from '../wire/faults.ts';
import { parseJson } from '../wire/fields.ts';
import type { SecondaryPort } from './ports.ts';

/** `GET|PUT /faults` on a secondary: the artificial delays and errors of frames. */
export function faultRoutes(port: SecondaryPort): Route[] {
  const send = ({ res }: RequestContext) => sendJson(res, 200, JSON.stringify(port.core.faults));
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

/** Reads the body of a `PUT` of faults. */
export function readFaults(
  context: RequestContext,
  onFaults: (faults: Partial<Faults>) => void,
): void {
  parseQuery(context.query, []);
  requireContentType(context.req, 'application/json');
  readBody(context, SMALL_BODY_BYTES_MAX, (body) => onFaults(parseFaults(parseJson(body))));
}
