/** What an operator asks of a member of a cluster that elects its master: `POST /handover` and `POST /recovery`. */
import { readBody } from '../http/body.ts';
import { requireContentType } from '../http/headers.ts';
import { SMALL_BODY_BYTES_MAX } from '../http/limits.ts';
import { HttpProblem, problemOf } from '../http/problems.ts';
import { parseQuery } from '../http/query.ts';
import { type RequestContext, sendJson } from '../http/request-context.ts';
import { JSON_ONLY, type Route, route } from '../http/server.ts';
import { bad, type Fields, parseJson, requireObject } from '../wire/fields.ts';
import type { NodePort } from './ports.ts';

/** The routes of an operator; they require `CLUSTER_TOKEN`. */
export function membershipRoutes(port: NodePort): Route[] {
  return [
    route('POST', '/handover', 'cluster', JSON_ONLY, (context) => {
      readFields(context, ['to'], ({ to }) => handOver(port, context, to));
    }),
    route('POST', '/recovery', 'cluster', JSON_ONLY, (context) => {
      readFields(context, ['acceptLoss'], ({ acceptLoss }) => recover(port, context, acceptLoss));
    }),
  ];
}

/** The fields of a JSON body; none if there is no body. */
function readFields(
  context: RequestContext,
  known: readonly string[],
  onFields: (fields: Fields) => Promise<void>,
): void {
  const { req, query } = context;
  parseQuery(query, []);
  const hasBody = req.headers['content-length'] !== '0' && hasContent(req.headers);
  // A foreign web page may send a POST without a body, and names its origin then. JSON it may not send.
  if (hasBody || req.headers.origin !== undefined) requireContentType(req, 'application/json');
  readBody(context, SMALL_BODY_BYTES_MAX, (body) => {
    const fields = body.length === 0 ? {} : requireObject(parseJson(body), known);
    onFields(fields).catch((error: unknown) => context.fail(error));
  });
}

function hasContent(headers: { readonly [name: string]: unknown }): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}

/** 200 with the new master and its epoch; 503 `handover-failed` if it does not come about in time. */
async function handOver(port: NodePort, context: RequestContext, to: unknown): Promise<void> {
  const { core } = port;
  const ids = (core.members ?? []).map(({ id }) => id);
  if (to !== undefined && !ids.includes(to as string)) {
    throw bad(`'to' must be a member: ${ids.join(', ')}`);
  }
  if (core.role !== 'master') throw problemOf(core.notMaster(port.now()));
  const here = core.masterAt(port.now());
  const outcome = here?.id === to ? here : await port.handOver((to as string | undefined) ?? null);
  if (typeof outcome === 'string') throw new HttpProblem('handover-failed', outcome);
  const { id: master, epoch } = outcome as { id: string; epoch: number };
  sendJson(context.res, 200, JSON.stringify({ master, epoch }));
}

/** 200 with this node as the master and its epoch; 503 `not-recovered` if it could not take over. */
async function recover(
  port: NodePort,
  context: RequestContext,
  acceptLoss: unknown,
): Promise<void> {
  if (acceptLoss !== true) throw bad("'acceptLoss' must be true: messages may be lost");
  const outcome = await port.acceptLoss();
  if (typeof outcome === 'string') throw new HttpProblem('not-recovered', outcome);
  sendJson(context.res, 200, JSON.stringify({ master: outcome.id, epoch: outcome.epoch }));
}
