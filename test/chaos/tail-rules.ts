/** The rules of the checker about those who followed the log as events. */
import { type Append, brief, type Finding, type History, type Tail } from './history.ts';

/** A tail is told every seq once and in order, whatever became of its nodes. */
export function brokenTails({ tails }: History): Finding[] {
  return tails.flatMap(({ reader, entries }) =>
    entries.flatMap(({ seq }, index) => {
      const before = entries[index - 1]?.seq ?? 0;
      if (seq === before + 1) return [];
      return [{ name: 'broken tail', detail: `${reader} has seq ${seq} after ${before}` }];
    }),
  );
}

/**
 * What a tail was told was sent and not refused, and is in the log at that seq; unless a master may have
 * recovered without it, and it was cut off. (What must not be lost is judged by the receipts.)
 */
export function untrueTails(history: History, log: readonly string[]): Finding[] {
  const sent = new Map<string, Append>();
  for (const append of history.appends) for (const text of append.texts) sent.set(text, append);
  const recoveredAt = Math.max(0, ...history.recoveries.map(({ to }) => to));
  return history.tails.flatMap((tail) => untrue(tail, sent, log, recoveredAt));
}

function untrue(
  { reader, entries }: Tail,
  sent: ReadonlyMap<string, Append>,
  log: readonly string[],
  recoveredAt: number,
): Finding[] {
  const found: Finding[] = [];
  for (const { seq, text } of entries) {
    const append = sent.get(text);
    const told = `${reader} was told ${brief(text)} at seq ${seq}`;
    if (append === undefined || append.outcome === 'refused') {
      found.push({ name: 'phantom', detail: `${told}, which nobody sent, or was refused` });
    } else if (log[seq - 1] !== text && append.firstSentAt > recoveredAt) {
      const detail = `${told}, and the log has ${brief(log[seq - 1])}; no master recovered since`;
      found.push({ name: 'changed text', detail });
    }
  }
  return found;
}
