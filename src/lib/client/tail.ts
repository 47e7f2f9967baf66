/**
 * Follows the log without end: entries as any node shows them, each once and in order. When a node fails the next
 * one goes on behind the last entry that was taken. The request has the id of that entry, by which the node checks
 * that it has the same one. A pause follows when all nodes have failed in turn.
 */
import type { ReadConcern } from '../core/concerns/read-barrier.ts';
import { TAIL_COMMENT_MS } from '../http/limits.ts';
import { nodeAhead } from './ahead.ts';
import type { Caller, OpenAnswer } from './caller.ts';
import { eventsIn, type LogEvent } from './entries.ts';
import { LogResetError, mayPass, NoAnswerError, retryAfterMs } from './errors.ts';
import type { Nodes } from './nodes.ts';
import type { TailOptions } from './options.ts';
import { positionOrNull } from './position.ts';
import type { TailEntry } from './receipt.ts';
import type { Scope } from './scope.ts';

/**
 * The entries from the place that the options name. Ends only by an error.
 * @throws TypeError if `after` is no id; ProblemError for a refusal that a retry cannot change; LogResetError if
 *   given entries are no longer in the log and there is no `onReset`; the reason of an abort; what `onReset` throws
 */
export async function* followEntries(
  caller: Caller,
  nodes: Nodes,
  scope: Scope,
  options: TailOptions,
): AsyncGenerator<TailEntry> {
  // A node sends a comment at least every TAIL_COMMENT_MS; one may be late.
  const quietMsMax = 2 * TAIL_COMMENT_MS + caller.timeoutMs;
  const { readConcern = 'local', onReset } = options;
  const path = readConcern === 'local' ? '/messages' : `/messages?readConcern=${readConcern}`;
  const place = new Place(options);
  let failures = 0;
  for (;;) {
    const [url] = nodes.readers() as [string];
    try {
      const headers = { accept: 'text/event-stream', 'last-event-id': place.id };
      const answer = await caller.open(scope, url, { path, headers });
      leaveWhenBehind(caller, nodes, answer, url, () => place.last, readConcern);
      try {
        for await (const event of eventsIn(answer, quietMsMax)) {
          if (!place.isMoved(event, url)) continue;
          failures = 0;
          if (event.reset === undefined) yield { ...event.entry, id: event.id };
          else if (onReset === undefined) throw new LogResetError(event.reset, event.id);
          else onReset(event.reset);
        }
      } finally {
        answer.scope.close();
      }
      throw new NoAnswerError(`${url} ended its events`);
    } catch (error) {
      scope.signal.throwIfAborted();
      if (!mayPass(error)) throw error;
      nodes.leaveReader(url);
      failures += 1;
      const rounds = failures / nodes.urls.length;
      if (Number.isInteger(rounds)) await caller.pause(scope, rounds, retryAfterMs(error));
    }
  }
}

/** How far a tail has come. */
class Place {
  /** The seq of the last entry that is still valid. */
  last: number;
  /** The id after which nodes are asked to go on. */
  id: string;

  /** @throws TypeError if `after` is no id */
  constructor({ after, from = 1 }: TailOptions) {
    if (after !== undefined && !/^\d{1,16}(-[\w.-]+)?$/.test(after)) {
      throw new TypeError(`after must be the id of an entry of a tail; got '${after}'`);
    }
    this.id = after ?? String(from - 1);
    this.last = Number.parseInt(this.id, 10);
  }

  /**
   * Takes an event; false if it is an entry that was taken before.
   * @throws NoAnswerError if the event cannot come next
   */
  isMoved({ id, entry, reset }: LogEvent, url: string): boolean {
    const last = reset === undefined ? entry.seq : reset.from - 1;
    if (reset === undefined ? last > this.last + 1 : last > this.last) {
      throw new NoAnswerError(`${url} left out seq ${this.last + 1}`);
    }
    if (reset === undefined && last <= this.last) return false;
    this.last = last;
    // An event may lack an id, as behind a proxy; the seq alone is one.
    this.id = id === '' ? String(last) : id;
    return true;
  }
}

/** Closes the connection when its node stays behind another one, so that the tail goes on there. */
function leaveWhenBehind(
  caller: Caller,
  nodes: Nodes,
  { response, scope }: OpenAnswer,
  url: string,
  last: () => number,
  concern: ReadConcern,
): void {
  const others = nodes.urls.filter((other) => other !== url);
  if (others.length === 0) return;
  nodeAhead(caller, scope, url, others, positionOrNull(response.headers), last, concern).then(
    (ahead) => {
      nodes.readFrom(ahead);
      scope.close();
    },
    () => {}, // The connection has ended before.
  );
}
