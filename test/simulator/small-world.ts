/** Worlds so small that all of them can be visited: fair weather, few appends, one thing that happens. */
import { Client } from './client.ts';
import { Invariants } from './invariants.ts';
import { operate } from './simulate.ts';
import { FAIR_WEATHER, type Weather } from './weather.ts';
import { World } from './world.ts';

const APPENDS_UNTIL_MS = 160;
const CALM_AT_MS = 400;
/** By then everybody agrees: a heartbeat is missed, some backoffs pass. */
const CONVERGED_AT_MS = 9000;
/** When an operator looks. */
const OPERATOR_MS = [1500, 3500];
const SLOW_MS = 25;

export interface SmallWorld {
  readonly secondaries: number;
  readonly disk: Weather['disk'];
  /** What happens, right behind this event of the run. */
  readonly event: number;
  readonly happens: (world: World) => void;
  /** From then on the first messages are slow where this says so, and all others are prompt. */
  readonly slow?: readonly boolean[];
}

class ChosenWorld extends World {
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

/** Plays it to the end; every invariant is checked after every event. */
export function playSmall(small: SmallWorld): World {
  const { secondaries, disk, event, happens } = small;
  const world = new ChosenWorld(1, { ...FAIR_WEATHER, secondaries, disk });
  const invariants = new Invariants(world);
  for (const [index, w] of [1, 2, 'all', 2, 1, 'majority'].entries()) {
    const texts = index === 3 ? ['four', 'four and a half'] : [`message ${index}`];
    world.after((index * APPENDS_UNTIL_MS) / 6, () => {
      world.clients.push(new Client(world, texts, `key-${index}`, w as 1 | 2 | 'all' | 'majority'));
    });
  }
  let hasHappened = false;
  const step = () => {
    invariants.check();
    if (hasHappened || world.clock.events < event) return;
    hasHappened = true;
    world.slow = small.slow ?? [];
    happens(world);
    invariants.check();
  };
  world.clock.runUntil(CALM_AT_MS, step);
  world.heal();
  for (const ms of OPERATOR_MS) {
    world.clock.runUntil(CALM_AT_MS + ms, step);
    operate(world);
  }
  world.clock.runUntil(CONVERGED_AT_MS, step);
  invariants.checkConverged();
  return world;
}

/** How many events there are in which something could happen, if nothing does. */
export function eventsOf(secondaries: number, disk: Weather['disk']): number {
  let events = 0;
  playSmall({
    secondaries,
    disk,
    event: 0,
    happens: (world) =>
      world.after(APPENDS_UNTIL_MS, () => {
        events = world.clock.events;
      }),
  });
  return events;
}
