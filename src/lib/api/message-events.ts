/**
 * A tail: the log as events, from a seq on and then live. A reader may disconnect and continue at any node with the
 * id that it saw last. While it waits for entries it costs the node one waiter. A slow reader delays only itself.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Follower } from '../core/concerns/follower.ts';
import { type ReadConcern, type ReadEnd, shownTo } from '../core/concerns/read-barrier.ts';
import type { LogPosition, Reset } from '../core/log/log-position.ts';
import { TAIL_COMMENT_MS } from '../http/limits.ts';
import type { HeaderList, RequestContext } from '../http/request-context.ts';
import { eventIdAt, ID_DIGESTS, parseEventId } from '../wire/event-id.ts';
import { eventForm, writeEntries } from './message-writers.ts';
import type { LogView, ReadPort } from './ports.ts';

/** Where a reader with this `Last-Event-ID` goes on; null without the header. */
export function resumeAfter(req: IncomingMessage): number | LogPosition | null {
  const header = req.headers['last-event-id'];
  const text = (Array.isArray(header) ? header.join() : (header ?? '')).trim();
  return text === '' ? null : parseEventId(text);
}

interface TailRequest {
  /** The first seq, or the position of the entry that the reader saw last. */
  readonly start: number | LogPosition;
  /** The largest number of entries. */
  readonly limit: number;
  readonly concern: ReadConcern;
}

/** Answers with events until `limit` entries were sent, the reader is gone, or the node stops. */
export async function tail(
  port: ReadPort,
  context: RequestContext,
  { start, limit, concern }: TailRequest,
  headers: HeaderList,
): Promise<void> {
  const { res } = context;
  if (!beginEvents(context, headers)) return;
  const { core } = port;
  const follower = new Follower(core, () => shownTo(core, concern), start, ID_DIGESTS, concern);
  const form = eventForm((seq) => eventIdAt(core, seq));
  let left = limit;
  let commentAt = port.now() + TAIL_COMMENT_MS;
  while (left > 0 && !res.destroyed) {
    const reset = follower.look();
    if (reset !== null) res.write(resetEvent(core, reset));
    const { next: from, last: shown } = follower;
    if (from <= shown) {
      const range = { from, to: Math.min(shown, from + left - 1) };
      const last = await writeEntries(res, core.log, range, form);
      follower.told(last);
      left -= last - from + 1;
    } else {
      const end = await awaitShown(port, res, follower.awaited, commentAt, concern);
      if (end === 'stopping') break;
    }
    if (port.now() < commentAt) continue;
    res.write(':\n\n');
    commentAt = port.now() + TAIL_COMMENT_MS;
  }
  if (!res.destroyed) res.end();
}

/** Tells the reader that its entries from `from` on may not be in this log. The id is that of the entry before. */
function resetEvent(view: LogView, { from, reason }: Reset): string {
  const id = from === 1 ? '0' : `${from - 1}${eventIdAt(view, from - 1).rest}`;
  const data = JSON.stringify({ from, logId: view.logId, reason });
  return `id: ${id}\nevent: reset\ndata: ${data}\n\n`;
}

/** Sends the headers of a stream of events; false for HEAD, whose answer ends there. */
export function beginEvents({ req, res }: RequestContext, headers: HeaderList = []): boolean {
  const fixed = ['Content-Type', 'text/event-stream', 'Cache-Control', 'no-store'];
  res.writeHead(200, [...fixed, 'X-Accel-Buffering', 'no', ...headers]);
  if (req.method === 'HEAD') {
    res.end();
    return false;
  }
  res.flushHeaders();
  return true;
}

/** Like `ReadPort.awaitShown`; also resolves when the reader disconnects. */
export function awaitShown(
  port: ReadPort,
  res: ServerResponse,
  seq: number,
  deadline: number,
  concern: ReadConcern,
): Promise<ReadEnd | 'gone'> {
  return new Promise((resolve) => {
    const onClose = () => {
      if (waiter !== null) port.cancelRead(waiter);
      resolve('gone');
    };
    const onEnd = (end: ReadEnd) => {
      res.removeListener('close', onClose);
      resolve(end);
    };
    const waiter = port.awaitShown(seq, deadline, onEnd, concern);
    if (waiter === null) resolve('stopping');
    else res.once('close', onClose);
  });
}
