/**
 * The rules of the checker about the final log and the answers to writers: each finds violations of one
 * sentence of the contract, and names it.
 */
import { type Append, brief, type Finding, type History, requiredNodes } from './history.ts';
import type { Promises } from './promise.ts';

/** All nodes must have the master's log at the end. */
export function disagreements({ master, final }: History, log: readonly string[]): Finding[] {
  const found: Finding[] = [];
  for (const [node, texts] of final) {
    if (node === master) continue;
    const at = texts.findIndex((text, index) => text !== log[index]);
    if (at === -1 && texts.length === log.length) continue;
    const where = at === -1 ? Math.min(texts.length, log.length) : at;
    found.push({
      name: 'no convergence',
      detail:
        `${node} shows ${texts.length} messages, ${master} ${log.length}; at seq ${where + 1} ` +
        `${node} has ${brief(texts[where])}, ${master} ${brief(log[where])}`,
    });
  }
  return found;
}

/** Each text is in the log at most once: texts are unique, and keys make retries harmless. */
export function duplicates(log: readonly string[]): Finding[] {
  const seen = new Map<string, number>();
  const found: Finding[] = [];
  for (const [index, text] of log.entries()) {
    const first = seen.get(text);
    if (first === undefined) seen.set(text, index + 1);
    else {
      const detail = `${brief(text)} is at seq ${first} and at seq ${index + 1}`;
      found.push({ name: 'duplicate', detail });
    }
  }
  return found;
}

/** Every entry of the log was sent by a writer and not refused. */
export function phantoms({ appends }: History, log: readonly string[]): Finding[] {
  const sent = new Map<string, Append>();
  for (const append of appends) for (const text of append.texts) sent.set(text, append);
  const found: Finding[] = [];
  for (const [index, text] of log.entries()) {
    const append = sent.get(text);
    const at = `at seq ${index + 1}: ${brief(text)}`;
    if (append === undefined) {
      found.push({ name: 'phantom', detail: `nobody sent what is ${at}` });
    } else if (append.outcome === 'refused') {
      found.push({ name: 'phantom', detail: `what was refused is ${at}` });
    }
  }
  return found;
}

/** A receipt names distinct nodes of the cluster, as many as its status requires. */
export function badReceipts(history: History, append: Append): Finding[] {
  const nodes = [history.master, ...history.secondaries];
  const required = requiredNodes(append.w, nodes.length);
  return append.receipts.flatMap((receipt) => {
    const { acked, pending, status, count } = receipt;
    const named = [...acked, ...pending];
    const problems: string[] = [];
    if (new Set(named).size !== named.length) problems.push('names a node twice');
    if (named.length !== nodes.length || named.some((name) => !nodes.includes(name))) {
      problems.push('does not name the nodes of the cluster');
    }
    if (status !== 202 && status < 300 && acked.length < required) {
      problems.push(`names ${acked.length} nodes for w=${append.w}`);
    }
    if (count !== append.texts.length) problems.push(`counts ${count} messages`);
    return problems.map((problem) => ({
      name: 'bad receipt',
      detail: `a receipt ${problem}: ${JSON.stringify(receipt)} for ${brief(append.texts[0])}`,
    }));
  });
}

/** What had to survive is in the log, at the seq and with the text that were acknowledged. */
export function lossesAndChanges(
  append: Append,
  promises: Promises,
  log: readonly string[],
  seqOf: ReadonlyMap<string, number>,
): Finding[] {
  const receipt = promises.strictReceipt(append);
  if (receipt === null) return [];
  const found: Finding[] = [];
  for (const [index, text] of append.texts.entries()) {
    const seq = receipt.seq + index;
    if (log[seq - 1] === text) continue;
    const held = `${brief(text)}, acknowledged at seq ${seq} by ${receipt.acked.join(', ')}`;
    if (seqOf.has(text)) {
      found.push({ name: 'changed seq', detail: `${held}, is at seq ${seqOf.get(text)}` });
    } else {
      const instead = log[seq - 1];
      const now = instead === undefined ? 'nothing is there' : `${brief(instead)} is there`;
      const times = `epoch ${receipt.epoch}, incarnation ${receipt.incarnation}, at ${Math.round(receipt.at)} ms`;
      found.push({ name: 'lost write', detail: `${held} (${times}): ${now}` });
    }
  }
  return found;
}

/** A batch is there whole and in a row, or not at all. */
export function brokenBatches({ texts }: Append, seqOf: ReadonlyMap<string, number>): Finding[] {
  const seqs = texts.map((text) => seqOf.get(text));
  const first = seqs[0];
  const isWhole = seqs.every((seq, index) => first !== undefined && seq === first + index);
  if (isWhole || seqs.every((seq) => seq === undefined)) return [];
  const detail = `the batch of ${brief(texts[0])} is at ${seqs.map((seq) => seq ?? 'nowhere')}`;
  return [{ name: 'broken batch', detail }];
}

/** Once the faults are over, every writer is answered. */
export function unfinished({ appends }: History): Finding[] {
  return appends
    .filter(({ key, outcome }) => key !== null && outcome !== 'acknowledged')
    .map(({ texts, attempts, w }) => ({
      name: 'unanswered append',
      detail: `${brief(texts[0])}, w=${w}, was never acknowledged, after ${attempts} attempts`,
    }));
}

/** If one append was answered before another was sent, it comes first in the log. */
export function reorders({ appends }: History, seqOf: ReadonlyMap<string, number>): Finding[] {
  const events: { at: number; seq: number; text: string; isAnswer: boolean }[] = [];
  for (const { texts, receipts, firstSentAt } of appends) {
    const text = texts[0] as string;
    const seq = seqOf.get(text);
    if (seq === undefined) continue;
    events.push({ at: firstSentAt, seq, text, isAnswer: false });
    // An entry that was lost before its acknowledgement may get the same seq again in a later epoch.
    const last = receipts.findLast((receipt) => receipt.seq === seq);
    const answered = receipts.find((one) => one.seq === seq && one.epoch === last?.epoch);
    if (answered !== undefined) events.push({ at: answered.at, seq, text, isAnswer: true });
  }
  events.sort((a, b) => a.at - b.at);
  const found: Finding[] = [];
  let highest = { seq: 0, text: '' };
  for (const { seq, text, isAnswer } of events) {
    if (isAnswer) {
      if (seq > highest.seq) highest = { seq, text };
    } else if (seq < highest.seq) {
      const detail =
        `${brief(text)} was sent when ${brief(highest.text)} had been answered with ` +
        `seq ${highest.seq}, and is before it at ${seq}`;
      found.push({ name: 'reorder', detail });
    }
  }
  return found;
}
