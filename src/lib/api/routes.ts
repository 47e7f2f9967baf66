/** The routes of a node: those of every node, and those of what it is or may become. */
import type { HeartbeatConfig } from '../core/replication/heartbeat.ts';
import { PAUSE_MS } from '../core/replication/pause.ts';
import { parseQuery } from '../http/query.ts';
import { type RequestContext, send } from '../http/request-context.ts';
import { JSON_ONLY, type Route, route } from '../http/server.ts';
import { replicationRoutes } from '../replication/routes.ts';
import { EXPOSITION_TYPE } from '../wire/exposition.ts';
import { type AppendOptions, append } from './append.ts';
import { readEntry, readHeldEntry } from './entry.ts';
import { faultRoutes, type SecondaryFaultOptions, secondaryFaultRoutes } from './faults.ts';
import { healthRoutes } from './health.ts';
import { type MasterLength, readIndexRoute } from './linearizable.ts';
import { membershipRoutes } from './membership.ts';
import { listRoute } from './messages.ts';
import { openapiRoute } from './openapi.ts';
import { type PageOptions, pageRoute } from './page.ts';
import type { NodePort } from './ports.ts';

export interface RoutesOptions {
  readonly nodeId: string;
  /** Whether faults can be read and set. */
  readonly faultInjection: boolean;
  /** What a node that may be the master needs; null for a secondary for good. */
  readonly master: MasterOptions | null;
  /** How a member asks the master for the length of its log; null where no master is elected. */
  readonly masterLength: MasterLength | null;
}

export interface MasterOptions extends AppendOptions, SecondaryFaultOptions {
  /** The token of nodes and operators; null for none. */
  readonly clusterToken: string | null;
  readonly heartbeat: HeartbeatConfig;
}

const APPENDS_GO_TO_THE_MASTER = 'appends go to the master; a secondary is read-only for clients';

/** All routes of a node. */
export function nodeRoutes(port: NodePort, options: RoutesOptions): Route[] {
  const { nodeId, faultInjection, master, masterLength } = options;
  const isMember = masterLength !== null;
  const hasMaster = master === null || isMember;
  const otherMethods = master === null ? APPENDS_GO_TO_THE_MASTER : undefined;
  return [
    ...(master === null ? [] : masterRoutes(port, master, { faultInjection, isElected: isMember })),
    listRoute(port, masterLength, otherMethods),
    route('GET', '/messages/{}', 'client', JSON_ONLY, (context) =>
      master !== null
        ? readHeldEntry(port, masterLength, context)
        : readEntry(port, masterLength, context),
    ),
    route('GET', '/metrics', 'client', ['text/plain'], (context) => sendMetrics(port, context)),
    openapiRoute(),
    ...healthRoutes(port, nodeId, master && onTimeMsOf(master.heartbeat)),
    ...(hasMaster ? replicationRoutes(port) : []),
    ...(hasMaster && faultInjection ? faultRoutes(port) : []),
    ...(isMember ? [...membershipRoutes(port), readIndexRoute(port)] : []),
  ];
}

/** What a node has that is the master, or may become it. */
function masterRoutes(
  port: NodePort,
  master: MasterOptions,
  cluster: Pick<PageOptions, 'faultInjection' | 'isElected'>,
): Route[] {
  const { apiToken, clusterToken, heartbeat } = master;
  const onTimeMs = onTimeMsOf(heartbeat);
  return [
    route('POST', '/messages', 'client', JSON_ONLY, (context) => append(port, master, context)),
    ...(cluster.faultInjection ? secondaryFaultRoutes(master) : []),
    pageRoute({
      ...cluster,
      needsToken: apiToken !== null,
      needsClusterToken: clusterToken !== null,
      onTimeMs,
    }),
  ];
}

/** The largest `lastSeenMsAgo` of a secondary that answers its heartbeats in time. */
function onTimeMsOf({ intervalMs, timeoutMs }: HeartbeatConfig): number {
  return intervalMs + timeoutMs + PAUSE_MS;
}

/** Answers `GET /metrics`, in Prometheus' text format. */
function sendMetrics(port: NodePort, { res, query }: RequestContext): void {
  parseQuery(query, []);
  send(res, 200, port.metrics(), ['Content-Type', EXPOSITION_TYPE, 'Cache-Control', 'no-store']);
}
