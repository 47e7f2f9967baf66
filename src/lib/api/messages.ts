/** `GET /messages`, the same on every node, and what it shares with reading one entry. */

import { type ReadConcern, shownTo } from '../core/concerns/read-barrier.ts';
import { startAt } from '../core/log/epochs.ts';
import type { Log } from '../core/log/log.ts';
import { matchesEtag } from '../http/headers.ts';
import { HttpProblem } from '../http/problems.ts';
import { parsePosition, parseQuery, positiveParameter } from '../http/query.ts';
import type { HeaderList, RequestContext } from '../http/request-context.ts';
import { type Route, route } from '../http/server.ts';
import { confirm, type MasterLength, readWait } from './linearizable.ts';
import { awaitShown, resumeAfter, tail } from './message-events.ts';
import { LINE, type Range, writeEntries, writeList } from './message-writers.ts';
import type { LogView, NodePort, ReadPort } from './ports.ts';

const [JSON_LIST, NDJSON, EVENTS] = [
  'application/json',
  'application/x-ndjson',
  'text/event-stream',
] as const;

/** `GET /messages`: the shown log or a page of it, streamed; events go on with new entries. */
export function listRoute(
  port: NodePort,
  masterLength: MasterLength | null = null,
  otherMethods?: string,
): Route {
  const types = [JSON_LIST, NDJSON, EVENTS];
  const served = route('GET', '/messages', 'client', types, (context) => {
    context.log = port.core;
    return list(port, masterLength, context);
  });
  return otherMethods === undefined ? served : { ...served, otherMethods };
}

async function list(
  port: NodePort,
  masterLength: MasterLength | null,
  context: RequestContext,
): Promise<void> {
  const { req, res, mediaType } = context;
  const parameters = parseQuery(context.query, ['from', 'limit', 'minSeq', 'readConcern']);
  const { concern, applied: confirmed } = await passReadConcern(
    port,
    masterLength,
    context,
    readConcernIn(parameters),
  );
  const first = positiveParameter(parameters, 'from', 1);
  const start = (mediaType === EVENTS ? resumeAfter(req) : null) ?? first;
  const limit = positiveParameter(parameters, 'limit', Number.MAX_SAFE_INTEGER);
  const minSeq = positiveParameter(parameters, 'minSeq', 0);
  const applied = minSeq === 0 ? confirmed : await passBarrier(port, context, minSeq, concern);
  if (res.destroyed) return;
  const { core } = port;
  const position = ['Log-Length', String(core.length), 'Log-Epoch', String(core.logEpoch)];
  const log = core.logId === null ? [] : ['Log-Id', encodeURIComponent(core.logId)];
  const headers = [...position, ...context.logHeaders(), ...log, ...applied];
  if (mediaType === EVENTS) await tail(port, context, { start, limit, concern }, headers);
  else {
    const to = Math.min(shownTo(core, concern), first + limit - 1);
    await page(core, context, { from: first, to }, concern, headers);
  }
}

/** The read concern of a request; 400 `bad-request` if there is no such. */
export function readConcernIn(
  parameters: ReadonlyMap<string, string>,
): ReadConcern | 'linearizable' {
  const value = parameters.get('readConcern') ?? 'local';
  if (value === 'local' || value === 'majority' || value === 'linearizable') return value;
  throw new HttpProblem('bad-request', "'readConcern' must be local, majority or linearizable");
}

/**
 * What the reader is shown. A linearizable read is shown what is committed, once that is all that was acknowledged
 * before it came.
 */
export async function passReadConcern(
  port: NodePort,
  masterLength: MasterLength | null,
  context: RequestContext,
  concern: ReadConcern | 'linearizable',
): Promise<{ readonly concern: ReadConcern; readonly applied: HeaderList }> {
  if (concern !== 'linearizable') return { concern, applied: [] };
  const { length, deadline, applied } = await confirm(port, masterLength, context);
  await requireShown(port, context, { seq: length, concern: 'majority', deadline }, () => {
    const detail = `this node knows ${port.core.committed} messages to be committed, not yet ${length}`;
    return new HttpProblem('not-linearizable', detail);
  });
  return { concern: 'majority', applied };
}

/** Answers with a page of what is shown now. */
async function page(
  view: LogView,
  { req, res, mediaType }: RequestContext,
  range: Range,
  concern: ReadConcern,
  headers: HeaderList,
): Promise<void> {
  const isList = mediaType === JSON_LIST;
  const form = `${isList ? '' : '.lines'}${concern === 'local' ? '' : `.${concern}`}`;
  const etag = etagOf(view, range, form);
  const tagged = [...headers, 'ETag', etag, 'Cache-Control', 'no-cache'];
  if (matchesEtag(req.headers['if-none-match'], etag)) {
    res.writeHead(304, tagged).end();
    return;
  }
  const { from, to } = range;
  // The length of lines is not known in advance. They are sent in chunks, so that a reader notices a cut-off answer.
  const length = isList ? ['Content-Length', String(view.log.sliceBytes(from, to) + 2)] : [];
  res.writeHead(200, ['Content-Type', mediaType, ...length, ...tagged]);
  if (req.method === 'HEAD') res.end();
  else if (isList) await writeList(res, view.log, range);
  else {
    const last = await writeEntries(res, view.log, range, LINE);
    // An incomplete answer must not look complete.
    if (last < range.to) res.destroy();
    else if (!res.destroyed) res.end();
  }
}

/**
 * The entity tag of a page: its log, the epoch and writer of its last entry, and its first and last seq. Two logs
 * that agree on the last entry agree on all entries before it, so a page with this tag never changes. Names are
 * encoded, because a logId may be any text.
 */
function etagOf({ log, logId }: LogView, { from, to }: Range, form: string): string {
  const name = encodeURIComponent(logId ?? 'empty');
  const start = startAt(log.epochs, to);
  if (from > to || start === undefined) return `"${name}.empty${form}"`;
  const { epoch, writer } = start;
  const writerPart = writer && `.${encodeURIComponent(writer)}`;
  return `"${name}.${epoch}${writerPart}.${from}-${to}${form}"`;
}

/**
 * Waits until the node shows `minSeq`, so that a client can read its own writes at any node; 503 `not-caught-up`
 * if that takes too long. Returns the header that says which preference was applied.
 */
async function passBarrier(
  port: ReadPort,
  context: RequestContext,
  minSeq: number,
  concern: ReadConcern,
): Promise<HeaderList> {
  const { deadline, applied } = readWait(port, context);
  await requireShown(port, context, { seq: minSeq, concern, deadline }, () => {
    const { length, committed } = port.core;
    const isLocal = concern === 'local';
    const what = isLocal
      ? `shows ${length}`
      : `knows ${committed} to be committed of its ${length}`;
    const detail = `this node ${what} messages, not yet seq ${minSeq}; try again, or another node`;
    const more = isLocal ? {} : { committed };
    return new HttpProblem('not-caught-up', detail, { length, minSeq, ...more });
  });
  return applied;
}

/**
 * Resolves when the node shows `seq` to readers of this concern, or when the reader is gone. Rejects with the problem
 * of `late` after the deadline, and with 503 `shutting-down` if the node stops.
 */
async function requireShown(
  port: ReadPort,
  { res }: RequestContext,
  { seq, concern, deadline }: { seq: number; concern: ReadConcern; deadline: number },
  late: () => HttpProblem,
): Promise<void> {
  while (shownTo(port.core, concern) < seq && !res.destroyed) {
    if (port.now() >= deadline) throw late();
    const end = await awaitShown(port, res, seq, deadline, concern);
    if (end === 'stopping') throw new HttpProblem('shutting-down', 'this node is stopping');
  }
}

/** Reads the seq in a path; 404 unless it is shown to readers of this concern. */
export function requireSeq(view: LogView, text: string, concern: ReadConcern): number {
  const seq = parsePosition(text);
  if (seq !== null && seq <= shownTo(view, concern)) return seq;
  const { length, committed } = view;
  const of = concern === 'local' ? '' : `, of which ${committed} are known to be committed`;
  const detail = `there is no such message; the log has ${length}${of}`;
  throw new HttpProblem('not-found', detail, { length });
}

/** `{"seq":3,"message":"Msg3",...}` in pieces; `more` has further members. */
export function entryJson(log: Log, seq: number, more: object = {}): Uint8Array[] {
  const rest = JSON.stringify(more).slice(1);
  const separator = rest === '}' ? '' : ',';
  return [
    Buffer.from(`{"seq":${seq},"message":`),
    log.textAt(seq),
    Buffer.from(`${separator}${rest}`),
  ];
}
