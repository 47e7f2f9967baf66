/**
 * `GET /replicate?from=N` on a secondary: its log as frames, one per line, for a starting master that adopts it. The
 * first frame has the list of epochs under which the log was written. A long list is spread over several frames, of
 * which only the last has entries.
 */
import type { ServerResponse } from 'node:http';
import { frameEnd } from '../core/replication/frame-end.ts';
import { FRAME_EPOCHS_MAX } from '../core/replication/outgoing-stream.ts';
import type { Secondary } from '../core/secondary.ts';
import { HttpProblem } from '../http/problems.ts';
import { parseQuery, positiveParameter } from '../http/query.ts';
import { type RequestContext, readyForMore } from '../http/request-context.ts';
import { encodeFrame } from '../wire/frame.ts';

/** Answers with the frames from `from` on; at least one, perhaps without messages. */
export async function exportLog(
  core: Secondary,
  { req, res, query }: RequestContext,
): Promise<void> {
  const from = positiveParameter(parseQuery(query, ['from']), 'from', 1);
  const { logId, length } = core;
  if (logId === null) throw new HttpProblem('not-found', 'this node has no log yet');
  res.writeHead(200, { 'Content-Type': 'application/x-ndjson', 'Log-Length': length });
  if (req.method === 'HEAD') res.end();
  else await writeFrames(res, core, logId, from, length);
}

async function writeFrames(
  res: ServerResponse,
  core: Secondary,
  logId: string,
  from: number,
  length: number,
): Promise<void> {
  const { log, keys } = core;
  const { cuts } = log;
  const { bootId, epoch, writer } = core;
  const origin = { logId, epoch, writer, bootId, log, keys };
  // A copy, because the log may grow meanwhile. It has the epochs of all entries up to `length`.
  const epochs = [...log.epochs];
  let told = 0;
  for (; epochs.length - told > FRAME_EPOCHS_MAX && !res.destroyed; told += FRAME_EPOCHS_MAX) {
    const starts = epochs.slice(told, told + FRAME_EPOCHS_MAX);
    const part = { offset: told, hasMore: true };
    const frame = { ...origin, from, to: from - 1, epochs: starts, part };
    for (const piece of encodeFrame(frame)) res.write(piece);
    await readyForMore(res);
    if (log.cuts !== cuts) res.destroy();
  }
  const part = { offset: told, hasMore: false };
  let seq = from;
  do {
    const to = seq > length ? seq - 1 : frameEnd(log, keys, seq, length);
    const starts = seq === from ? epochs.slice(told) : null;
    const frame = { ...origin, from: seq, to, epochs: starts, part };
    for (const piece of encodeFrame(frame)) res.write(piece);
    seq = to + 1;
    await readyForMore(res);
    // The log may be cut after a promise to a newer ballot; entries that were cut off must not be sent.
    const isSame = core.epoch === epoch && core.writer === writer && core.logId === logId;
    if (!isSame || log.cuts !== cuts) res.destroy();
  } while (seq <= length && !res.destroyed);
  if (!res.destroyed) res.end();
}
