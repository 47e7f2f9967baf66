/** The routes of a node: those of every node, and those of its role. */
import type { HeartbeatConfig } from '../core/replication/heartbeat.ts';
import { PAUSE_MS } from '../core/replication/pause.ts';
import { parseQuery } from '../http/query.ts';
import { type RequestContext, send } from '../http/request-context.ts';
import { JSON_ONLY, type Route, route } from '../http/server.ts';
import { replicationRoutes } from '../replication/routes.ts';
import { EXPOSITION_TYPE } from '../wire/exposition.ts';
import { type AppendOptions, append } from './append.ts';
import { readEntry, readHeldEntry } from './entry.ts';
import { faultRoutes } from './faults.ts';
import { healthRoutes, masterHealth, type NodeHealth, secondaryHealth } from './health.ts';
import { listRoute } from './messages.ts';
import { openapiRoute } from './openapi.ts';
import { pageRoute } from './page.ts';
import type { MasterPort, NodePort, SecondaryPort } from './ports.ts';
import { type SecondaryFaultOptions, secondaryFaultRoutes } from './secondary-faults.ts';

interface NodeRoutesOptions {
  readonly nodeId: string;
  /** Whether faults can be read and set. */
  readonly faultInjection: boolean;
}

interface MasterRoutesOptions extends NodeRoutesOptions, AppendOptions, SecondaryFaultOptions {
  readonly heartbeat: HeartbeatConfig;
}

/** The parts of the common routes that depend on the role. */
interface RoleParts {
  readonly health: NodeHealth;
  /** Answers `GET /messages/{seq}`. */
  readonly readEntry: (context: RequestContext) => void;
  /** The detail of a 405 for another method of `/messages`. */
  readonly otherMethods?: string;
}

/** All routes of a master. */
export function masterRoutes(port: MasterPort, options: MasterRoutesOptions): Route[] {
  const { nodeId, faultInjection, apiToken, heartbeat } = options;
  const onTimeMs = heartbeat.intervalMs + heartbeat.timeoutMs + PAUSE_MS;
  return [
    route('POST', '/messages', 'client', JSON_ONLY, (context) => append(port, options, context)),
    ...nodeRoutes(port, {
      health: masterHealth(port, nodeId, onTimeMs),
      readEntry: (context) => readHeldEntry(port, context),
    }),
    ...(faultInjection ? secondaryFaultRoutes(options) : []),
    pageRoute({ faultInjection, needsToken: apiToken !== null, onTimeMs }),
  ];
}

/** All routes of a secondary. */
export function secondaryRoutes(port: SecondaryPort, options: NodeRoutesOptions): Route[] {
  return [
    ...nodeRoutes(port, {
      health: secondaryHealth(port, options.nodeId),
      readEntry: (context) => readEntry(port, context),
      otherMethods: 'appends go to the master; a secondary is read-only for clients',
    }),
    ...replicationRoutes(port),
    ...(options.faultInjection ? faultRoutes(port) : []),
  ];
}

function nodeRoutes(port: NodePort, { health, readEntry, otherMethods }: RoleParts): Route[] {
  return [
    listRoute(port, otherMethods),
    route('GET', '/messages/{}', 'client', JSON_ONLY, readEntry),
    route('GET', '/metrics', 'client', ['text/plain'], (context) => sendMetrics(port, context)),
    openapiRoute(),
    ...healthRoutes(port, health),
  ];
}

function sendMetrics(port: NodePort, { res, query }: RequestContext): void {
  parseQuery(query, []);
  send(res, 200, port.metrics(), ['Content-Type', EXPOSITION_TYPE, 'Cache-Control', 'no-store']);
}
