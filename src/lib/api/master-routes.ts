/** The client API of the master: append, read, await a write concern, health. */

import type { Accepted } from '../core/appends.ts';
import type { Refusal } from '../core/refusal.ts';
import { type HeartbeatConfig, PAUSE_MS } from '../core/replication/heartbeat.ts';
import type { WaitEnd, Waiter, WriteConcern } from '../core/replication/write-concern.ts';
import { readBody } from '../http/body.ts';
import {
  parseIdempotencyKey,
  parsePrefer,
  requireContentType,
  type WaitPreference,
} from '../http/headers.ts';
import { appendBodyBytesMax } from '../http/limits.ts';
import { HttpProblem, problemOf } from '../http/problems.ts';
import { parseQuery } from '../http/query.ts';
import { type HeaderList, type RequestContext, sendJson } from '../http/request-context.ts';
import type { Route } from '../http/server.ts';
import { parseWText, readAppend } from '../wire/schema.ts';
import { healthRoutes } from './health.ts';
import { entryJson, listRoute, readConcernIn, requireSeq } from './messages.ts';
import { metricsRoute } from './metrics.ts';
import { openapiRoute } from './openapi.ts';
import { pageRoute } from './page.ts';
import type { MasterPort } from './ports.ts';
import { type SecondaryAddress, secondaryFaultRoutes } from './secondary-faults.ts';

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
    {
      ...json,
      method: 'POST',
      path: '/messages',
      handle: (context) => append(port, options, context),
    },
    listRoute(port),
    { ...json, method: 'GET', path: '/messages/{}', handle: (context) => readEntry(port, context) },
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

function append(port: MasterPort, options: MasterRoutesOptions, context: RequestContext): void {
  const { req, query } = context;
  const { messageBytesMax } = options;
  context.log = port.core;
  parseQuery(query, []);
  requireContentType(req, 'application/json');
  const key = parseIdempotencyKey(req);
  const preference = parsePrefer(req.headers.prefer);
  readBody(context, appendBodyBytesMax(messageBytesMax), (bytes) => {
    const { messages, isBatch, w } = readAppend(bytes, messageBytesMax);
    const deadline = deadlineOf(port, preference);
    const request = { messages, key, w: w ?? options.defaultW, deadline };
    const receipt = new Receipt(port, context, preference, isBatch);
    receipt.answerTo(port.append(request, (end) => receipt.over(end), context));
  });
}

function readEntry(port: MasterPort, context: RequestContext): void {
  const { req, parameter, query } = context;
  context.log = port.core;
  const parameters = parseQuery(query, ['w', 'readConcern']);
  const concern = readConcernIn(parameters);
  const wText = parameters.get('w');
  const w = wText === undefined ? null : parseWText(wText);
  const seq = requireSeq(port.core, parameter, concern);
  const preference = w === null ? null : parsePrefer(req.headers.prefer);
  const entry = new Entry(port, context, preference, seq);
  if (w === null) entry.answerNow();
  else {
    const deadline = deadlineOf(port, preference);
    entry.answerTo(port.await(seq, w, deadline, (end) => entry.over(end)));
  }
}

/**
 * An answer that may wait for a write concern; a client that goes away meanwhile stops waiting. Every
 * append makes one, so it keeps what it needs in fields: a closure for each of its steps costs more.
 */
abstract class HeldAnswer {
  protected readonly port: MasterPort;
  protected readonly context: RequestContext;
  readonly #preference: WaitPreference | null;
  #accepted: Accepted | null = null;
  #waiter: Waiter | null = null;

  constructor(port: MasterPort, context: RequestContext, preference: WaitPreference | null) {
    this.port = port;
    this.context = context;
    this.#preference = preference;
  }

  /** The members that tell how far it is now. */
  protected abstract members(accepted: Accepted): object;

  /** Sends them, with these headers and its own. */
  protected abstract send(
    members: object,
    accepted: Accepted,
    end: WaitEnd,
    headers: HeaderList,
  ): void;

  /** Answers to what came of the request: at once, or when `over` tells that the wait has ended. */
  answerTo(outcome: Accepted | Refusal): void {
    if (outcome.kind === 'refused') throw problemOf(outcome);
    this.#accepted = outcome;
    const { wait } = outcome;
    if (typeof wait === 'string') {
      // Who holds it now: before the answer leaves, one of them may be met in a new incarnation.
      const told = this.members(outcome);
      this.context.answerSoon(() => this.#answer(wait, told));
      return;
    }
    this.#waiter = wait;
    this.context.res.on('close', () => {
      if (this.#waiter !== null) this.port.cancel(this.#waiter);
    });
  }

  /** The wait is over. */
  over(end: WaitEnd): void {
    this.#answer(end, this.members(this.#accepted as Accepted));
  }

  #answer(end: WaitEnd, told: object): void {
    this.#waiter = null;
    if (end === 'stopping' || end === 'fenced') {
      sendUnheld(this.context, end, told);
      return;
    }
    const headers = this.context.logHeaders();
    if (this.#preference !== null) headers.push('Preference-Applied', this.#preference.applied);
    this.send(told, this.#accepted as Accepted, end, headers);
  }
}

/** The answer to an append. */
class Receipt extends HeldAnswer {
  readonly #isBatch: boolean;

  constructor(
    port: MasterPort,
    context: RequestContext,
    preference: WaitPreference | null,
    isBatch: boolean,
  ) {
    super(port, context, preference);
    this.#isBatch = isBatch;
  }

  protected members({ seq, count, w, isDuplicate }: Accepted): object {
    const { core } = this.port;
    const { acked, pending } = core.holders(seq + count - 1);
    const epoch = core.log.epochAt(seq);
    if (!this.#isBatch && !isDuplicate) return { seq, epoch, w, acked, pending };
    const more = {
      ...(this.#isBatch ? { count } : {}),
      ...(isDuplicate ? { duplicate: true } : {}),
    };
    return { seq, epoch, w, acked, pending, ...more };
  }

  protected send(
    receipt: object,
    { seq, isDuplicate }: Accepted,
    end: WaitEnd,
    headers: HeaderList,
  ): void {
    const done = isDuplicate ? 200 : 201;
    const status = end === 'holds' ? done : 202;
    headers.push('Location', `/messages/${seq}`);
    sendJson(this.context.res, status, JSON.stringify(receipt), headers);
  }
}

/** One entry, and who holds it. */
class Entry extends HeldAnswer {
  readonly #seq: number;

  constructor(
    port: MasterPort,
    context: RequestContext,
    preference: WaitPreference | null,
    seq: number,
  ) {
    super(port, context, preference);
    this.#seq = seq;
  }

  answerNow(): void {
    this.#send(200, this.members(), this.context.logHeaders());
  }

  protected members(): object {
    const { core } = this.port;
    return { epoch: core.log.epochAt(this.#seq), ...core.holders(this.#seq) };
  }

  protected send(members: object, _: Accepted, end: WaitEnd, headers: HeaderList): void {
    this.#send(end === 'holds' ? 200 : 202, members, headers);
  }

  #send(status: number, members: object, headers: HeaderList): void {
    sendJson(this.context.res, status, entryJson(this.port.core.log, this.#seq, members), headers);
  }
}

/** The message is stored here, but its write concern will not hold in this run of the node. */
function sendUnheld(context: RequestContext, end: 'stopping' | 'fenced', members: object): void {
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
  context.sendProblem(problem);
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
