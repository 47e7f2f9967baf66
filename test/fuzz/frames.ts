/**
 * Frames to a real secondary, most of them nearly right, cut into pieces anywhere. A refused request
 * changes nothing; an ack has exactly the length that the node shows.
 */
import assert from 'node:assert/strict';
import http from 'node:http';
import fc from 'fast-check';
import { health, request } from '../support/client.ts';
import { type NodeProcess, startSecondary } from '../support/cluster.ts';
import { halfValid, json, mutated, text } from './arbitraries.ts';
import { checkAnswer, exchange } from './exchange.ts';
import { type Property, processes } from './property.ts';
import { stopSound } from './requests.ts';

/** The plan of a frame; its numbers are relative to what the node shows then. */
interface Plan {
  readonly ahead: number;
  readonly count: number;
  readonly epochStep: number;
  readonly isOwnText: boolean;
  readonly changes: Record<string, unknown>;
  readonly broken: string | null;
}

const weighted = <Value>(weight: number, usual: Value, ...others: Value[]) =>
  fc.oneof(
    { weight, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );

const changes = halfValid({
  epochs: fc.constantFrom(
    [[1, 1]],
    [],
    [[1, 2]],
    [
      [2, 1],
      [1, 5],
    ],
    'x',
    [[1]],
    [[1, 1e99]],
  ),
  epochsPart: fc.constantFrom([[1, 1]], [[1, 2]], [], 'x', [
    [1, 1],
    [2, 5],
  ]),
  epochsOffset: fc.constantFrom(0, 1, 7, -1, 1.5, '1'),
  epochsMore: fc.constantFrom(true, false, 1),
  writer: fc.oneof(text, json),
  writers: json,
  keys: fc.oneof(
    json,
    fc.dictionary(fc.nat(30).map(String), text),
    fc.dictionary(
      fc.tuple(fc.nat(30), fc.nat(30)).map((seqs) => seqs.join('-')),
      text,
    ),
  ),
  from: fc.constantFrom(1, 2, 1e15, 2 ** 53 - 1, 2 ** 53),
  logId: fc.constantFrom('M', '漢\n', '\ud800', 'x'.repeat(256)),
  messages: fc.oneof(json, fc.array(text, { maxLength: 3 })),
});

const plan: fc.Arbitrary<Plan> = fc.record({
  ahead: weighted(8, 0, -1, -3, 1, 2, 5, 9_990, 10_001, 2 ** 40),
  count: fc.integer({ min: 0, max: 3 }),
  epochStep: weighted(60, 0, 1, -1),
  isOwnText: weighted(20, false, true),
  changes: fc
    .tuple(changes, fc.array(fc.nat(9), { maxLength: 2 }), fc.nat(9))
    .map(([all, picks, dice]) => {
      const entries = Object.entries(all);
      const picked = picks.map((i) => entries[i]).filter((entry) => entry !== undefined);
      return Object.fromEntries(dice > 1 ? [] : picked);
    }),
  broken: fc.option(
    mutated(fc.constant('{"logId":"L","epoch":1,"from":1,"messages":["a"]}')).map((bytes) =>
      bytes.toString('latin1'),
    ),
    { freq: 12 },
  ),
});

interface Shown {
  readonly length: number;
  readonly epoch: number;
  readonly etag: string;
}

async function shown(node: NodeProcess): Promise<Shown> {
  const { length, epoch } = await health(node);
  const head = await request(`${node.url}/messages`, { method: 'HEAD' });
  return { length, epoch, etag: head.headers.get('etag') as string };
}

function lineOf(plan: Plan, { length, epoch }: Shown): string {
  if (plan.broken !== null) return plan.broken;
  const from = Math.max(1, length + 1 + plan.ahead);
  const messages = Array.from({ length: plan.count }, (_, i) =>
    plan.isOwnText ? `own ${from}` : `m${from + i}`,
  );
  const frame = { logId: 'L', epoch: Math.max(1, epoch + plan.epochStep), from, messages };
  return JSON.stringify({ ...frame, ...plan.changes });
}

function checker(node: NodeProcess) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  return async ([plans, separator]: [Plan[], string]) => {
    const before = await shown(node);
    const body = plans.map((plan) => lineOf(plan, before)).join(separator);
    const headers = { 'content-type': 'application/x-ndjson' };
    const sent = { method: 'POST', path: '/replicate', headers, body: Buffer.from(body, 'utf8') };
    const answer = await exchange(agent, node.port, sent);
    checkAnswer(answer);
    const after = await shown(node);
    if (answer.status !== 200) {
      assert([400, 409, 413].includes(answer.status), `status ${answer.status}`);
      assert.deepEqual(after, before, 'what is refused changes nothing');
      return;
    }
    const acks = answer.body.trimEnd().split('\n');
    assert(acks.length <= plans.length + body.split('\n').length);
    const last = JSON.parse(acks.at(-1) as string);
    for (const ack of acks.map((line) => JSON.parse(line))) {
      assert(Number.isSafeInteger(ack.length) && typeof ack.bootId === 'string');
    }
    assert.equal(last.length, after.length, 'an ack is a statement of fact');
    assert.equal(last.epoch, after.epoch);
  };
}

export const frameProperties: readonly Property[] = [
  processes(
    'frames of a secondary',
    0.07,
    fc.tuple(fc.array(plan, { minLength: 1, maxLength: 3 }), fc.constantFrom('\n', '\r\n', '\n\n')),
    async () => {
      const node = await startSecondary();
      return { check: checker(node), stop: () => stopSound(node) };
    },
  ),
];
