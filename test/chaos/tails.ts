/**
 * Readers that follow the log as events: one at each node, which goes away and comes back with the last id it
 * saw, as a browser does; and the project's own client, on all nodes.
 */
import { ReplicatedLogClient } from '../../src/client.ts';
import type { Dice } from '../lib/support.ts';
import { EventReader } from '../support/events.ts';
import { waitFor } from '../support/wait.ts';
import type { ClientRun } from './clients.ts';
import type { Tail } from './history.ts';
import { sleep } from './http.ts';

/** How long a tail may take until it has all, when nothing is wrong any more, in ms. */
const CAUGHT_UP_MS = 20_000;

/** Follows the log at one node, over many connections, until the run is over. */
export async function follow(run: ClientRun, node: string, dice: Dice): Promise<void> {
  const tail = begun(run, `the events of ${node}`);
  while (!run.isOver) {
    await connect(run, node, tail, dice.chance(0.3) ? dice.integer(0, 50) : dice.integer(50, 1500));
    await sleep(dice.integer(5, 100));
  }
}

async function connect(run: ClientRun, node: string, tail: Tail, forMs: number): Promise<void> {
  const { nodes, history, now } = run;
  const [life, sentAt] = [nodes.life(node), now()];
  const last = tail.entries.at(-1)?.seq ?? 0;
  const reader = new EventReader(`${nodes.url(node)}/messages`, { 'last-event-id': `${last}` });
  while (!reader.isClosed && !run.isOver && now() - sentAt < forMs) await sleep(10);
  reader.close();
  if (reader.status !== 200) {
    const detail = `${tail.reader}: HTTP ${reader.status}, with which a browser never comes back`;
    if (reader.status !== 0) history.findings.push({ name: 'refused tail', detail });
    return;
  }
  for (const { id, data } of reader.events) take(run, tail, Number(id), JSON.parse(data).message);
  if (nodes.life(node) !== life) return;
  // What was there when it asked belongs to the epoch that the headers name; what came later may not.
  const length = Number(reader.headers['log-length']);
  const name = reader.headers['log-id'] as string | undefined;
  const texts = tail.entries.slice(-reader.events.length).filter(({ seq }) => seq <= length);
  if (reader.events.length === 0 || texts.length === 0) return;
  history.reads.push({
    node,
    life,
    sentAt,
    at: now(),
    logId: name === undefined ? null : decodeURIComponent(name),
    epoch: Number(reader.headers['log-epoch']),
    length,
    from: texts[0]?.seq ?? 1,
    texts: texts.map(({ text }) => text),
  });
}

/** Follows the log with the client, which goes from node to node by itself. */
export async function followAll(run: ClientRun, names: readonly string[]): Promise<void> {
  const tail = begun(run, 'the tail of a client');
  const end = new AbortController();
  const nodes = names.map((node) => run.nodes.url(node));
  const times = { timeoutMs: 1000, backoffBaseMs: 20, backoffMaxMs: 200, tailCheckMs: 200 };
  const client = new ReplicatedLogClient({ nodes, signal: end.signal, ...times });
  const watching = (async () => {
    while (!run.isOver) await sleep(20);
    end.abort();
  })();
  try {
    for await (const { seq, message } of client.tail()) take(run, tail, seq, message);
  } catch (error) {
    const detail = `${tail.reader} ended: ${error}`;
    if (!run.isOver) run.history.findings.push({ name: 'refused tail', detail });
  }
  await watching;
}

/** Waits until all tails have come to the end of a log of this length; notes those that do not. */
export async function caughtUp({ history }: ClientRun, length: number): Promise<void> {
  const late = () => history.tails.filter(({ entries }) => (entries.at(-1)?.seq ?? 0) < length);
  await waitFor('every tail', () => late().length === 0, CAUGHT_UP_MS).catch(() => {
    for (const { reader, entries } of late()) {
      const detail = `${reader} has ${entries.at(-1)?.seq ?? 0} of ${length}`;
      history.findings.push({ name: 'tail left behind', detail });
    }
  });
}

function begun({ history }: ClientRun, reader: string): Tail {
  const tail: Tail = { reader, entries: [] };
  history.tails.push(tail);
  return tail;
}

function take({ texts }: ClientRun, tail: Tail, seq: number, text: string): void {
  tail.entries.push({ seq, text: texts.get(text) ?? text });
}
