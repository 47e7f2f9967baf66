/** The routes of a secondary: reading and health for clients, heartbeat and frames for the master. */

import type { Heartbeat } from '../core/protocol.ts';
import { HttpProblem } from '../http/problems.ts';
import { parseQuery } from '../http/query.ts';
import { type RequestContext, sendJson } from '../http/request-context.ts';
import type { Route } from '../http/server.ts';
import { exportLog } from '../replication/fetch-route.ts';
import { replicate } from '../replication/stream-route.ts';
import { parseHeartbeatRequest } from '../wire/heartbeat-request.ts';
import { faultRoutes } from './faults.ts';
import { healthRoutes } from './health.ts';
import { entryJson, listRoute, readConcernIn, requireSeq } from './messages.ts';
import { metricsRoute } from './metrics.ts';
import { openapiRoute } from './openapi.ts';
import type { SecondaryPort } from './ports.ts';

export interface SecondaryRoutesOptions {
  readonly nodeId: string;
  /** Whether `/faults` is there. */
  readonly faultInjection: boolean;
}

const APPENDS_GO_TO_THE_MASTER = 'appends go to the master; a secondary is read-only for clients';

/** All routes of a secondary. */
export function secondaryRoutes(port: SecondaryPort, options: SecondaryRoutesOptions): Route[] {
  const { core } = port;
  const client = { access: 'client', produces: ['application/json'] } as const;
  const heartbeat = ({ req, res }: RequestContext) => {
    sendJson(res, 200, heartbeatJson(port.heartbeat(parseHeartbeatRequest(req.headers))));
  };
  return [
    listRoute(port, APPENDS_GO_TO_THE_MASTER),
    {
      ...client,
      method: 'GET',
      path: '/messages/{}',
      handle: (context) => readEntry(port, context),
    },
    metricsRoute(() => port.metrics()),
    openapiRoute(),
    ...healthRoutes(port, {
      health: () => healthOf(port, options.nodeId),
      unready: () => unreadyProblem(port),
    }),
    {
      method: 'GET',
      path: '/heartbeat',
      access: 'cluster',
      produces: ['application/json'],
      handle: heartbeat,
    },
    {
      method: 'POST',
      path: '/replicate',
      access: 'cluster',
      produces: ['application/x-ndjson'],
      handle: (context) => replicate(port, context),
    },
    {
      method: 'GET',
      path: '/replicate',
      access: 'cluster',
      produces: ['application/x-ndjson'],
      handle: (context) => exportLog(core, context),
    },
    ...(options.faultInjection ? faultRoutes(port) : []),
  ];
}

function heartbeatJson({ prepareReply, ...statement }: Heartbeat): string {
  if (prepareReply === null) return JSON.stringify(statement);
  const { isLogMatched: agreed, isComplete: complete, ...rest } = prepareReply;
  return JSON.stringify({ ...statement, ...rest, agreed, complete });
}

function readEntry({ core }: SecondaryPort, context: RequestContext): void {
  const { res, parameter, query } = context;
  context.log = core;
  const concern = readConcernIn(parseQuery(query, ['readConcern']));
  const seq = requireSeq(core, parameter, concern);
  sendJson(res, 200, entryJson(core.log, seq), context.logHeaders());
}

function unreadyProblem({ core, stopping }: SecondaryPort): HttpProblem | null {
  if (stopping.aborted) return new HttpProblem('shutting-down', 'this node is stopping');
  if (core.hasHeardMaster) return null;
  return new HttpProblem('not-ready', 'no master has been heard since this node started');
}

function healthOf({ core }: SecondaryPort, nodeId: string): object {
  return {
    status: 'ok',
    nodeId,
    bootId: core.bootId,
    epoch: core.epoch,
    logId: core.logId,
    length: core.length,
    committed: core.committed,
    complete: core.isComplete,
    held: core.held,
    discarded: core.discarded,
  };
}
