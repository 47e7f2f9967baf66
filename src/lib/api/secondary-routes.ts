/** The routes of a secondary: reading and health for clients, heartbeat and frames for the master. */

import type { Heartbeat } from '../core/protocol.ts';
import { HttpProblem } from '../http/problems.ts';
import { parseQuery } from '../http/query.ts';
import { type Call, sendJson } from '../http/request-context.ts';
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
  const heartbeat = ({ req, res }: Call) => {
    sendJson(res, 200, heartbeatJson(port.heartbeat(parseHeartbeatRequest(req.headers))));
  };
  return [
    listRoute(port, APPENDS_GO_TO_THE_MASTER),
    { ...client, method: 'GET', path: '/messages/{}', handle: (call) => readEntry(port, call) },
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
      handle: (call) => replicate(port, call),
    },
    {
      method: 'GET',
      path: '/replicate',
      access: 'cluster',
      produces: ['application/x-ndjson'],
      handle: (call) => exportLog(core, call),
    },
    ...(options.faultInjection ? faultRoutes(port) : []),
  ];
}

function heartbeatJson({ standing, ...statement }: Heartbeat): string {
  if (standing === null) return JSON.stringify(statement);
  const { isAgreed: agreed, isComplete: complete, ...rest } = standing;
  return JSON.stringify({ ...statement, ...rest, agreed, complete });
}

function readEntry({ core }: SecondaryPort, call: Call): void {
  const { res, parameter, query } = call;
  call.log = core;
  const concern = readConcernIn(parseQuery(query, ['readConcern']));
  const seq = requireSeq(core, parameter, concern);
  sendJson(res, 200, entryJson(core.log, seq), call.logHeaders());
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
