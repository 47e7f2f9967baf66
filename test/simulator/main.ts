/**
 * `make simulate`: plays many seeds on all cores, or prints all events of one.
 *   SEEDS=10000 FROM=1   how many, and the first; the last line is `10000 passed, 0 failed`
 *   SEED=42 TRACE=1      one seed, with all its events
 *   ELECTIONS=1          clusters that elect their master, instead of those with a fixed one
 */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { KEPT_SEEDS as KEPT_ELECTIONS } from './elections/kept-seeds.ts';
import { simulate as simulateElections } from './elections/simulate.ts';
import { INTERESTING_STATES as STATES_OF_ELECTIONS } from './elections/states.ts';
import { KEPT_SEEDS as KEPT_FIXED } from './kept-seeds.ts';
import { replayCommand } from './replay.ts';
import { simulate as simulateFixed } from './simulate.ts';
import { INTERESTING_STATES as STATES_OF_FIXED } from './states.ts';

/** What is told of a simulation of either kind. */
interface Simulation {
  readonly trace: readonly string[];
  readonly weather: unknown;
}

interface Outcome {
  readonly seed: number;
  /** Null if every invariant held. */
  readonly problem: string | null;
  readonly states: readonly string[];
}

const isOfElections = Boolean(process.env.ELECTIONS);
const KEPT_SEEDS = isOfElections ? KEPT_ELECTIONS : KEPT_FIXED;
const INTERESTING_STATES = isOfElections ? STATES_OF_ELECTIONS : STATES_OF_FIXED;
const PROGRESS_EVERY = 500;
const SEEDS_PER_TURN = 10;

/** Plays a seed of the kind that was asked for; `onMade` is told before anything happens. */
function simulate(
  seed: number,
  onMade: (simulation: Simulation, states: ReadonlySet<string>) => void = () => {},
): Simulation {
  if (isOfElections) {
    return simulateElections(seed, undefined, (world) => onMade(world, world.states));
  }
  return simulateFixed(seed, undefined, (made) => onMade(made, made.history.states));
}

function play(seed: number, onSimulation: (simulation: Simulation) => void = () => {}): Outcome {
  let states: ReadonlySet<string> = new Set();
  let problem: string | null = null;
  try {
    simulate(seed, (made, itsStates) => {
      states = itsStates;
      onSimulation(made);
    });
  } catch (error) {
    ({ message: problem } = error as Error);
  }
  return { seed, problem, states: [...states] };
}

function tellStory(seed: number, hasTrace: boolean): number {
  let simulation: Simulation | undefined;
  const { problem } = play(seed, (made) => {
    simulation = made;
  });
  console.log(`seed ${seed}: ${JSON.stringify(simulation?.weather)}`);
  if (hasTrace) for (const line of simulation?.trace ?? []) console.log(line);
  if (problem !== null) console.log(`FAILED: ${problem}`);
  console.log(problem === null ? '1 passed, 0 failed' : '0 passed, 1 failed');
  return problem === null ? 0 : 1;
}

/** Plays the seeds in child processes, a few at a time each. */
async function playAll(seeds: readonly number[], onOutcome: (one: Outcome) => void): Promise<void> {
  let next = 0;
  const worker = async () => {
    const child = fork(fileURLToPath(import.meta.url), [], {
      env: { ...process.env, WORKER: '1' },
    });
    const ended = new Promise<never>((_, reject) => {
      child.once('exit', (code) => reject(new Error(`a simulator process ended with ${code}`)));
    });
    ended.catch(() => {});
    while (next < seeds.length) {
      const turn = seeds.slice(next, next + SEEDS_PER_TURN);
      next += turn.length;
      const answer = new Promise<Outcome[]>((resolve) =>
        child.once('message', resolve as () => void),
      );
      child.send(turn);
      for (const outcome of await Promise.race([answer, ended])) onOutcome(outcome);
    }
    child.disconnect();
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}

async function playMany(from: number, count: number): Promise<number> {
  assert.deepEqual(simulate(from).trace, simulate(from).trace, 'the same seed, the same story');
  console.log(`the same seed tells the same story; ${KEPT_SEEDS.size} kept seeds come first`);
  const seeds = [...KEPT_SEEDS.keys(), ...Array.from({ length: count }, (_, i) => from + i)];
  const states = new Map<string, number>();
  const failed: Outcome[] = [];
  let played = 0;
  await playAll(seeds, (outcome) => {
    played += 1;
    for (const state of outcome.states) states.set(state, (states.get(state) ?? 0) + 1);
    if (outcome.problem !== null) {
      failed.push(outcome);
      console.log(
        `seed ${outcome.seed}: ${outcome.problem}\n  ${replayCommand(outcome.seed, isOfElections ? 'elections' : '')}`,
      );
    }
    if (played % PROGRESS_EVERY === 0) console.log(`${played} of ${seeds.length} played`);
  });
  const reached = [...states].sort(([a], [b]) => (a < b ? -1 : 1));
  console.log(`reached: ${reached.map(([state, times]) => `${state} ${times}`).join(', ')}`);
  const missed = INTERESTING_STATES.filter((state) => !states.has(state));
  if (missed.length > 0 && count >= PROGRESS_EVERY) {
    console.log(`never reached, though the simulator must: ${missed.join(', ')}`);
    return 1;
  }
  const failures = new Set(failed.map(({ seed }) => seed)).size;
  console.log(`${Math.max(0, count - failures)} passed, ${failures} failed`);
  return failures === 0 ? 0 : 1;
}

async function main(): Promise<number> {
  const { SEED, SEEDS, FROM, TRACE } = process.env;
  if (SEED) return tellStory(Number(SEED), Boolean(TRACE));
  return playMany(Number(FROM || 1), Number(SEEDS || 1000));
}

if (process.env.WORKER) {
  process.on('message', (seeds: number[]) => process.send?.(seeds.map((seed) => play(seed))));
} else {
  process.exitCode = await main();
}
