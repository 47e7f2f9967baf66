/** What a secondary serves to its master: heartbeats, streams of frames, and its whole log. */
import type { SecondaryPort } from '../api/ports.ts';
import type { Heartbeat } from '../core/protocol.ts';
import { sendJson } from '../http/request-context.ts';
import { JSON_ONLY, type Route, route } from '../http/server.ts';
import { parseHeartbeatRequest } from '../wire/heartbeat-request.ts';
import { exportLog } from './fetch-route.ts';
import { replicate } from './stream-route.ts';

const NDJSON = ['application/x-ndjson'];

/** The routes that the cluster's token opens. */
export function replicationRoutes(port: SecondaryPort): Route[] {
  return [
    route('GET', '/heartbeat', 'cluster', JSON_ONLY, ({ req, res }) =>
      sendJson(res, 200, heartbeatJson(port.heartbeat(parseHeartbeatRequest(req.headers)))),
    ),
    route('POST', '/replicate', 'cluster', NDJSON, (context) => replicate(port, context)),
    route('GET', '/replicate', 'cluster', NDJSON, (context) => exportLog(port.core, context)),
  ];
}

function heartbeatJson({ prepareReply, ...statement }: Heartbeat): string {
  if (prepareReply === null) return JSON.stringify(statement);
  const { isLogMatched: agreed, isComplete: complete, ...rest } = prepareReply;
  return JSON.stringify({ ...statement, ...rest, agreed, complete });
}
