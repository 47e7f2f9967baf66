/** The table of measured targets: throughput, ratios, latencies, CPU, and which processes were at their limit. */
import { cpus } from 'node:os';
import type { Cell, Table } from '../report/table.ts';
import type { Slice } from './load.ts';
import { median, type Spread, spreadOf } from './statistics.ts';
import type { Rounds, Target } from './targets.ts';

/** A process that uses this share of a core is saturated; so is the machine at this share of all cores. */
const SATURATED_SHARE = 0.9;

/** What a target is compared with; null for nothing. */
type Baseline = (target: Target) => Pick<Target, 'kind' | 'variant'> | null;

/** Compares with another kind in the same variant, such as the floor. */
export const versus =
  (kind: string): Baseline =>
  ({ variant }) => ({ kind, variant });

/** Compares with another variant of the same kind. */
export const variantOf =
  (variant: string): Baseline =>
  ({ kind }) => ({ kind, variant });

function messagesPerSecond(target: Target, { requests, elapsedMs }: Slice): number {
  return (1000 * requests * target.messages) / elapsedMs;
}

export function throughputOf(rounds: Rounds, target: Target): Spread {
  return spreadOf(slicesOf(rounds, target).map((slice) => messagesPerSecond(target, slice)));
}

/** The median of the ratios of each round, because a disturbance of a round affects both targets. */
export function ratioOf(rounds: Rounds, target: Target, baseline: Baseline): Spread | null {
  const wanted = baseline(target);
  const other = [...rounds.keys()].find(
    ({ kind, variant }) => kind === wanted?.kind && variant === wanted.variant,
  );
  if (other === undefined) return null;
  const others = slicesOf(rounds, other);
  const ratios = slicesOf(rounds, target).map(
    (slice, i) => messagesPerSecond(target, slice) / messagesPerSecond(other, others[i] as Slice),
  );
  return spreadOf(ratios);
}

/** CPU in microseconds for each request, by process. */
export function cpuByProcess(slices: readonly Slice[]): Record<string, number> {
  const requests = sum(slices, (slice) => slice.requests);
  const names = Object.keys(slices[0]?.cpuMsBy ?? {});
  return Object.fromEntries(
    names.map((name) => [
      name,
      (1000 * sum(slices, ({ cpuMsBy }) => cpuMsBy[name] ?? 0)) / requests,
    ]),
  );
}

/** The processes that were saturated, and `all cores` if the machine was. */
export function saturated(slices: readonly Slice[], cores = cpus().length): string {
  const elapsedMs = sum(slices, (slice) => slice.elapsedMs);
  const names = Object.keys(slices[0]?.cpuMsBy ?? {}).filter(
    (name) => sum(slices, ({ cpuMsBy }) => cpuMsBy[name] ?? 0) >= SATURATED_SHARE * elapsedMs,
  );
  const machineMs = sum(slices, (slice) => slice.machineMs);
  if (machineMs >= SATURATED_SHARE * cores * elapsedMs) names.push('all cores');
  return names.join(', ');
}

/** One row for each target, one ratio for each baseline. */
export function loadTable(
  title: string,
  rounds: Rounds,
  baselines: Readonly<Record<string, Baseline>>,
): Table {
  const rows = [...rounds].map(([target, slices]): Cell[] => [
    target.kind,
    target.variant,
    throughputOf(rounds, target).median,
    ...Object.values(baselines).map((baseline) => ratioOf(rounds, target, baseline)),
    median(slices.map(({ p50 }) => p50)),
    median(slices.map(({ p99 }) => p99)),
    median(slices.map(({ p999 }) => p999)),
    cpuByProcess(slices),
    saturated(slices),
  ]);
  const columns = [
    ...['target', '', 'messages/s', ...Object.keys(baselines)],
    ...['p50 ms', 'p99 ms', 'p99.9 ms', 'CPU, us a request', 'at its limit'],
  ];
  // Empty columns, as without variants or peers, are left out.
  const isUsed = columns.map((_, i) => rows.some((row) => row[i] !== '' && row[i] !== null));
  const used = <T>(cells: readonly T[]) => cells.filter((_, i) => isUsed[i]);
  return { title, columns: used(columns), rows: rows.map(used) };
}

function slicesOf(rounds: Rounds, target: Target): readonly Slice[] {
  return rounds.get(target) ?? [];
}

function sum<T>(values: readonly T[], of: (value: T) => number): number {
  return values.reduce((total, value) => total + of(value), 0);
}
