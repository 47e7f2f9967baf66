import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KEPT_SEEDS } from './kept-seeds.ts';
import { replayCommand } from './replay.ts';
import { simulate } from './simulate.ts';
import { INTERESTING_STATES } from './states.ts';

const SEEDS = Number(process.env.SEEDS ?? 500);

describe('the cluster under a virtual clock, a seeded network and seeded disks', () => {
  it('tells the same story for the same seed, byte for byte', () => {
    for (const seed of [7, 8, 9]) assert.deepEqual(simulate(seed).trace, simulate(seed).trace);
  });

  it('keeps every invariant in the simulations that once broke one', () => {
    for (const seed of KEPT_SEEDS.keys()) play(seed);
  });

  it(`keeps every invariant in ${SEEDS} simulations, converges, and reaches the interesting states`, () => {
    const states = new Set<string>();
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      for (const state of play(seed).history.states) states.add(state);
    }
    const missed = INTERESTING_STATES.filter((state) => !states.has(state));
    assert.deepEqual(missed, [], 'every interesting state was reached by some simulation');
  });
});

function play(seed: number): ReturnType<typeof simulate> {
  try {
    return simulate(seed);
  } catch (error) {
    const { message } = error as Error;
    throw new Error(`seed ${seed}: ${message}\nreplay it: ${replayCommand(seed)}`, {
      cause: error,
    });
  }
}
