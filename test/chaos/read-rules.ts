/** The rules of the checker about what readers saw while the run went on. */
import { brief, type Finding, type History, type Interval, type Read } from './history.ts';

/**
 * What readers may see: in one run of a node and under one epoch the log only grows, and no seq
 * changes its text. (A new epoch may cut off what it does not share.) Under the same incarnation of a
 * master, all nodes show the same text at a seq.
 */
export function badReads({ reads, master }: History): Finding[] {
  const inOrder = [...reads].sort((a, b) => a.at - b.at);
  const views = groupBy(
    inOrder,
    ({ node, incarnation, epoch }) => `${node}, incarnation ${incarnation}, epoch ${epoch}`,
  );
  // Two masters that both lost their memory may have taken the same epoch, one after the other.
  const incarnations = groupBy(inOrder, (read) => (read.node === master ? epochOf(read) : ''));
  const isShared = (read: Read) =>
    read.logId !== null &&
    new Set(incarnations.get(epochOf(read))?.map(({ incarnation }) => incarnation)).size <= 1;
  const shared = groupBy(inOrder.filter(isShared), epochOf);
  return [
    ...[...views].flatMap(([view, list]) => [...shrunk(view, list), ...changed(list, () => true)]),
    ...[...shared.values()].flatMap((list) => changed(list, isElsewhere)),
  ];
}

/** An epoch belongs to its log. */
function epochOf({ logId, epoch }: Read): string {
  return `${logId}, epoch ${epoch}`;
}

function isElsewhere(a: Read, b: Read): boolean {
  return a.node !== b.node || a.incarnation !== b.incarnation;
}

/** Seqs with one text in the first of these reads that shows them, and another in a later one. */
function changed(
  reads: readonly Read[],
  isCompared: (first: Read, later: Read) => boolean,
): Finding[] {
  const texts: string[] = [];
  const readers: Read[] = [];
  const found: Finding[] = [];
  for (const read of reads) {
    for (const [index, text] of read.texts.entries()) {
      const seq = read.from + index;
      const first = readers[seq];
      if (first === undefined) {
        texts[seq] = text;
        readers[seq] = read;
      } else if (texts[seq] !== text && isCompared(first, read)) {
        const detail =
          `seq ${seq} is ${brief(texts[seq])} on ${whereOf(first)}, and then ${brief(text)} ` +
          `on ${whereOf(read)}`;
        found.push({ name: 'changed text', detail });
      }
    }
  }
  return found;
}

function whereOf({ node, incarnation, epoch, at }: Read): string {
  return `${node} (incarnation ${incarnation}, epoch ${epoch}, at ${Math.round(at)} ms)`;
}

/** Answers that show less than another answer that came before they were requested. */
function shrunk(view: string, reads: readonly Read[]): Finding[] {
  const longest: { at: number; length: number }[] = [];
  const found: Finding[] = [];
  for (const { sentAt, at, length } of reads) {
    const before = longest.findLast((earlier) => earlier.at <= sentAt);
    if (length > (longest.at(-1)?.length ?? 0)) longest.push({ at, length });
    if (before === undefined || before.length <= length) continue;
    const detail = `${view} showed ${before.length} messages, and at ${Math.round(at)} ms ${length}`;
    found.push({ name: 'non-monotone read', detail });
  }
  return found;
}

/**
 * A node that a receipt names shows the entry to every later reader, in the same incarnation and epoch.
 */
export function untrueReceipts({ appends, reads, kills }: History): Finding[] {
  const incarnationsEnded = (node: string, by: (kill: Interval) => boolean) =>
    kills.filter((kill) => kill.node === node && by(kill)).length;
  const statements = appends.flatMap(({ receipts, firstSentAt }) =>
    receipts.flatMap(({ acked, epoch, seq, count, at }) =>
      acked.map((node) => ({
        scope: `${node} ${epoch} ${incarnationsEnded(node, ({ to }) => to <= firstSentAt)}`,
        seq: seq + count - 1,
        at,
      })),
    ),
  );
  statements.sort((a, b) => a.at - b.at);
  const found: Finding[] = [];
  const highest = new Map<string, { seq: number; at: number }>();
  let next = 0;
  for (const { node, epoch, length, sentAt, at } of [...reads].sort(
    (a, b) => a.sentAt - b.sentAt,
  )) {
    for (; (statements[next]?.at ?? Number.POSITIVE_INFINITY) <= sentAt; next += 1) {
      const statement = statements[next] as (typeof statements)[0];
      if (statement.seq > (highest.get(statement.scope)?.seq ?? 0))
        highest.set(statement.scope, statement);
    }
    const statement = highest.get(
      `${node} ${epoch} ${incarnationsEnded(node, ({ from }) => from <= at)}`,
    );
    if (statement === undefined || statement.seq <= length) continue;
    const detail =
      `a receipt of ${Math.round(statement.at)} ms names ${node} as holding seq ${statement.seq}; ` +
      `asked at ${Math.round(sentAt)} ms it showed ${length}`;
    found.push({ name: 'untrue receipt', detail });
  }
  return found;
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string) {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
