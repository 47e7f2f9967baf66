/** What a run prints: how far it is, the table at its end, and what was found. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { coverage } from './checker.ts';
import { type Finding, type History, historyJson, type Mode } from './history.ts';

/** Findings of one name that are printed; the history has them all. */
const PRINTED_MAX = 5;

export interface Outcome {
  readonly history: History;
  readonly answers: ReadonlyMap<string, number>;
  readonly counts: ReadonlyMap<string, number>;
  /** For how long this process itself did not get to run, at most: a busy machine, or a slow one. */
  readonly pauseMs: number;
  /** How long a calm took at most until all agreed, in ms. */
  readonly calmMs: number;
  readonly findings: readonly Finding[];
  readonly logs: string;
}

const startedAt = performance.now();

export function progress(mode: Mode, history: History, counts: ReadonlyMap<string, number>): void {
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  const { acknowledged, faults, recoveries } = figures(history, counts);
  console.log(
    `${String(seconds).padStart(4)} s  ${mode.padEnd(6)}  ${acknowledged} appends acknowledged, ` +
      `${history.reads.length} reads, ${faults} faults, ${recoveries} recoveries`,
  );
}

function figures(history: History, counts: ReadonlyMap<string, number>) {
  const { appends, recoveries } = history;
  return {
    acknowledged: appends.filter(({ outcome }) => outcome === 'acknowledged').length,
    faults: [...counts.values()].reduce((sum, count) => sum + count, 0),
    recoveries: recoveries.length,
  };
}

export function table(outcomes: readonly Outcome[]): string {
  const rows: [string, ...(string | number)[]][] = [
    ['', ...outcomes.map(({ history }) => history.mode)],
  ];
  const row = (name: string, value: (outcome: Outcome) => number) => {
    rows.push([name, ...outcomes.map(value)]);
  };
  const covered = new Map(outcomes.map((outcome) => [outcome, coverage(outcome.history)]));
  const of = (outcome: Outcome) => covered.get(outcome) as ReturnType<typeof coverage>;
  row('appends acknowledged', (outcome) => of(outcome).acknowledged);
  row('  that must survive by the promise', (outcome) => of(outcome).strict);
  row('  that did so across a recovery', (outcome) => of(outcome).strictAcrossRecoveries);
  row('  lost as the promise allows', (outcome) => of(outcome).lostAsAllowed);
  row('messages in the log', ({ history }) => history.final.get(history.master)?.length ?? 0);
  row('pages read', ({ history }) => history.reads.length);
  row('events told to tails', ({ history: { tails } }) =>
    tails.reduce((sum, { told }) => sum + told.length, 0),
  );
  row('  of them resets', ({ history: { tails } }) =>
    tails.reduce((sum, { told }) => sum + told.filter(({ reset }) => reset).length, 0),
  );
  row('recoveries of the master', ({ history }) => history.recoveries.length);
  row('times of calm in which all agreed', ({ history }) => history.agreements.length);
  row('longest until all agreed, ms', ({ calmMs }) => calmMs);
  row('longest pause of the machine, ms', ({ pauseMs }) => pauseMs);
  for (const kind of namesIn(outcomes.map(({ answers }) => answers))) {
    row(`answers to appends: ${kind}`, ({ answers }) => answers.get(kind) ?? 0);
  }
  for (const kind of namesIn(outcomes.map(({ counts }) => counts))) {
    row(`fault: ${kind}`, ({ counts }) => counts.get(kind) ?? 0);
  }
  row('violations', ({ findings }) => findings.length);
  return rows
    .map(
      ([name, ...values]) => name.padEnd(36) + values.map((v) => String(v).padStart(10)).join(''),
    )
    .join('\n');
}

function namesIn(maps: readonly ReadonlyMap<string, number>[]): string[] {
  return [...new Set(maps.flatMap((map) => [...map.keys()]))].sort();
}

/** Prints what was found, by name, and where the rest is. */
export function report({ history, findings, logs }: Outcome): void {
  const names = new Map<string, Finding[]>();
  for (const finding of findings) {
    names.set(finding.name, [...(names.get(finding.name) ?? []), finding]);
  }
  for (const [name, list] of names) {
    console.error(`\nVIOLATION, ${history.mode}: ${name}, ${list.length} times`);
    for (const { detail } of list.slice(0, PRINTED_MAX)) console.error(`  ${detail}`);
  }
  const directory = mkdtempSync(join(tmpdir(), 'replicated-log-chaos-history-'));
  const file = join(directory, `${history.mode}.json`);
  writeFileSync(file, historyJson(history));
  writeFileSync(join(directory, `${history.mode}.log`), logs);
  console.error(`\nThe history is in ${file}, the ends of the nodes' logs beside it.`);
}
