/**
 * Readers that follow the log as events: two at each node, one of all and one of what is committed, which go away and come back with the last id they
 * saw, as a browser does; and the project's own client, on all nodes.
 */
import { type LogReset, type ReadConcern, ReplicatedLogClient } from '../../src/client.ts';
import type { Dice } from '../lib/support.ts';
import { EventReader } from '../support/events.ts';
import { waitFor } from '../support/wait.ts';
import type { ClientRun } from './clients.ts';
import type { Tail, Told } from './history.ts';
import { call, sleep } from './http.ts';

/** How long a tail may take until it has all, when nothing is wrong any more, in ms. */
const CAUGHT_UP_MS = 20_000;

/** Follows the log at one node, over many connections, until the run is over. */
export async function follow(
  run: ClientRun,
  node: string,
  dice: Dice,
  concern: ReadConcern,
): Promise<void> {
  const isCommitted = concern === 'majority';
  const what = isCommitted ? 'committed events' : 'events';
  const tail = new Following(run, `the ${what} of ${node}`, isCommitted);
  while (!run.isOver) {
    await connect(run, node, tail, dice.chance(0.3) ? dice.integer(0, 50) : dice.integer(50, 1500));
    await sleep(dice.integer(5, 100));
  }
}

async function connect(run: ClientRun, node: string, tail: Following, forMs: number) {
  const { nodes, history, now } = run;
  const [incarnation, sentAt] = [nodes.incarnation(node), now()];
  const url = `${nodes.url(node)}/messages`;
  const query = tail.isCommitted ? '?readConcern=majority' : '';
  const reader = new EventReader(url + query, { 'last-event-id': tail.lastId });
  while (!reader.isClosed && !run.isOver && now() - sentAt < forMs) await sleep(10);
  const after = await call(url, { method: 'HEAD' }).catch(() => null);
  reader.close();
  if (reader.status !== 200) {
    const detail = `${tail.reader}: HTTP ${reader.status}, with which a browser never comes back`;
    if (reader.status !== 0) history.findings.push({ name: 'refused tail', detail });
    return;
  }
  const next = tail.log.length;
  for (const event of reader.events) tail.take(event.id, event.type, JSON.parse(event.data));
  const epoch = Number(reader.headers['log-epoch']);
  const isOneEpoch = Number(after?.headers['log-epoch'] ?? Number.NaN) === epoch;
  if (nodes.incarnation(node) !== incarnation || !isOneEpoch || reader.resets.length > 0) return;
  // What was there when it asked belongs to the epoch that the headers name, as that is still the same.
  const length = Number(reader.headers['log-length']);
  const name = reader.headers['log-id'] as string | undefined;
  const texts = tail.log.slice(next, length);
  if (texts.length === 0) return;
  const logId = name === undefined ? null : decodeURIComponent(name);
  history.reads.push({
    node,
    incarnation,
    sentAt,
    at: now(),
    logId,
    epoch,
    length,
    from: next + 1,
    texts,
  });
}

/** Follows the log with the client, which goes from node to node by itself. */
export async function followAll(run: ClientRun, names: readonly string[]): Promise<void> {
  const tail = new Following(run, 'the tail of a client', false);
  const end = new AbortController();
  const nodes = names.map((node) => run.nodes.url(node));
  const times = { timeoutMs: 1000, backoffBaseMs: 20, backoffMaxMs: 200, tailCheckMs: 200 };
  const client = new ReplicatedLogClient({ nodes, signal: end.signal, ...times });
  const watching = (async () => {
    while (!run.isOver) await sleep(20);
    end.abort();
  })();
  try {
    const onReset = (reset: LogReset) => tail.take('', 'reset', reset);
    for await (const entry of client.tail({ onReset })) tail.take(entry.id, 'message', entry);
  } catch (error) {
    const detail = `${tail.reader} ended: ${error}`;
    if (!run.isOver) run.history.findings.push({ name: 'refused tail', detail });
  }
  await watching;
}

/** Waits until all tails take this for the log; records those that do not. */
export async function caughtUp({ history }: ClientRun, log: readonly string[]): Promise<void> {
  const isThere = ({ log: told }: Tail) =>
    told.length === log.length && told.every((text, index) => text === log[index]);
  const late = () => history.tails.filter((tail) => !isThere(tail));
  await waitFor('every tail', () => late().length === 0, CAUGHT_UP_MS).catch(() => {
    for (const { reader, log: told } of late()) {
      const at = told.findIndex((text, index) => text !== log[index]);
      const detail = `${reader} has ${told.length} of ${log.length}; other than the log at index ${at}`;
      history.findings.push({ name: 'tail left behind', detail });
    }
  });
}

/** A tail as it is told. */
class Following implements Tail {
  readonly reader: string;
  readonly isCommitted: boolean;
  readonly told: Told[] = [];
  readonly log: string[] = [];
  /** Of the last event. */
  lastId = '0';
  readonly #run: ClientRun;

  constructor(run: ClientRun, reader: string, isCommitted: boolean) {
    this.reader = reader;
    this.isCommitted = isCommitted;
    this.#run = run;
    run.history.tails.push(this);
  }

  // biome-ignore lint/suspicious/noExplicitAny: the data of an event, which was held against its description
  take(id: string, type: string, data: any): void {
    const { texts } = this.#run;
    const at = this.#run.now();
    this.lastId = id;
    if (type === 'reset') {
      this.told.push({ at, reset: data.from, reason: data.reason });
      this.log.length = Math.min(this.log.length, data.from - 1);
    } else {
      const text = texts.get(data.message) ?? (data.message as string);
      this.told.push({ at, seq: data.seq, text });
      this.log.push(text);
    }
  }

  /** As part of a history. */
  toJSON(): Tail {
    const { reader, isCommitted, told, log } = this;
    return { reader, isCommitted, told, log };
  }
}
