/**
 * Judges a history: names everything that breaks a promise of the log. Pure; each rule is a function
 * with the name it reports, and `checker.test.ts` has a bad history for each.
 */
import type { Finding, History } from './history.ts';
import {
  badReceipts,
  brokenBatches,
  disagreements,
  duplicates,
  lossesAndChanges,
  phantoms,
  reorders,
  unfinished,
} from './log-rules.ts';
import { Promises } from './promise.ts';
import { badReads, untrueReceipts } from './read-rules.ts';
import { brokenTails, needlessResets, untrueTails } from './tail-rules.ts';

/** All violations in a run. */
export function check(history: History): Finding[] {
  const promises = new Promises(history);
  const log = history.final.get(history.master) ?? [];
  const seqOf = new Map<string, number>();
  for (const [index, text] of log.entries()) if (!seqOf.has(text)) seqOf.set(text, index + 1);
  const inAnyCase = [
    ...history.findings,
    ...badReads(history),
    ...untrueReceipts(history),
    ...brokenTails(history),
    ...needlessResets(history),
  ];
  // A run that broke off has no final logs to be judged by.
  if (history.final.size === 0) return inAnyCase;
  return [
    ...inAnyCase,
    ...disagreements(history, log),
    ...duplicates(log),
    ...phantoms(history, log),
    ...history.appends.flatMap((append) => [
      ...badReceipts(history, append),
      ...lossesAndChanges(append, promises, log, seqOf),
      ...brokenBatches(append, seqOf),
    ]),
    ...untrueTails(history, log),
    ...unfinished(history),
    ...reorders(history, seqOf),
  ];
}

/** How much a run has tested: what was acknowledged, and how much of that had to survive which faults. */
export function coverage(history: History): {
  acknowledged: number;
  strict: number;
  strictAcrossRecoveries: number;
  lostAsAllowed: number;
} {
  const promises = new Promises(history);
  const isComplete = history.final.size > 0;
  const log = new Set(history.final.get(history.master) ?? []);
  const acknowledged = history.appends.filter((append) => append.outcome === 'acknowledged');
  const strict = acknowledged.flatMap((append) => promises.strictReceipt(append) ?? []);
  return {
    acknowledged: acknowledged.length,
    strict: strict.length,
    strictAcrossRecoveries: strict.filter((receipt) => promises.recoveriesSince(receipt) > 0)
      .length,
    lostAsAllowed: isComplete
      ? acknowledged.filter(({ texts }) => !log.has(texts[0] as string)).length
      : 0,
  };
}
