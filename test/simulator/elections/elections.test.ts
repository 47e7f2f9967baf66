import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { replayCommand } from '../replay.ts';
import { KEPT_SEEDS } from './kept-seeds.ts';
import { simulate } from './simulate.ts';
import { INTERESTING_STATES } from './states.ts';

const SEEDS = Number(process.env.ELECTION_SEEDS ?? 300);

describe('a cluster that elects its master, under a virtual clock, a seeded network and seeded disks', () => {
  it('tells the same story for the same seed, byte for byte', () => {
    for (const seed of [7, 8]) assert.deepEqual(simulate(seed).trace, simulate(seed).trace);
  });

  it('keeps every invariant in the elections that once broke one', () => {
    for (const seed of KEPT_SEEDS.keys()) play(seed);
  });

  it(`keeps every invariant in ${SEEDS} simulations of elections, and reaches the interesting states`, () => {
    const states = new Set<string>();
    const play1 = (seed: number) => {
      for (const state of play(seed).states) states.add(state);
    };
    for (const seed of KEPT_SEEDS.keys()) play1(seed);
    for (let seed = 1; seed <= SEEDS; seed += 1) play1(seed);
    const missed = INTERESTING_STATES.filter((state) => !states.has(state));
    assert.deepEqual(missed, [], 'every interesting state was reached by some simulation');
  });
});

function play(seed: number): ReturnType<typeof simulate> {
  try {
    return simulate(seed);
  } catch (error) {
    const { message } = error as Error;
    throw new Error(`seed ${seed}: ${message}\nreplay it: ${replayCommand(seed, 'elections')}`, {
      cause: error,
    });
  }
}
