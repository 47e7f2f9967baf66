/** Readers that follow the log of each node by pages, and begin again when it may have changed. */
import type { Dice } from '../lib/support.ts';
import type { ClientRun, Nodes } from './clients.ts';
import { call, sleep } from './http.ts';

const PAGE_MESSAGES = 1000;

/** Follows the log of one node until the run is over. */
export async function read(run: ClientRun, node: string, dice: Dice): Promise<void> {
  let from = 1;
  let view: View = { incarnation: 0, epoch: 0, logId: null };
  while (!run.isOver) {
    const page = await readPage(run, node, from, view);
    if (page === null) {
      await sleep(50);
      continue;
    }
    const { incarnation, epoch, texts, length } = page;
    // A new incarnation or epoch may have another log, so it is read from the beginning. So is any other
    // now and then, to check that nothing has changed.
    if (incarnation !== view.incarnation || epoch !== view.epoch) {
      view = await viewOf(run, node, incarnation, epoch);
      from = 1;
    } else if (length < from - 1) from = 1;
    else if (texts.length === 0 && dice.chance(0.02)) from = dice.integer(1, length + 1);
    else from += texts.length;
    if (texts.length < PAGE_MESSAGES) await sleep(dice.integer(5, 40));
  }
}

/** What a reader follows: a log in one run of a node and under one epoch. */
interface View {
  readonly incarnation: number;
  readonly epoch: number;
  readonly logId: string | null;
}

/** Asks which log it is; null if the node has gone on meanwhile. */
async function viewOf({ nodes }: ClientRun, node: string, incarnation: number, epoch: number) {
  const view = { incarnation, epoch, logId: null };
  try {
    const { body } = await call(`${nodes.url(node)}/health`);
    const isSame = nodes.incarnation(node) === incarnation && body.epoch === epoch;
    return isSame ? { ...view, logId: body.logId as string | null } : view;
  } catch {
    return view;
  }
}

async function readPage(run: ClientRun, node: string, from: number, view: View) {
  const { history, nodes, now } = run;
  const incarnation = nodes.incarnation(node);
  const sentAt = now();
  try {
    const url = `${nodes.url(node)}/messages?from=${from}&limit=${PAGE_MESSAGES}`;
    const { status, headers, body } = await call(url);
    if (status !== 200 || nodes.incarnation(node) !== incarnation) return null;
    const length = Number(headers['log-length']);
    const epoch = Number(headers['log-epoch']);
    const logId = view.incarnation === incarnation && view.epoch === epoch ? view.logId : null;
    const texts = (body as string[]).map((text) => run.texts.get(text) ?? text);
    const page = { node, incarnation, sentAt, at: now(), logId, epoch, length, from, texts };
    history.reads.push(page);
    return page;
  } catch {
    return null;
  }
}

/** The whole log of a node, as it is now. */
export async function wholeLog(nodes: Nodes, node: string): Promise<string[]> {
  const { body } = await call(`${nodes.url(node)}/messages`, { timeoutMs: 20_000 });
  return body as string[];
}
