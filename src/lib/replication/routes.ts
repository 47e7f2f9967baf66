/** The routes that a secondary has for its master: heartbeats, streams of frames, and its whole log. */
import { problemOf } from '../http/problems.ts';
import { sendJson } from '../http/request-context.ts';
import { JSON_ONLY, type Route, route } from '../http/server.ts';
import { heartbeatJson, parseHeartbeatRequest } from '../wire/heartbeat.ts';
import { exportLog } from './fetch-route.ts';
import { type ReplicationPort, replicate } from './stream-route.ts';

const NDJSON = ['application/x-ndjson'];

/** All routes that require `CLUSTER_TOKEN`. */
export function replicationRoutes(port: ReplicationPort): Route[] {
  return [
    route('GET', '/heartbeat', 'cluster', JSON_ONLY, ({ req, res }) => {
      const answer = port.heartbeat(parseHeartbeatRequest(req.headers));
      if ('kind' in answer) throw problemOf(answer);
      sendJson(res, 200, heartbeatJson(answer));
    }),
    route('POST', '/replicate', 'cluster', NDJSON, (context) => replicate(port, context)),
    route('GET', '/replicate', 'cluster', NDJSON, (context) =>
      exportLog(port.core.secondary, context),
    ),
  ];
}
