/** The rules of the checker about those who followed the log as events. */
import { type Append, brief, type Finding, type History, type Tail } from './history.ts';

/** A tail is told every seq once and in order, but for what a reset takes back, and goes on where that says. */
export function brokenTails({ tails }: History): Finding[] {
  return tails.flatMap(({ reader, told }) => {
    const found: Finding[] = [];
    let last = 0;
    for (const one of told) {
      const isReset = one.reset !== undefined;
      const isInOrder = isReset ? one.reset >= 1 && one.reset <= last : one.seq === last + 1;
      const what = isReset ? `is reset to ${one.reset}` : `has seq ${one.seq}`;
      if (!isInOrder)
        found.push({ name: 'broken tail', detail: `${reader} ${what} after ${last}` });
      last = isReset ? one.reset - 1 : one.seq;
    }
    return found;
  });
}

/**
 * What was told is taken back only when another master may have had less: after one began to recover. What is
 * committed is taken back only when those who break things did not keep within the promise.
 */
export function needlessResets(history: History): Finding[] {
  const { tails, recoveries, mode } = history;
  const firstAt = Math.min(...recoveries.map(({ from }) => from));
  return tails.flatMap((tail) => {
    const { reader, told, isCommitted } = tail;
    return told.flatMap((one) => {
      if (one.reset === undefined) return [];
      const { at, reset, reason } = one;
      // A disk keeps its log; nothing of it becomes another one.
      const isPossible = at > firstAt && (mode === 'memory' || reason === 'cut');
      if (isPossible && !(isCommitted && isPromised(history, tail, reset, at))) return [];
      const detail = `${reader} is reset to ${reset} (${reason}) at ${Math.round(at)} ms`;
      return [{ name: 'needless reset', detail }];
    });
  });
}

/** Whether the promise was kept from when all had the same log, before the entry was told first, to `at`. */
function isPromised({ agreements, voids }: History, { told }: Tail, seq: number, at: number) {
  const toldAt = told.find((one) => one.reset === undefined && one.seq >= seq)?.at ?? at;
  const since = agreements.findLast((moment) => moment <= toldAt) ?? 0;
  return !voids.some((moment) => moment >= since && moment <= at);
}

/**
 * What a tail was told was sent and not refused; and what it was not told to forget is in the log, at that seq:
 * nothing was changed or left out in silence. (What must not be lost is judged by the receipts.)
 */
export function untrueTails({ appends, tails }: History, log: readonly string[]): Finding[] {
  const sent = new Map<string, Append>();
  for (const append of appends) for (const text of append.texts) sent.set(text, append);
  return tails.flatMap((tail) => [...phantomsIn(tail, sent), ...changesIn(tail, log)]);
}

function phantomsIn({ reader, told }: Tail, sent: ReadonlyMap<string, Append>): Finding[] {
  return told.flatMap((one) => {
    if (one.reset !== undefined) return [];
    const append = sent.get(one.text);
    if (append !== undefined && append.outcome !== 'refused') return [];
    const detail = `${reader} was told ${brief(one.text)} at seq ${one.seq}, which nobody sent, or was refused`;
    return [{ name: 'phantom', detail }];
  });
}

function changesIn({ reader, log: told }: Tail, log: readonly string[]): Finding[] {
  const at = told.findIndex((text, index) => text !== log[index]);
  if (at < 0) return [];
  const detail =
    `${reader} was told ${brief(told[at])} at seq ${at + 1}, and the log has ${brief(log[at])}; ` +
    'no reset took it back';
  return [{ name: 'changed text', detail }];
}
