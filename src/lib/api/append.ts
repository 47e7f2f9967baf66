/** `POST /messages` on a master: reads and checks the body, appends, and answers with a receipt. */
import type { Accepted } from '../core/appends.ts';
import type { WaitEnd, WriteConcern } from '../core/concerns/write-concern.ts';
import { readBody } from '../http/body.ts';
import {
  parseIdempotencyKey,
  parsePrefer,
  requireContentType,
  type WaitPreference,
} from '../http/headers.ts';
import { appendBodyBytesMax } from '../http/limits.ts';
import { parseQuery } from '../http/query.ts';
import { type HeaderList, type RequestContext, sendJson } from '../http/request-context.ts';
import { readAppend } from '../wire/append-body.ts';
import { deadlineOf, HeldAnswer } from './held-answer.ts';
import type { NodePort } from './ports.ts';

export interface AppendOptions {
  readonly defaultW: WriteConcern;
  /** The largest message, in bytes of UTF-8. */
  readonly messageBytesMax: number;
}

/** Appends the messages of the body, and answers when their write concern holds or the client's wait has ended. */
export function append(port: NodePort, options: AppendOptions, context: RequestContext): void {
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
    answerInTurn(port, context, () => receipt.answerTo(port.append(request, receipt, context)));
  });
}

/** Answers at once, or after the handover of this master: appends wait meanwhile rather than fail. */
function answerInTurn(port: NodePort, context: RequestContext, answer: () => void): void {
  const mustWait = port.whenHandedOver(() => {
    try {
      if (!context.res.destroyed) answer();
    } catch (error) {
      context.fail(error);
    }
  });
  if (!mustWait) answer();
}

class Receipt extends HeldAnswer {
  /** Whether the client sent a list, also of one message. */
  readonly #isBatch: boolean;

  constructor(
    port: NodePort,
    context: RequestContext,
    preference: WaitPreference | null,
    isBatch: boolean,
  ) {
    super(port, context, preference);
    this.#isBatch = isBatch;
  }

  protected members({ seq, count, w, isDuplicate }: Accepted): object {
    const { master } = this;
    const { acked, pending } = master.holders(seq + count - 1);
    const epoch = master.log.epochAt(seq);
    const receipt = { seq, epoch, w, acked, pending };
    if (!this.#isBatch && !isDuplicate) return receipt;
    return {
      ...receipt,
      ...(this.#isBatch ? { count } : {}),
      ...(isDuplicate ? { duplicate: true } : {}),
    };
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
