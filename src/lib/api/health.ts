/** Liveness, readiness and health of a node; they require no token, so that any probe can ask. */
import type { Master } from '../core/master.ts';
import { HttpProblem, problemOf } from '../http/problems.ts';
import { parseQuery } from '../http/query.ts';
import { type RequestContext, sendJson } from '../http/request-context.ts';
import { JSON_ONLY, type Route, route } from '../http/server.ts';
import { HealthFeed } from './health-events.ts';
import type { NodePort } from './ports.ts';

/** `GET /health`, `GET /livez` and `GET /readyz`. */
export function healthRoutes(port: NodePort, nodeId: string, onTimeMs: number | null): Route[] {
  const health = () => healthOf(port, nodeId);
  const feed = new HealthFeed(port, health, onTimeMs ?? undefined);
  const send = ({ res, query }: RequestContext, body: () => object) => {
    parseQuery(query, []);
    sendJson(res, 200, JSON.stringify(body()), ['Cache-Control', 'no-store']);
  };
  const ok = () => ({ status: 'ok' });
  return [
    route('GET', '/health', 'open', [...JSON_ONLY, 'text/event-stream'], (context) => {
      if (context.mediaType !== 'text/event-stream') return send(context, health);
      parseQuery(context.query, []);
      return feed.follow(context);
    }),
    route('GET', '/livez', 'open', JSON_ONLY, (context) => send(context, ok)),
    route('GET', '/readyz', 'open', JSON_ONLY, ({ res, query }) => {
      const problem = unreadiness(port, parseQuery(query, ['role']).get('role') ?? null);
      if (problem !== null) throw problem;
      sendJson(res, 200, JSON.stringify(ok()), ['Cache-Control', 'no-store']);
    }),
  ];
}

/** Why the node should get no traffic of this kind now; null if it should. */
function unreadiness(port: NodePort, role: string | null): HttpProblem | null {
  const { core, stopping } = port;
  if (role !== null && role !== 'master') {
    throw new HttpProblem('bad-request', "'role' must be master");
  }
  if (core.role === 'master') {
    const refusal = core.isHandingOver ? handingOver() : core.writeRefusal(port.now());
    return refusal instanceof HttpProblem || refusal === null ? refusal : problemOf(refusal);
  }
  if (role === 'master') return new HttpProblem('not-ready', 'this node is not the master');
  if (stopping.aborted) return new HttpProblem('shutting-down', 'this node is stopping');
  if (core.hasHeardMaster) return null;
  return new HttpProblem('not-ready', 'no master has been heard since this node started');
}

function handingOver(): HttpProblem {
  return new HttpProblem('not-ready', 'this master is handing over to another member');
}

/** The body of `GET /health`. */
function healthOf(port: NodePort, nodeId: string): object {
  const { core } = port;
  const { epoch, logId, length, committed, isComplete: complete, discarded, members } = core;
  const log = { epoch, logId, length, committed, complete };
  const elected =
    members === null ? {} : { role: core.role, master: core.masterAt(port.now()), members };
  const { activeMaster: master } = core;
  if (master !== null) {
    const boot = members === null ? {} : { bootId: core.bootId };
    const identity = { status: master.status(), nodeId, ...boot, ...elected };
    return { ...identity, ...log, ...masterPart(master, port.now()), discarded };
  }
  const { bootId, secondary, lastFailure } = core;
  const status = core.role === 'candidate' ? 'recovering' : 'ok';
  const reason = lastFailure === null ? {} : { reason: lastFailure };
  const identity = { status, nodeId, bootId, ...elected };
  return { ...identity, ...log, ...reason, held: secondary.held, discarded };
}

function masterPart(master: Master, now: number): object {
  const { recoveryReason, fencedBy, waiting } = master;
  return {
    ...(recoveryReason === null ? {} : { reason: recoveryReason }),
    quorum: master.quorum(),
    waiting,
    secondaries: master.secondaries(now),
    ...(fencedBy === null ? {} : { fenced: { byEpoch: fencedBy || null } }),
  };
}
