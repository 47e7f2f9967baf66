/**
 * Judges a history of an elected cluster. Each rule is a function with the name that it reports.
 *
 * Appends at majority and linearizable reads are checked for linearizability without a search. That is sound because a
 * log gives every append its place for good: the only order that could explain a history is the order of the seqs, and a
 * read of length L can only stand between the appends L and L + 1. So it is enough that this one order agrees with real
 * time: an append that was acknowledged before another was sent has the smaller seq, a read shows every append that was
 * acknowledged before it was sent, no read shows less than a read that had ended before it was sent, and no read shows
 * an append that was sent after the read had ended.
 */
import type { Append, Finding, History, Read } from './history.ts';

/** All violations in a run. */
export function check(history: History): Finding[] {
  const log = [...history.final.values()][0] ?? [];
  const seqOf = new Map(log.map((text, index) => [text, index + 1]));
  const strict = history.appends.filter(({ w, ack }) => ack !== null && isMajority(history, w));
  return [
    ...history.findings,
    ...disagreements(history, log),
    ...duplicates(log),
    ...losses(strict, log, seqOf),
    ...unanswered(history),
    ...twoMasters(history),
    ...reorders(strict),
    ...untrueReads(history, log),
    ...staleReads(history, strict),
    ...earlyReads(history, seqOf),
    ...brokenTails(history, log),
  ];
}

/** Whether `w` asks for a majority or more. */
export function isMajority({ members }: History, w: Append['w']): boolean {
  return w === 'majority' || w === 'all' || w >= Math.floor(members.length / 2) + 1;
}

/** All members have the same log at the end. */
function disagreements({ final }: History, log: readonly string[]): Finding[] {
  return [...final].flatMap(([node, texts]) => {
    const at = texts.findIndex((text, index) => text !== log[index]);
    if (at === -1 && texts.length === log.length) return [];
    const where = at === -1 ? Math.min(texts.length, log.length) + 1 : at + 1;
    const detail = `${node} has ${texts.length} messages of ${log.length}, and another one at ${where}`;
    return [{ name: 'no convergence', detail }];
  });
}

/** Texts are unique and keys make retries harmless, so each is there once. */
function duplicates(log: readonly string[]): Finding[] {
  const seen = new Map<string, number>();
  return log.flatMap((text, index) => {
    const first = seen.get(text);
    seen.set(text, first ?? index + 1);
    if (first === undefined) return [];
    return [{ name: 'duplicate', detail: `'${text}' is at seq ${first} and ${index + 1}` }];
  });
}

/** What was acknowledged at majority is at its seq. */
function losses(
  strict: readonly Append[],
  log: readonly string[],
  seqOf: ReadonlyMap<string, number>,
): Finding[] {
  return strict.flatMap(({ text, ack }) => {
    const { seq, epoch, node } = ack as NonNullable<Append['ack']>;
    if (log[seq - 1] === text) return [];
    const now = seqOf.get(text);
    const name = now === undefined ? 'lost write' : 'changed seq';
    const detail = `'${text}', acknowledged at seq ${seq} by ${node} in epoch ${epoch}, is at ${now ?? 'no seq'}`;
    return [{ name, detail }];
  });
}

/** Once the faults are over, every append is acknowledged. */
function unanswered({ appends }: History): Finding[] {
  return appends
    .filter(({ ack }) => ack === null)
    .map(({ text, w }) => ({ name: 'unanswered append', detail: `'${text}', w=${w}` }));
}

/** In one epoch one member writes and acknowledges. */
function twoMasters({ appends }: History): Finding[] {
  const masters = new Map<number, string>();
  return appends.flatMap(({ text, ack }) => {
    if (ack === null || !ack.isOwn) return [];
    const master = masters.get(ack.epoch) ?? ack.node;
    masters.set(ack.epoch, master);
    if (master === ack.node) return [];
    const detail = `${master} and ${ack.node} acknowledge in epoch ${ack.epoch} ('${text}')`;
    return [{ name: 'two masters', detail }];
  });
}

/** An append that was acknowledged before another was sent comes before it. */
function reorders(strict: readonly Append[]): Finding[] {
  const events = strict.flatMap((append) => {
    const ack = append.ack as NonNullable<Append['ack']>;
    return [
      { at: append.sentAt, append, ack: null },
      { at: ack.at, append, ack },
    ];
  });
  events.sort((a, b) => a.at - b.at);
  let highest = { seq: 0, text: '' };
  return events.flatMap(({ append, ack }) => {
    const { seq } = append.ack as NonNullable<Append['ack']>;
    if (ack !== null) {
      if (seq > highest.seq) highest = { seq, text: append.text };
      return [];
    }
    if (seq >= highest.seq) return [];
    const detail = `'${append.text}' at seq ${seq} was sent after '${highest.text}' was acknowledged at ${highest.seq}`;
    return [{ name: 'reorder', detail }];
  });
}

/** What is committed stays: every list is the beginning of the final log. */
function untrueReads({ reads }: History, log: readonly string[]): Finding[] {
  return reads.flatMap(({ node, concern, texts }) => {
    const at = texts.findIndex((text, index) => text !== log[index]);
    if (at === -1) return [];
    const detail = `${node} showed '${texts[at]}' at seq ${at + 1} (${concern}), the log has '${log[at]}'`;
    return [{ name: 'committed entry changed', detail }];
  });
}

/** A linearizable read shows all that was acknowledged, and all that was read so, before it was sent. */
function staleReads({ reads }: History, strict: readonly Append[]): Finding[] {
  const linearizable = reads.filter(({ concern }) => concern === 'linearizable');
  const known = [
    ...strict.map(({ text, ack }) => ({
      at: (ack as NonNullable<Append['ack']>).at,
      seq: (ack as NonNullable<Append['ack']>).seq,
      what: `'${text}' was acknowledged`,
    })),
    ...linearizable.map(({ at, texts, node }) => ({
      at,
      seq: texts.length,
      what: `${node} had shown that many`,
    })),
  ].sort((a, b) => a.at - b.at);
  const bySent = linearizable.toSorted((a, b) => a.sentAt - b.sentAt);
  let next = 0;
  let newest = { seq: 0, what: '' };
  return bySent.flatMap(({ node, sentAt, texts }: Read) => {
    for (; next < known.length && (known[next]?.at ?? 0) < sentAt; next += 1) {
      const one = known[next] as (typeof known)[number];
      if (one.seq > newest.seq) newest = one;
    }
    if (texts.length >= newest.seq) return [];
    const detail = `${node} shows ${texts.length} messages; before, at seq ${newest.seq}, ${newest.what}`;
    return [{ name: 'stale read', detail }];
  });
}

/** No read shows what was sent after the read had ended. */
function earlyReads({ reads, appends }: History, seqOf: ReadonlyMap<string, number>): Finding[] {
  const sent = appends
    .flatMap(({ text, sentAt }) => {
      const seq = seqOf.get(text);
      return seq === undefined ? [] : [{ text, sentAt, seq }];
    })
    .toSorted((a, b) => b.sentAt - a.sentAt);
  const byEnd = reads.toSorted((a, b) => b.at - a.at);
  let next = 0;
  let lowest = { seq: Number.POSITIVE_INFINITY, text: '' };
  return byEnd.flatMap(({ node, at, texts }) => {
    for (; next < sent.length && (sent[next]?.sentAt ?? 0) > at; next += 1) {
      const one = sent[next] as (typeof sent)[number];
      if (one.seq < lowest.seq) lowest = one;
    }
    if (texts.length < lowest.seq) return [];
    return [{ name: 'early read', detail: `${node} showed '${lowest.text}' before it was sent` }];
  });
}

/** A tail of what is committed is told every seq once, in order, with the text of the final log, and no reset. */
function brokenTails({ tails }: History, log: readonly string[]): Finding[] {
  return tails.flatMap(({ reader, told, resets }) => {
    const found: Finding[] = [];
    if (resets > 0) found.push({ name: 'tail reset', detail: `${reader}: ${resets} times` });
    const at = told.findIndex(({ seq, text }, index) => seq !== index + 1 || log[seq - 1] !== text);
    const one = told[at];
    if (one !== undefined) {
      const detail = `${reader} was told '${one.text}' as seq ${one.seq}, its event ${at + 1}`;
      found.push({ name: 'broken tail', detail });
    } else if (told.length < log.length) {
      const detail = `${reader} was told ${told.length} of ${log.length}`;
      found.push({ name: 'broken tail', detail });
    }
    return found;
  });
}
