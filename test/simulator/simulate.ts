/** One run: a storm with appends and faults, then calm weather until everything agrees. */
import { seededRandom } from '../../src/lib/runtime/random.ts';
import { Invariants } from './invariants.ts';
import { breakThings } from './nemesis.ts';
import type { Weather } from './weather.ts';
import { World } from './world.ts';

const STORM_MS = 20_000;
/** When an operator looks: restarts a fenced master, empties secondaries with foreign logs. */
const OPERATOR_MS = [4000, 7000, 10_000];
/** In calm weather a cluster must agree within this: backoffs, some heartbeats, a few frames. */
const CONVERGENCE_MS = 20_000;

/** Plays the world of this seed; throws an `AssertionError` that names what does not hold. */
export function simulate(
  seed: number,
  weather?: Partial<Weather>,
  onWorld?: (world: World) => void,
): World {
  const world = new World(seed, weather);
  onWorld?.(world);
  const invariants = new Invariants(world);
  const random = seededRandom(seed + 1_000_000_007);
  const step = () => {
    if (world.now >= STORM_MS) return;
    for (let i = 0; i < random() * 3; i += 1) world.addClient();
    breakThings(world);
    world.after(random() * 800, step);
  };
  step();
  world.clock.runUntil(STORM_MS, invariants.check);
  world.heal();
  for (const ms of OPERATOR_MS) {
    world.clock.runUntil(STORM_MS + ms, invariants.check);
    operate(world);
  }
  world.clock.runUntil(STORM_MS + CONVERGENCE_MS, invariants.check);
  invariants.checkConverged();
  return world;
}

/** What an operator does: restarts a fenced master, empties secondaries with foreign logs. */
export function operate(world: World): void {
  const master = world.masters.find(({ isUp }) => isUp);
  if (master !== undefined && master.core.fencedBy !== null) {
    master.crash(false);
    master.start();
    return;
  }
  for (const secondary of world.secondaries) {
    if (secondary.core.logId === null || secondary.core.logId === master?.core.logId) continue;
    world.history.reached('foreign-log');
    secondary.crash(true);
    secondary.start();
  }
}
