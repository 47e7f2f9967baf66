/**
 * A tail: the log as events, from a seq on and then live, to a reader who may go away and come back to
 * any node with the last id it saw. Between two pieces it holds a place in the node's list of readers
 * and nothing else; who reads slowly gets later what others have had.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ReadEnd } from '../core/read-barrier.ts';
import type { Call, HeaderList } from './call.ts';
import { TAIL_COMMENT_MS } from './limits.ts';
import { EVENT, type Range, writeEntries } from './log-writers.ts';
import type { ReadPort } from './ports.ts';
import { HttpProblem } from './problems.ts';

/** The seq to go on with after the `Last-Event-ID` of the request; null if it has none. */
export function resumeAfter(req: IncomingMessage): number | null {
  const header = req.headers['last-event-id'];
  const text = (Array.isArray(header) ? header.join() : (header ?? '')).trim();
  if (text === '') return null;
  const seq = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (seq < Number.MAX_SAFE_INTEGER) return seq + 1;
  throw new HttpProblem('bad-range', 'Last-Event-ID must be the seq of a message, or 0');
}

/** Answers with events until `to`, the reader or the node is at an end. */
export async function tail(
  port: ReadPort,
  call: Call,
  { from, to }: Range,
  headers: HeaderList,
): Promise<void> {
  const { res } = call;
  if (!beginEvents(call, headers)) return;
  const { core } = port;
  const { cuts } = core.log;
  let next = from;
  let commentAt = port.now() + TAIL_COMMENT_MS;
  while (next <= to && !res.destroyed) {
    const shown = Math.min(core.length, to);
    if (next <= shown) {
      await writeEntries(res, core.log, { from: next, to: shown }, EVENT);
      next = shown + 1;
    } else if ((await awaitShown(port, res, next, commentAt)) === 'stopping') break;
    // What was told may not be in the log any more: who comes back goes on with the log as it is.
    if (core.log.cuts !== cuts) break;
    if (port.now() < commentAt) continue;
    res.write(':\n\n');
    commentAt = port.now() + TAIL_COMMENT_MS;
  }
  if (!res.destroyed) res.end();
}

/** Sends the headers of a stream of events; false if nothing more is wanted. */
export function beginEvents({ req, res }: Call, headers: HeaderList = []): boolean {
  const fixed = ['Content-Type', 'text/event-stream', 'Cache-Control', 'no-store'];
  res.writeHead(200, [...fixed, 'X-Accel-Buffering', 'no', ...headers]);
  if (req.method === 'HEAD') {
    res.end();
    return false;
  }
  res.flushHeaders();
  return true;
}

/** Waits until the node shows `seq`, or should be looked at again; also over when the reader is gone. */
export function awaitShown(
  port: ReadPort,
  res: ServerResponse,
  seq: number,
  deadline: number,
): Promise<ReadEnd | 'gone'> {
  return new Promise((resolve) => {
    const onClose = () => {
      if (waiter !== null) port.cancelRead(waiter);
      resolve('gone');
    };
    const waiter = port.awaitShown(seq, deadline, (end) => {
      res.removeListener('close', onClose);
      resolve(end);
    });
    if (waiter === null) resolve('stopping');
    else res.once('close', onClose);
  });
}
