/** One run: a storm with appends and faults, then calm weather until everything agrees. */
import { seededRandom } from '../../src/lib/runtime/random.ts';
import { Invariants } from './invariants.ts';
import { breakThings } from './nemesis.ts';
import { Simulation } from './simulation.ts';
import type { Weather } from './weather.ts';

const STORM_MS = 20_000;
/** When an operator looks: restarts a fenced master, empties secondaries with foreign logs. */
const OPERATOR_MS = [4000, 7000, 10_000];
/** In calm weather a cluster must agree within this: backoffs, some heartbeats, a few frames. */
const CONVERGENCE_MS = 20_000;

/** Plays the simulation of this seed; throws an `AssertionError` that names what does not hold. */
export function simulate(
  seed: number,
  weather?: Partial<Weather>,
  onSimulation?: (simulation: Simulation) => void,
): Simulation {
  const simulation = new Simulation(seed, weather);
  onSimulation?.(simulation);
  const invariants = new Invariants(simulation);
  const random = seededRandom(seed + 1_000_000_007);
  const step = () => {
    if (simulation.now >= STORM_MS) return;
    for (let i = 0; i < random() * 3; i += 1) simulation.addClient();
    breakThings(simulation);
    simulation.after(random() * 800, step);
  };
  step();
  simulation.clock.runUntil(STORM_MS, invariants.check);
  simulation.heal();
  for (const ms of OPERATOR_MS) {
    simulation.clock.runUntil(STORM_MS + ms, invariants.check);
    operate(simulation);
  }
  simulation.clock.runUntil(STORM_MS + CONVERGENCE_MS, invariants.check);
  invariants.checkConverged();
  return simulation;
}

/** What an operator does: restarts a fenced master, empties secondaries with foreign logs. */
export function operate(simulation: Simulation): void {
  const master = simulation.masters.find(({ isUp }) => isUp);
  if (master !== undefined && master.core.fencedBy !== null) {
    master.crash(false);
    master.start();
    return;
  }
  for (const secondary of simulation.secondaries) {
    if (secondary.core.logId === null || secondary.core.logId === master?.core.logId) continue;
    simulation.history.reached('foreign-log');
    secondary.crash(true);
    secondary.start();
  }
}
