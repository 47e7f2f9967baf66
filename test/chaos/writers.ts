/**
 * Writers append unique texts, each with an idempotency key and until it is acknowledged, whatever
 * happens in between; a few try once, without a key.
 */
import type { Dice } from '../lib/support.ts';
import type { ClientRun } from './clients.ts';
import type { Append, Receipt, WriteConcern } from './history.ts';
import { type Answer, call, sleep } from './http.ts';

/** Appends one thing after another, until the run closes. */
export async function write(run: ClientRun, client: string, dice: Dice): Promise<void> {
  for (let number = 1; !run.isClosing; number += 1) {
    while (run.isPaused && !run.isClosing) await sleep(10);
    if (run.isClosing) return;
    const append = drawAppend(run, `${client}-${number}`, client, dice);
    run.history.appends.push(append);
    for (const text of append.texts) run.texts.set(text, text);
    run.underWay += 1;
    if (append.key === null) await tryOnce(run, append, dice);
    else await tryUntilAcknowledged(run, append, dice);
    run.underWay -= 1;
    await sleep(dice.integer(0, 20));
  }
}

function drawAppend({ history, now }: ClientRun, name: string, client: string, dice: Dice): Append {
  const nodes = 1 + history.secondaries.length;
  const count = dice.chance(0.05) ? dice.integer(2, 20) : 1;
  const filler = dice.chance(0.05) ? ` ${dice.text(2000)}` : '';
  const texts = Array.from({ length: count }, (_, index) => {
    return `${name}${count > 1 ? `.${index + 1}` : ''}${filler}`;
  });
  const w: WriteConcern = dice.chance(0.6)
    ? dice.integer(1, nodes)
    : dice.pick(['majority', 'majority', 'all']);
  return {
    client,
    key: dice.chance(0.95) ? name : null,
    texts,
    w,
    firstSentAt: now(),
    attempts: 0,
    receipts: [],
    outcome: 'open',
  };
}

async function tryUntilAcknowledged(run: ClientRun, append: Append, dice: Dice): Promise<void> {
  while (!run.isOver) {
    const answer = await attempt(run, append, dice);
    if (answer !== null && (answer.status === 200 || answer.status === 201)) {
      append.outcome = 'acknowledged';
      return;
    }
    if (answer !== null && isImpossible(answer.status)) {
      const detail = `HTTP ${answer.status} for a good append: ${JSON.stringify(answer.body)}`;
      run.history.findings.push({ name: 'wrong answer', detail });
    }
    await sleep(dice.integer(10, 100));
  }
}

/** Without a key a second attempt would be another message. */
async function tryOnce(run: ClientRun, append: Append, dice: Dice): Promise<void> {
  const answer = await attempt(run, append, dice);
  if (answer === null) return;
  if (answer.status === 200 || answer.status === 201) append.outcome = 'acknowledged';
  else if (answer.status >= 400 && answer.body?.appended !== true) append.outcome = 'refused';
}

/** What a good append may not be answered with, whatever happens to the nodes. */
function isImpossible(status: number): boolean {
  return status >= 300 && status !== 503 && status !== 507;
}

async function attempt(run: ClientRun, append: Append, dice: Dice): Promise<Answer | null> {
  const { history, nodes } = run;
  const { key, texts, w } = append;
  const incarnation = nodes.incarnation(history.master);
  append.attempts += 1;
  const headers: Record<string, string> = {
    ...(key === null ? {} : { 'idempotency-key': `"${key}"` }),
    ...(dice.chance(0.2) ? { prefer: `wait=${dice.integer(0, 2)}` } : {}),
  };
  const body = texts.length === 1 ? { message: texts[0], w } : { messages: texts, w };
  const timeoutMs = dice.integer(300, 3000);
  try {
    const url = `${nodes.url(history.master)}/messages`;
    const answer = await call(url, { method: 'POST', headers, body, timeoutMs });
    const receipt = receiptOf(answer, run.now(), incarnation);
    if (receipt !== null) append.receipts.push(receipt);
    run.countAnswer(String(answer.status));
    return answer;
  } catch {
    run.countAnswer('none');
    return null; // No answer is an answer: it may be in the log, or not.
  }
}

function receiptOf({ status, body }: Answer, at: number, incarnation: number): Receipt | null {
  if (typeof body?.seq !== 'number' || !Array.isArray(body.acked)) return null;
  const { seq, epoch, acked, pending, count = 1 } = body;
  return { status, seq, epoch, count, acked, pending, at, incarnation };
}
