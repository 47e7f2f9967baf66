/** The client API of the master: append, read, await a write concern, health. */
import { type HeartbeatConfig, PAUSE_MS } from '../core/heartbeat.ts';
import type { Accepted } from '../core/master.ts';
import type { Refusal } from '../core/refusal.ts';
import type { WaitEnd, Waiter, WriteConcern } from '../core/write-concern.ts';
import { readBody } from './body.ts';
import { type Call, type HeaderList, sendJson } from './call.ts';
import {
  parseIdempotencyKey,
  parsePrefer,
  requireContentType,
  type WaitPreference,
} from './headers.ts';
import { healthRoutes } from './health-routes.ts';
import { appendBodyBytesMax } from './limits.ts';
import { entryJson, listRoute, readConcernIn, requireSeq } from './log-routes.ts';
import { metricsRoute } from './metrics-route.ts';
import { openapiRoute } from './openapi.ts';
import { pageRoute } from './page.ts';
import type { MasterPort } from './ports.ts';
import { HttpProblem, problemOf } from './problems.ts';
import { parseQuery } from './query.ts';
import { parseWText, readAppend } from './schema.ts';
import { type SecondaryAddress, secondaryFaultRoutes } from './secondary-faults.ts';
import type { Route } from './server.ts';

export interface MasterRoutesOptions {
  readonly nodeId: string;
  readonly defaultW: WriteConcern;
  /** UTF-8 bytes of one message. */
  readonly messageBytesMax: number;
  /** Whether `/secondaries/{id}/faults` is there. */
  readonly faultInjection: boolean;
  readonly secondaries: readonly SecondaryAddress[];
  readonly heartbeat: HeartbeatConfig;
  /** What clients must send, and so the master as well; null for nothing. */
  readonly apiToken: string | null;
}

/** All routes of a master. */
export function masterRoutes(port: MasterPort, options: MasterRoutesOptions): Route[] {
  const { intervalMs, timeoutMs } = options.heartbeat;
  const onTimeMs = intervalMs + timeoutMs + PAUSE_MS;
  const json = { access: 'client', produces: ['application/json'] } as const;
  return [
    { ...json, method: 'POST', path: '/messages', handle: (call) => append(port, options, call) },
    listRoute(port),
    { ...json, method: 'GET', path: '/messages/{}', handle: (call) => readEntry(port, call) },
    metricsRoute(() => port.metrics()),
    openapiRoute(),
    ...healthRoutes(port, {
      health: () => healthOf(port, options.nodeId),
      unready: () => {
        const refusal = port.core.writeRefusal();
        return refusal === null ? null : problemOf(refusal);
      },
      onTimeMs,
    }),
    ...(options.faultInjection ? secondaryFaultRoutes(options) : []),
    pageRoute({
      faultInjection: options.faultInjection,
      needsToken: options.apiToken !== null,
      onTimeMs,
    }),
  ];
}

function append(port: MasterPort, options: MasterRoutesOptions, call: Call): void {
  const { req, query } = call;
  const { messageBytesMax } = options;
  call.log = port.core;
  parseQuery(query, []);
  requireContentType(req, 'application/json');
  const key = parseIdempotencyKey(req);
  const preference = parsePrefer(req.headers.prefer);
  readBody(call, appendBodyBytesMax(messageBytesMax), (bytes) => {
    const { messages, isBatch, w } = readAppend(bytes, messageBytesMax);
    const deadline = deadlineOf(port, preference);
    const request = { messages, key, w: w ?? options.defaultW, deadline };
    answerWhenOver(port, call, preference, (onEnd) => port.append(request, onEnd, call), {
      members: (accepted) => receiptOf(port, accepted, isBatch),
      send: (receipt, { seq, isDuplicate }, end, headers) => {
        const done = isDuplicate ? 200 : 201;
        const status = end === 'holds' ? done : 202;
        const text = JSON.stringify(receipt);
        sendJson(call.res, status, text, [...headers, 'Location', `/messages/${seq}`]);
      },
    });
  });
}

function receiptOf({ core }: MasterPort, accepted: Accepted, isBatch: boolean): object {
  const { seq, count, w, isDuplicate } = accepted;
  const { acked, pending } = core.holders(seq + count - 1);
  const epoch = core.log.epochAt(seq);
  if (!isBatch && !isDuplicate) return { seq, epoch, w, acked, pending };
  const more = { ...(isBatch ? { count } : {}), ...(isDuplicate ? { duplicate: true } : {}) };
  return { seq, epoch, w, acked, pending, ...more };
}

function readEntry(port: MasterPort, call: Call): void {
  const { req, res, parameter, query } = call;
  const { log } = port.core;
  call.log = port.core;
  const parameters = parseQuery(query, ['w', 'readConcern']);
  const concern = readConcernIn(parameters);
  const wText = parameters.get('w');
  const w = wText === undefined ? null : parseWText(wText);
  const seq = requireSeq(port.core, parameter, concern);
  const members = () => ({ epoch: log.epochAt(seq), ...port.core.holders(seq) });
  if (w === null) {
    sendJson(res, 200, entryJson(log, seq, members()), call.logHeaders());
    return;
  }
  const preference = parsePrefer(req.headers.prefer);
  const deadline = deadlineOf(port, preference);
  answerWhenOver(port, call, preference, (onEnd) => port.await(seq, w, deadline, onEnd), {
    members,
    send: (now, _, end, headers) => {
      sendJson(res, end === 'holds' ? 200 : 202, entryJson(log, seq, now), headers);
    },
  });
}

interface Answering {
  /** The members that tell how far the entry is now. */
  readonly members: (accepted: Accepted) => object;
  readonly send: (members: object, accepted: Accepted, end: WaitEnd, headers: HeaderList) => void;
}

/** Begins, and answers when the wait is over; a client that goes away meanwhile stops waiting. */
function answerWhenOver(
  port: MasterPort,
  call: Call,
  preference: WaitPreference | null,
  begin: (onEnd: (end: WaitEnd) => void) => Accepted | Refusal,
  { members, send }: Answering,
): void {
  const preferred = preference === null ? [] : ['Preference-Applied', preference.applied];
  const { res } = call;
  let waiter: Waiter | null = null;
  const answer = (accepted: Accepted, end: WaitEnd, told: object) => {
    waiter = null;
    if (end === 'stopping' || end === 'fenced') sendUnheld(call, end, told);
    else send(told, accepted, end, [...preferred, ...call.logHeaders()]);
  };
  const outcome = begin((end) => answer(outcome as Accepted, end, members(outcome as Accepted)));
  if (outcome.kind === 'refused') throw problemOf(outcome);
  const { wait } = outcome;
  if (typeof wait === 'string') {
    // Who holds it now: before the answer leaves, one of them may be met in a new life.
    const told = members(outcome);
    call.answerSoon(() => answer(outcome, wait, told));
    return;
  }
  waiter = wait;
  res.on('close', () => {
    if (waiter !== null) port.cancel(waiter);
  });
}

/** The message is stored here, but its write concern will not hold in this life of the node. */
function sendUnheld(call: Call, end: 'stopping' | 'fenced', members: object): void {
  const fields = { ...members, appended: true };
  const problem =
    end === 'stopping'
      ? new HttpProblem(
          'shutting-down',
          'the message is stored, but this node stops before the write concern holds',
          fields,
        )
      : new HttpProblem(
          'fenced',
          'the message is stored here, but another master has taken over and may not have it; ' +
            'send it there again, with the same idempotency key',
          fields,
        );
  call.sendProblem(problem);
}

function deadlineOf(port: MasterPort, preference: WaitPreference | null): number {
  return preference === null ? Number.POSITIVE_INFINITY : port.now() + preference.waitMs;
}

function healthOf(port: MasterPort, nodeId: string): object {
  const { core } = port;
  return {
    status: core.status(),
    nodeId,
    epoch: core.epoch,
    logId: core.logId,
    length: core.length,
    committed: core.committed,
    complete: core.isComplete,
    ...(core.recoveryReason === null ? {} : { reason: core.recoveryReason }),
    quorum: core.quorum(),
    waiting: core.waiting,
    secondaries: core.secondaries(port.now()),
    discarded: core.discarded,
    ...(core.fencedBy === null ? {} : { fenced: { byEpoch: core.fencedBy || null } }),
  };
}
