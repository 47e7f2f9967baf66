/** Reading the log, the same on every node: `GET /messages` and one entry. */
import type { ServerResponse } from 'node:http';
import { startAt } from '../core/epochs.ts';
import type { Log } from '../core/log.ts';
import { type Call, endWith } from './call.ts';
import { matchesEtag } from './headers.ts';
import { READ_CHUNK_BYTES } from './limits.ts';
import { HttpProblem } from './problems.ts';
import { parsePosition, parseQuery, positiveParameter } from './query.ts';
import type { Route } from './server.ts';

/** The log a node shows. */
export interface LogView {
  readonly log: Log;
  /** How many of its messages are shown. */
  readonly length: number;
  readonly logId: string | null;
  /**
   * Who wrote what is shown: under one epoch it only grows, and no seq changes its text. (A node may have
   * heard of a newer epoch already, and not know yet what that makes of its log.)
   */
  readonly logEpoch: number;
}

/** `GET /messages`: the visible log or a page of it, streamed. */
export function listRoute(view: LogView, otherMethods?: string): Route {
  return {
    method: 'GET',
    path: '/messages',
    access: 'client',
    produces: 'application/json',
    handle: (call) => list(view, call),
    ...(otherMethods === undefined ? {} : { otherMethods }),
  };
}

async function list(view: LogView, { req, res, query }: Call): Promise<void> {
  const { log, length } = view;
  const parameters = parseQuery(query, ['from', 'limit']);
  const from = positiveParameter(parameters, 'from', 1);
  const limit = positiveParameter(parameters, 'limit', Number.MAX_SAFE_INTEGER);
  const to = Math.min(length, from + limit - 1);
  const etag = etagOf(view, from, to);
  const headers = { 'Log-Length': length, 'Log-Epoch': view.logEpoch, ETag: etag };
  if (matchesEtag(req.headers['if-none-match'], etag)) {
    res.writeHead(304, headers).end();
    return;
  }
  const bytes = log.sliceBytes(from, to) + 2;
  res.writeHead(200, {
    'Content-Type': 'application/json',
    'Content-Length': bytes,
    'Cache-Control': 'no-cache',
    ...headers,
  });
  if (req.method === 'HEAD') res.end();
  else await writeList(res, log, from, to);
}

/**
 * A page is immutable once it is written: the log, the epoch, writer and seq of its last entry name it
 * (two logs that agree there agree on all before), and its beginning and end. A logId may be any
 * text that a master chose, and a header may not.
 */
function etagOf({ log, logId }: LogView, from: number, to: number): string {
  const name = encodeURIComponent(logId ?? 'virgin');
  const start = startAt(log.epochs, to);
  if (from > to || start === undefined) return `"${name}.empty"`;
  const { epoch, writer } = start;
  const writerPart = writer === null ? '' : `.${encodeURIComponent(writer)}`;
  return `"${name}.${epoch}${writerPart}.${from}-${to}"`;
}

/** Writes `[...]` a chunk at a time, and the next one only when the reader has taken the last. */
async function writeList(res: ServerResponse, log: Log, from: number, to: number): Promise<void> {
  const open = Buffer.from('[');
  const close = Buffer.from(']');
  const end = from > to ? to : log.pageEnd(from, to, READ_CHUNK_BYTES);
  if (end >= to) {
    endWith(res, [open, ...log.slices(from, to), close]);
    return;
  }
  const { cuts } = log;
  res.write(open);
  for (let seq = from; seq <= to && !res.destroyed; ) {
    const last = log.pageEnd(seq, to, READ_CHUNK_BYTES);
    for (const slice of log.slices(seq, last)) res.write(slice);
    if (last < to) res.write(',');
    seq = last + 1;
    await readyForMore(res);
    // What was promised is not there any more; half of it must not look like all of it.
    if (log.cuts !== cuts) res.destroy();
  }
  if (!res.destroyed) res.end(close);
}

/**
 * Waits until the reader has room, or is gone; and lets others have their turn in any case: what the
 * system takes at once is drained at once, and a reader that keeps up would have the process for itself.
 */
export async function readyForMore(res: ServerResponse): Promise<void> {
  if (res.writableNeedDrain) await drained(res);
  if (!res.destroyed) await new Promise((resolve) => setImmediate(resolve));
}

function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      res.removeListener('drain', done).removeListener('close', done);
      resolve();
    };
    res.on('drain', done).on('close', done);
  });
}

/** The seq that a path names, which must be in the log; 404 otherwise. */
export function requireSeq({ length }: { readonly length: number }, text: string): number {
  const seq = parsePosition(text);
  if (seq !== null && seq <= length) return seq;
  const detail = `there is no such message; the log has ${length}`;
  throw new HttpProblem('not-found', detail, { length });
}

/** `{"seq":3,"message":"Msg3",...}` in pieces; `more` are further members, as an object. */
export function entryJson(log: Log, seq: number, more: object = {}): Uint8Array[] {
  const rest = JSON.stringify(more).slice(1);
  const separator = rest === '}' ? '' : ',';
  return [
    Buffer.from(`{"seq":${seq},"message":`),
    log.textAt(seq),
    Buffer.from(`${separator}${rest}`),
  ];
}
