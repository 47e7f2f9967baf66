/** Liveness, readiness and health of a node; they require no token, so that any probe can ask. */
import type { Role } from '../core/role.ts';
import { HttpProblem, problemOf } from '../http/problems.ts';
import { parseQuery } from '../http/query.ts';
import { type RequestContext, sendJson } from '../http/request-context.ts';
import { JSON_ONLY, type Route, route } from '../http/server.ts';
import { HealthFeed } from './health-events.ts';
import type { MasterPort, ReadPort, SecondaryPort } from './ports.ts';

export interface NodeHealth {
  /** The body of `GET /health`. */
  health(): object;
  /** Why the node should get no traffic now; null if it should. */
  unready(): HttpProblem | null;
  /** The largest `lastSeenMsAgo` of a secondary that answers its heartbeats in time. */
  readonly onTimeMs?: number;
}

/** `GET /health`, `GET /livez` and `GET /readyz`. */
export function healthRoutes(port: ReadPort, { health, unready, onTimeMs }: NodeHealth): Route[] {
  const feed = new HealthFeed(port, health, onTimeMs);
  const send = ({ res, query }: RequestContext, body: () => object) => {
    parseQuery(query, []);
    sendJson(res, 200, JSON.stringify(body()), ['Cache-Control', 'no-store']);
  };
  const ok = () => ({ status: 'ok' });
  const readiness = () => {
    const problem = unready();
    if (problem !== null) throw problem;
    return ok();
  };
  return [
    route('GET', '/health', 'open', [...JSON_ONLY, 'text/event-stream'], (context) => {
      if (context.mediaType !== 'text/event-stream') return send(context, health);
      parseQuery(context.query, []);
      return feed.follow(context);
    }),
    route('GET', '/livez', 'open', JSON_ONLY, (context) => send(context, ok)),
    route('GET', '/readyz', 'open', JSON_ONLY, (context) => send(context, readiness)),
  ];
}

/** The body of `GET /health`: `identity` comes first; `more` has the members of this role alone. */
function bodyOf(core: Role, identity: object, more: object): object {
  const { epoch, logId, length, committed, isComplete: complete, discarded } = core;
  return { ...identity, epoch, logId, length, committed, complete, ...more, discarded };
}

/** The health of a master. */
export function masterHealth(port: MasterPort, nodeId: string, onTimeMs: number): NodeHealth {
  return {
    health: () => {
      const { core } = port;
      return bodyOf(
        core,
        { status: core.status(), nodeId },
        {
          ...(core.recoveryReason === null ? {} : { reason: core.recoveryReason }),
          quorum: core.quorum(),
          waiting: core.waiting,
          secondaries: core.secondaries(port.now()),
          ...(core.fencedBy === null ? {} : { fenced: { byEpoch: core.fencedBy || null } }),
        },
      );
    },
    unready: () => {
      const refusal = port.core.writeRefusal();
      return refusal === null ? null : problemOf(refusal);
    },
    onTimeMs,
  };
}

/** The health of a secondary. */
export function secondaryHealth(port: SecondaryPort, nodeId: string): NodeHealth {
  return {
    health: () => {
      const { bootId, held } = port.core;
      return bodyOf(port.core, { status: 'ok', nodeId, bootId }, { held });
    },
    unready: () => {
      if (port.stopping.aborted) return new HttpProblem('shutting-down', 'this node is stopping');
      if (port.core.hasHeardMaster) return null;
      return new HttpProblem('not-ready', 'no master has been heard since this node started');
    },
  };
}
