/**
 * Linearizable reads: before it answers, a node makes sure that no newer master is at work, and that it shows all that
 * was acknowledged at `majority` before the request came. The master asks the other members; another member asks the
 * master for the length, and waits until it shows it.
 */
import type { ConfirmEnd } from '../core/concerns/read-index.ts';
import { parsePrefer } from '../http/headers.ts';
import { READ_WAIT_MS } from '../http/limits.ts';
import { HttpProblem, problemOf } from '../http/problems.ts';
import { parseQuery, positiveParameter } from '../http/query.ts';
import { type HeaderList, type RequestContext, sendJson } from '../http/request-context.ts';
import { JSON_ONLY, type Route, route } from '../http/server.ts';
import type { NodePort, ReadPort } from './ports.ts';

/**
 * Asks the master, to `timeoutMs` at the longest, how long its log is now, which it confirms first. Rejects with an
 * `HttpProblem` if nobody can tell.
 */
export type MasterLength = (timeoutMs: number) => Promise<number>;

/** How long a read waits, and the header that says which preference was applied. */
export interface ReadWait {
  readonly waitMs: number;
  readonly deadline: number;
  readonly applied: HeaderList;
}

/** The wait of a read that has come now: what it prefers, or `READ_WAIT_MS`. */
export function readWait(port: ReadPort, { req }: RequestContext): ReadWait {
  const preference = parsePrefer(req.headers.prefer);
  const waitMs = preference?.waitMs ?? READ_WAIT_MS;
  const applied = preference === null ? [] : ['Preference-Applied', preference.applied];
  return { waitMs, deadline: port.now() + waitMs, applied };
}

/** The length that a linearizable read must show, and how long it waits for that. */
export interface Confirmed extends ReadWait {
  readonly length: number;
}

/** Confirms a read that has come now; rejects with 503 `not-linearizable` if that takes too long. */
export async function confirm(
  port: NodePort,
  masterLength: MasterLength | null,
  context: RequestContext,
): Promise<Confirmed> {
  const wait = readWait(port, context);
  if (port.core.role === 'master') {
    return { length: await confirmHere(port, wait.deadline, context), ...wait };
  }
  if (masterLength === null) {
    const detail = "a secondary cannot confirm reads: 'readConcern=linearizable' is for the master";
    throw new HttpProblem('bad-request', detail);
  }
  return { length: await masterLength(wait.waitMs), ...wait };
}

/** The length of the log when the request came, once that is confirmed. */
async function confirmHere(
  port: NodePort,
  deadline: number,
  { res }: RequestContext,
): Promise<number> {
  const { length } = port.core;
  const end = await new Promise<ConfirmEnd>((resolve, reject) => {
    const wait = port.confirmRead(deadline, resolve);
    if (typeof wait === 'function') res.once('close', wait);
    else reject(problemOf(wait));
  });
  if (end === 'confirmed') return length;
  if (end === 'stopping') throw new HttpProblem('shutting-down', 'this node is stopping');
  throw new HttpProblem(
    'not-linearizable',
    end === 'fenced'
      ? 'this node is not the master any more; read at another node'
      : 'no majority has confirmed in time that this node is the master',
  );
}

/** `GET /read-index`: the length that a linearizable read at another member must show. */
export function readIndexRoute(port: NodePort): Route {
  return route('GET', '/read-index', 'cluster', JSON_ONLY, async (context) => {
    const waitMs = positiveParameter(parseQuery(context.query, ['waitMs']), 'waitMs', READ_WAIT_MS);
    const { core } = port;
    if (core.role !== 'master') throw problemOf(core.notMaster(port.now()));
    const length = await confirmHere(port, port.now() + waitMs, context);
    sendJson(context.res, 200, JSON.stringify({ length, epoch: core.epoch }));
  });
}
