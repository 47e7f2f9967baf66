/** Simulations so small that all of them can be run: no random faults, few appends, one event that is chosen. */
import { Client } from './client.ts';
import { Invariants } from './invariants.ts';
import { operate } from './simulate.ts';
import { Simulation } from './simulation.ts';
import { FAIR_WEATHER, type Weather } from './weather.ts';

const APPENDS_UNTIL_MS = 160;
const CALM_AT_MS = 400;
/** By then all nodes agree, also after a missed heartbeat and some backoffs. */
const CONVERGED_AT_MS = 9000;
/** When an operator intervenes. */
const OPERATOR_MS = [1500, 3500];
const SLOW_MS = 25;

export interface SmallSimulation {
  readonly secondaries: number;
  readonly disk: Weather['disk'];
  /** The fault, right after this event of the run. */
  readonly event: number;
  readonly happens: (simulation: Simulation) => void;
  /** Which of the first messages after that are slow; all others are fast. */
  readonly slow?: readonly boolean[];
}

class ChosenSimulation extends Simulation {
  slow: readonly boolean[] = [];
  #sent = 0;

  override latency(): number {
    const isSlow = this.slow[this.#sent] === true;
    if (this.#sent < this.slow.length) this.#sent += 1;
    return isSlow && !this.isCalm ? SLOW_MS : 1;
  }

  override fsyncMs(): number {
    return 3;
  }
}

/** Runs it to the end, and checks every invariant after every event. */
export function playSmall(small: SmallSimulation): Simulation {
  const { secondaries, disk, event, happens } = small;
  const simulation = new ChosenSimulation(1, { ...FAIR_WEATHER, secondaries, disk });
  const invariants = new Invariants(simulation);
  for (const [index, w] of [1, 2, 'all', 2, 1, 'majority'].entries()) {
    const texts = index === 3 ? ['four', 'four and a half'] : [`message ${index}`];
    simulation.after((index * APPENDS_UNTIL_MS) / 6, () => {
      simulation.clients.push(
        new Client(simulation, texts, `key-${index}`, w as 1 | 2 | 'all' | 'majority'),
      );
    });
  }
  let hasHappened = false;
  const step = () => {
    invariants.check();
    if (hasHappened || simulation.clock.events < event) return;
    hasHappened = true;
    simulation.slow = small.slow ?? [];
    happens(simulation);
    invariants.check();
  };
  simulation.clock.runUntil(CALM_AT_MS, step);
  simulation.heal();
  for (const ms of OPERATOR_MS) {
    simulation.clock.runUntil(CALM_AT_MS + ms, step);
    operate(simulation);
  }
  simulation.clock.runUntil(CONVERGED_AT_MS, step);
  invariants.checkConverged();
  return simulation;
}

/** The number of events of the run without a fault, after each of which one could happen. */
export function eventsOf(secondaries: number, disk: Weather['disk']): number {
  let events = 0;
  playSmall({
    secondaries,
    disk,
    event: 0,
    happens: (simulation) =>
      simulation.after(APPENDS_UNTIL_MS, () => {
        events = simulation.clock.events;
      }),
  });
  return events;
}
