/** `GET /messages/{seq}`: one entry; on a master also which nodes hold it. */
import type { Accepted } from '../core/appends.ts';
import type { WaitEnd } from '../core/concerns/write-concern.ts';
import { parsePrefer } from '../http/headers.ts';
import { parseQuery } from '../http/query.ts';
import { type HeaderList, type RequestContext, sendJson } from '../http/request-context.ts';
import { parseWText } from '../wire/append-body.ts';
import { deadlineOf, HeldAnswer } from './held-answer.ts';
import { entryJson, readConcernIn, requireSeq } from './messages.ts';
import type { MasterPort, ReadPort } from './ports.ts';

/** Answers with the entry alone, as a secondary does. */
export function readEntry({ core }: ReadPort, context: RequestContext): void {
  context.log = core;
  const concern = readConcernIn(parseQuery(context.query, ['readConcern']));
  const seq = requireSeq(core, context.parameter, concern);
  sendJson(context.res, 200, entryJson(core.log, seq), context.logHeaders());
}

/** Answers with the entry and which nodes hold it; with `w` when enough do, or the client's wait has ended. */
export function readHeldEntry(port: MasterPort, context: RequestContext): void {
  const { core } = port;
  context.log = core;
  const parameters = parseQuery(context.query, ['w', 'readConcern']);
  const concern = readConcernIn(parameters);
  const wText = parameters.get('w');
  const w = wText === undefined ? null : parseWText(wText);
  const seq = requireSeq(core, context.parameter, concern);
  if (w === null) {
    const pieces = entryJson(core.log, seq, holdersOf(port, seq));
    sendJson(context.res, 200, pieces, context.logHeaders());
    return;
  }
  const preference = parsePrefer(context.req.headers.prefer);
  const answer = new AwaitedEntry(port, context, preference);
  answer.answerTo(port.await(seq, w, deadlineOf(port, preference), answer));
}

function holdersOf({ core }: MasterPort, seq: number): object {
  return { epoch: core.log.epochAt(seq), ...core.holders(seq) };
}

class AwaitedEntry extends HeldAnswer {
  protected members({ seq }: Accepted): object {
    return holdersOf(this.port, seq);
  }

  protected send(members: object, { seq }: Accepted, end: WaitEnd, headers: HeaderList): void {
    const status = end === 'holds' ? 200 : 202;
    sendJson(this.context.res, status, entryJson(this.port.core.log, seq, members), headers);
  }
}
