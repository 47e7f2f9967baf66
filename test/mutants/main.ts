/**
 * `make mutants`: plants one bug at a time in the core and lets the simulator look for it. It fails
 * if a bug survives, if one can no longer be planted, or if the core as it is does not pass.
 *   ONLY=backoff   only bugs whose name contains this; ONLY=elections: only those for the simulator of elections
 *   SEEDS=500      how many seeds each must be found within, instead of 4000
 */
import { fork } from 'node:child_process';
import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { breakageOf, type Mutant, plant, problemOf } from './mutant.ts';
import { MUTANTS } from './mutants.ts';
import type { Played } from './play.ts';

/** A bug that is not found within this many seeds has survived. */
const SEEDS_MAX = Number(process.env.SEEDS || 4000);
/** The core without a bug, run in the same way. */
const UNCHANGED_SEEDS = 100;
/** One seed takes some 10 to 200 ms; one that takes this long never ends. */
const SEED_MS_MAX = 20_000;
const NAME_CHARS = 72;
const PROBLEM_CHARS = 100;

interface Verdict {
  readonly name: string;
  /** The seed that failed; null if none did. */
  readonly seed: number | null;
  readonly problem: string;
  readonly ms: number;
  /** Whether the result is what the bug should break. */
  readonly isExpected: boolean;
}

/** Plays the seeds with this bug, or without one, in a process of its own. */
async function judge(mutant: Mutant | null, simulator: Simulator = ''): Promise<Verdict> {
  const folder = plant(mutant);
  const since = performance.now();
  const seeds = mutant === null ? UNCHANGED_SEEDS : SEEDS_MAX;
  try {
    const found = await play(folder, seeds, mutant?.simulator ?? simulator);
    const ms = Math.round(performance.now() - since);
    const isExpected = found.seed === null || mutant?.breaks.includes(breakageOf(found.problem));
    return {
      name: mutant?.name ?? 'nothing is changed',
      ...found,
      ms,
      isExpected: isExpected === true,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The folder of the simulator below that of the first one. */
type Simulator = '' | 'elections';

type Found = Pick<Verdict, 'seed' | 'problem'>;

function play(folder: string, seeds: number, simulator: Simulator): Promise<Found> {
  const script = fileURLToPath(new URL('play.ts', import.meta.url));
  const child = fork(script, [folder, String(seeds), simulator], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let errors = '';
  let played = 0;
  let found: Found | null = null;
  let isStuck = false;
  const stuck = setTimeout(() => {
    isStuck = true;
    child.kill('SIGKILL');
  }, SEED_MS_MAX);
  child.stderr?.on('data', (chunk) => {
    errors += chunk;
  });
  child.on('message', (message: Played) => {
    stuck.refresh();
    played = message.seed;
    const { seed, problem, failsAnyway } = message;
    if (problem !== null && !failsAnyway) found = { seed, problem };
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(stuck);
      if (found !== null) resolve(found);
      else if (isStuck) resolve({ seed: played + 1, problem: '[time-passes] it never ends' });
      else if (played === seeds) resolve({ seed: null, problem: '' });
      else reject(new Error(`a process ended with ${code} after seed ${played}: ${errors}`));
    });
  });
}

async function judgeAll(mutants: readonly Mutant[]): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  const waiting = [...mutants];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const verdict = await judge(next);
      verdicts.push(verdict);
      print(verdict);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return verdicts;
}

function print({ name, seed, problem, ms }: Verdict): void {
  const found = seed === null ? 'SURVIVED' : `seed ${seed}`;
  const line = problem.split('\n')[0] as string;
  const short = line.length > PROBLEM_CHARS ? `${line.slice(0, PROBLEM_CHARS - 1)}…` : line;
  console.log(
    `${name.padEnd(NAME_CHARS)} ${found.padEnd(9)} ${String(ms).padStart(6)} ms  ${short}`,
  );
}

async function main(): Promise<number> {
  const mutants = MUTANTS.filter(({ name, simulator = '' }) =>
    `${simulator}: ${name}`.includes(process.env.ONLY ?? ''),
  );
  const problems = mutants.map(problemOf).filter((problem) => problem !== null);
  for (const problem of problems) console.log(problem);
  if (problems.length > 0) return 1;
  for (const simulator of ['', 'elections'] as const) {
    const unchanged = await judge(null, simulator);
    if (unchanged.seed !== null) {
      console.log(`the core as it is fails at seed ${unchanged.seed}: ${unchanged.problem}`);
      return 1;
    }
    console.log(`the core as it is passes ${UNCHANGED_SEEDS} seeds in ${unchanged.ms} ms`);
  }
  console.log();
  const verdicts = await judgeAll(mutants);
  const survivors = verdicts.filter(({ seed }) => seed === null);
  for (const { name } of survivors) console.log(`survived ${SEEDS_MAX} seeds: ${name}`);
  const misjudged = verdicts.filter(({ isExpected }) => !isExpected);
  for (const { name, problem } of misjudged) {
    console.log(`found by another invariant than it says: ${name}: ${breakageOf(problem)}`);
  }
  console.log(`\n${verdicts.length - survivors.length} found, ${survivors.length} survived`);
  return survivors.length + misjudged.length === 0 ? 0 : 1;
}

process.exitCode = await main();
