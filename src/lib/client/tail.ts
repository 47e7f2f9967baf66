/**
 * Following the log for ever: entries as any node shows them, each once and in order. When a node goes
 * away the next one goes on behind the last entry that was taken; a round of failures is followed by a pause.
 */
import { TAIL_COMMENT_MS } from '../http/limits.ts';
import { nodeAhead } from './ahead.ts';
import type { Caller } from './caller.ts';
import { entriesIn } from './entries.ts';
import { mayPass, NoAnswerError } from './errors.ts';
import type { Nodes } from './nodes.ts';
import type { Entry } from './receipt.ts';
import type { Scope } from './scope.ts';

/**
 * Entries from `from` on. Ends only by an error.
 * @throws ProblemError if a node refuses what it will refuse next time, too; the reason of an abort
 */
export async function* followEntries(
  caller: Caller,
  nodes: Nodes,
  scope: Scope,
  from: number,
): AsyncGenerator<Entry> {
  // A node says something every so often; one comment may be late.
  const quietMsMax = 2 * TAIL_COMMENT_MS + caller.timeoutMs;
  let last = from - 1;
  let failures = 0;
  for (;;) {
    const [url] = nodes.readers() as [string];
    try {
      const headers = { accept: 'text/event-stream', 'last-event-id': String(last) };
      const answer = await caller.open(scope, url, { path: '/messages', headers });
      leaveWhenBehind(caller, nodes, answer.scope, url, () => last);
      try {
        for await (const entry of entriesIn(answer, quietMsMax)) {
          if (entry.seq <= last) continue;
          if (entry.seq > last + 1) throw new NoAnswerError(`${url} left out seq ${last + 1}`);
          last = entry.seq;
          failures = 0;
          yield entry;
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
      if (Number.isInteger(rounds)) await caller.pause(scope, rounds, error);
    }
  }
}

/** Ends the connection to a node that stays behind another one; the next one is to that one. */
function leaveWhenBehind(
  caller: Caller,
  nodes: Nodes,
  connection: Scope,
  url: string,
  last: () => number,
): void {
  const others = nodes.urls.filter((other) => other !== url);
  if (others.length === 0) return;
  nodeAhead(caller, connection, url, others, last).then(
    (ahead) => {
      nodes.readFrom(ahead);
      connection.close();
    },
    () => {
      // The connection has ended before.
    },
  );
}
