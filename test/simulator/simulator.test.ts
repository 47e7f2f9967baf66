import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '../../src/lib/runtime/random.ts';
import { Invariants } from './invariants.ts';
import { World } from './world.ts';

const SEEDS = Number(process.env.SEEDS ?? 500);
/** Seeds that once found something. */
const KEPT_SEEDS: readonly number[] = [];
const STORM_MS = 20_000;
/** In calm weather a cluster must agree within this time: a backoff, some heartbeats, a few frames. */
const CONVERGENCE_MS = 15_000;

/** One run: a storm with appends and crashes, then calm weather until everything agrees. */
function simulate(seed: number): World {
  const world = new World(seed);
  const invariants = new Invariants(world);
  const random = seededRandom(seed + 1_000_000);
  const step = () => {
    if (world.now >= STORM_MS) return;
    for (let i = 0; i < 1 + random() * 4; i += 1) world.append();
    world.nodes.forEach((_, index) => {
      world.crash(index);
    });
    world.after(random() * 800, step);
  };
  step();
  world.run(STORM_MS, invariants.check);
  world.calm();
  world.run(STORM_MS + CONVERGENCE_MS, invariants.check);
  invariants.checkConverged();
  return world;
}

describe('the cluster under a virtual clock and a seeded network', () => {
  it('tells the same story for the same seed, byte for byte', () => {
    assert.deepEqual(simulate(7).trace, simulate(7).trace);
  });

  it(`keeps every invariant in ${SEEDS} worlds, and converges when they heal`, () => {
    for (const seed of [...KEPT_SEEDS, ...Array.from({ length: SEEDS }, (_, i) => i + 1)]) {
      try {
        simulate(seed);
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
      }
    }
  });

  it('reaches the interesting states', () => {
    const stories = Array.from({ length: 50 }, (_, i) => simulate(i + 1).trace.join('\n'));
    const states = [
      'time-is-up',
      'holds',
      'left',
      'crashes',
      'starts',
      'read-only',
      'injected-fault',
    ];
    for (const state of [...states, 'refused', 'reset']) {
      assert(
        stories.some((story) => story.includes(state)),
        `some world saw '${state}'`,
      );
    }
  });
});
