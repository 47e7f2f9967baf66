/** The arrival of a secondary: when its master notices it, and when it has the whole log. */
import type { Cell, Table } from '../report/table.ts';
import { health } from './cluster.ts';
import { type Started, until } from './processes.ts';
import { spreadOf } from './statistics.ts';

export interface Arrival {
  /** Until it was Healthy to the master, or joined the log, as a retry may come before a heartbeat. */
  readonly noticedMs: number;
  /** Until it showed all messages. */
  readonly completeMs: number;
}

/** Waits until the secondary shows `length` messages; times are counted from `since`. */
export async function arrival(
  master: Started,
  id: string,
  secondary: Started,
  since: number,
  length: number,
): Promise<Arrival> {
  const isComplete = async () => (await health(secondary)).length >= length;
  await until(`${id} to be complete`, isComplete, { everyMs: 2 });
  const completeMs = performance.now() - since;
  const signs = [
    master.logged('secondary-status', (line) => {
      return line.at > since && line.secondary === id && line.to === 'Healthy';
    }),
    secondary.logged('joined-log', (line) => line.at > since),
  ];
  const noticedMs = Math.min(completeMs, ...signs.map((sign) => (sign?.at ?? Infinity) - since));
  return { noticedMs, completeMs };
}

export function arrivalRow(name: string, arrivals: readonly Arrival[]): Cell[] {
  return [
    name,
    spreadOf(arrivals.map(({ noticedMs }) => noticedMs)),
    spreadOf(arrivals.map(({ completeMs }) => completeMs)),
    spreadOf(arrivals.map(({ noticedMs, completeMs }) => completeMs - noticedMs)),
  ];
}

export function arrivalTable(title: string, rows: Cell[][]): Table {
  const columns = [
    'secondary',
    'noticed after ms',
    'complete after ms',
    'from noticed to complete ms',
  ];
  return { title, columns, rows };
}
