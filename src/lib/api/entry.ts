/** `GET /messages/{seq}`: one entry; on a master also which nodes hold it. */
import type { Accepted } from '../core/appends.ts';
import type { WaitEnd } from '../core/concerns/write-concern.ts';
import type { Master } from '../core/master.ts';
import { parsePrefer } from '../http/headers.ts';
import { problemOf } from '../http/problems.ts';
import { parseQuery } from '../http/query.ts';
import { type HeaderList, type RequestContext, sendJson } from '../http/request-context.ts';
import { parseWText } from '../wire/append-body.ts';
import { deadlineOf, HeldAnswer } from './held-answer.ts';
import type { MasterLength } from './linearizable.ts';
import { entryJson, passReadConcern, readConcernIn, requireSeq } from './messages.ts';
import type { NodePort } from './ports.ts';

/** Answers with the entry alone, as a secondary does. */
export async function readEntry(
  port: NodePort,
  masterLength: MasterLength | null,
  context: RequestContext,
): Promise<void> {
  const { core } = port;
  context.log = core;
  const wished = readConcernIn(parseQuery(context.query, ['readConcern']));
  const { concern } = await passReadConcern(port, masterLength, context, wished);
  const seq = requireSeq(core, context.parameter, concern);
  sendJson(context.res, 200, entryJson(core.log, seq), context.logHeaders());
}

/** Answers with the entry and which nodes hold it; with `w` when enough do, or the client's wait has ended. */
export async function readHeldEntry(
  port: NodePort,
  masterLength: MasterLength | null,
  context: RequestContext,
): Promise<void> {
  const { core } = port;
  context.log = core;
  const parameters = parseQuery(context.query, ['w', 'readConcern']);
  const wished = readConcernIn(parameters);
  const wText = parameters.get('w');
  const w = wText === undefined ? null : parseWText(wText);
  // Which nodes hold it is known to the master alone.
  if (w !== null && core.role !== 'master') throw problemOf(core.notMaster(port.now()));
  const { concern } = await passReadConcern(port, masterLength, context, wished);
  const seq = requireSeq(core, context.parameter, concern);
  // It may have stepped down meanwhile.
  const { activeMaster: master } = core;
  if (master === null) {
    if (w !== null) throw problemOf(core.notMaster(port.now()));
    sendJson(context.res, 200, entryJson(core.log, seq), context.logHeaders());
    return;
  }
  if (w === null) {
    const pieces = entryJson(core.log, seq, holdersOf(master, seq));
    sendJson(context.res, 200, pieces, context.logHeaders());
    return;
  }
  const preference = parsePrefer(context.req.headers.prefer);
  const answer = new AwaitedEntry(port, context, preference);
  answer.answerTo(port.await(seq, w, deadlineOf(port, preference), answer));
}

function holdersOf(master: Master, seq: number): object {
  return { epoch: master.log.epochAt(seq), ...master.holders(seq) };
}

class AwaitedEntry extends HeldAnswer {
  protected members({ seq }: Accepted): object {
    return holdersOf(this.master, seq);
  }

  protected send(members: object, { seq }: Accepted, end: WaitEnd, headers: HeaderList): void {
    const status = end === 'holds' ? 200 : 202;
    sendJson(this.context.res, status, entryJson(this.port.core.log, seq, members), headers);
  }
}
