/**
 * `make chaos ELECTIONS=1`: members that elect their master as real processes, real clients, real faults; then a checker
 * that names what it found.
 *
 *   SECONDS=60   how long faults go on
 *   SEED=7       draws the faults and what clients do; random, and printed, by default
 *   NODES=3      members
 */
import { seededRandom } from '../../../src/lib/runtime/random.ts';
import { Dice } from '../../lib/support.ts';
import { waitFor } from '../../support/wait.ts';
import { call } from '../http.ts';
import { check, isMajority } from './checker.ts';
import { Clients } from './clients.ts';
import { emptyHistory, type Finding, type History } from './history.ts';
import { ELECTION_TIMEOUT_MS, Members } from './members.ts';
import { Nemesis } from './nemesis.ts';

const WRITERS = 8;
const READERS = 4;
/** How long writers and tails may take once the faults are over, in ms. */
const END_MS = 20_000;

function numberIn(name: string, otherwise: number): number {
  const value = Number(process.env[name] || otherwise);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name} must be an integer from 1`);
  return value;
}

async function run(seconds: number, seed: number, nodes: number): Promise<Finding[]> {
  const dice = (number: number) => new Dice(Math.imul(seed, 1000) + number);
  const members = await Members.open(nodes, seededRandom(seed));
  const history = emptyHistory(members.ids);
  const clients = new Clients(members, history);
  const nemesis = new Nemesis(members, dice(1));
  const ticker = setInterval(() => console.log(progress(history, members)), 5000);
  try {
    await nemesis.start();
    const writers = Array.from({ length: WRITERS }, (_, index) =>
      clients.write(`w${index + 1}`, dice(100 + index)),
    );
    const readers = [
      ...Array.from({ length: READERS }, (_, index) => clients.read(dice(200 + index))),
      ...members.ids.map((id, index) => clients.follow(`tail-${id}`, dice(300 + index))),
    ];
    try {
      await nemesis.torment(performance.now() + seconds * 1000);
      clients.isClosing = true;
      await waitFor(
        'every answer',
        () => history.appends.every(({ ack }) => ack !== null),
        END_MS,
      ).catch(() => {});
      await nemesis.calm(true);
      await takeLogs(members, history);
    } finally {
      clients.isClosing = true;
      clients.isOver = true;
      await Promise.all([...writers, ...readers]);
    }
  } catch (error) {
    history.findings.push({ name: 'failed run', detail: (error as Error).stack ?? String(error) });
  } finally {
    clearInterval(ticker);
  }
  const { elections } = members;
  await members.close();
  history.findings.push(...members.findings());
  const findings = check(history);
  console.log(`\n${summary(history, nemesis, elections)}`);
  if (findings.length > 0) console.error(members.lastLines(40));
  return findings;
}

/** Takes the log of every member, once the tails have been told all of it. */
async function takeLogs(members: Members, history: History): Promise<void> {
  for (const id of members.ids) {
    const { body } = await call(`${members.url(id)}/messages`, { timeoutMs: 10_000 });
    history.final.set(id, body as string[]);
  }
  const { length } = history.final.get(members.ids[0] as string) ?? [];
  const isTold = () => history.tails.every(({ told }) => told.length >= (length ?? 0));
  await waitFor('the tails', isTold, END_MS).catch(() => {});
}

function progress({ appends, reads }: History, members: Members): string {
  const acked = appends.filter(({ ack }) => ack !== null).length;
  return `${acked} appends acknowledged, ${reads.length} lists read, ${members.elections} elections`;
}

function summary(history: History, { counts, longestCalmMs }: Nemesis, elections: number): string {
  const { appends, reads, tails } = history;
  const acked = appends.filter(({ ack }) => ack !== null);
  const strict = acked.filter(({ w }) => isMajority(history, w)).length;
  const linearizable = reads.filter(({ concern }) => concern === 'linearizable').length;
  const faults = [...counts].map(([kind, count]) => `${kind} ${count}`).sort();
  return [
    `${appends.length} appends, ${acked.length} acknowledged, ${strict} at a majority or more`,
    `${reads.length} lists read, ${linearizable} linearizable; ${tails.length} tails`,
    `${elections} elections; whole again after ${longestCalmMs} ms at most`,
    `election time-out ${ELECTION_TIMEOUT_MS} ms; faults: ${faults.join(', ')}`,
  ].join('\n');
}

// Members are ended when the process exits; a signal must let it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
const seconds = numberIn('SECONDS', 60);
const seed = numberIn('SEED', 1 + Math.floor(Math.random() * 2 ** 31));
const nodes = numberIn('NODES', 3);
console.log(`chaos with elections: SEED=${seed} SECONDS=${seconds} NODES=${nodes}`);
const findings = await run(seconds, seed, nodes);
for (const { name, detail } of findings.slice(0, 50)) console.error(`VIOLATION ${name}: ${detail}`);
console.log(`${findings.length} violations`);
if (findings.length > 0) {
  console.error(`replay: make chaos ELECTIONS=1 SEED=${seed} SECONDS=${seconds} NODES=${nodes}`);
  process.exitCode = 1;
}
