/** The artificial faults of a secondary, read and set by clients. */
import type { Faults } from '../core/secondary.ts';
import { readBody } from '../http/body.ts';
import { requireContentType } from '../http/headers.ts';
import { SMALL_BODY_BYTES_MAX } from '../http/limits.ts';
import { parseQuery } from '../http/query.ts';
import { type RequestContext, sendJson } from '../http/request-context.ts';
import type { Route } from '../http/server.ts';
import { parseFaults, parseJson } from '../wire/schema.ts';
import type { SecondaryPort } from './ports.ts';

/** `GET|PUT /faults` on a secondary: the artificial delays and errors of frames. */
export function faultRoutes(port: SecondaryPort): Route[] {
  const shared = { path: '/faults', access: 'client', produces: ['application/json'] } as const;
  const send = ({ res, query }: RequestContext) => {
    parseQuery(query, []);
    sendJson(res, 200, JSON.stringify(port.core.faults));
  };
  return [
    { ...shared, method: 'GET', handle: send },
    { ...shared, method: 'PUT', handle: (context) => putFaults(port, context) },
  ];
}

function putFaults(port: SecondaryPort, context: RequestContext): void {
  readFaults(context, (faults) => {
    port.setFaults(faults);
    sendJson(context.res, 200, JSON.stringify(port.core.faults));
  });
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
