/**
 * A child process of `make mutants`: plays seeds with the sources in a folder until one fails. A
 * seed that fails without the planted bug as well proves nothing and is passed over.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { simulate as simulateElections } from '../simulator/elections/simulate.ts';
import { simulate as simulateFixed } from '../simulator/simulate.ts';

type Simulate = (seed: number) => unknown;

/** A message of the child: a seed was played, with its result. */
export interface Played {
  readonly seed: number;
  readonly problem: string | null;
  readonly failsAnyway: boolean;
}

const [folder, seeds, simulator] = process.argv.slice(2);
const simulate: Simulate = simulator === 'elections' ? simulateElections : simulateFixed;
const module = pathToFileURL(
  join(folder as string, 'test/simulator', simulator as string, 'simulate.ts'),
).href;
const mutated: { simulate: Simulate } = await import(module);

for (let seed = 1; seed <= Number(seeds); seed += 1) {
  const problem = problemOf(mutated.simulate, seed);
  const failsAnyway = problem !== null && problemOf(simulate, seed) !== null;
  await tell({ seed, problem, failsAnyway });
  if (problem !== null && !failsAnyway) break;
}
process.disconnect();

function problemOf(play: Simulate, seed: number): string | null {
  try {
    play(seed);
    return null;
  } catch (error) {
    // A name that does not exist is a mistake in the mutant: no invariant has found the bug.
    if (error instanceof ReferenceError) throw error;
    return (error as Error).message;
  }
}

function tell(played: Played): Promise<void> {
  return new Promise((resolve) => process.send?.(played, () => resolve()));
}
