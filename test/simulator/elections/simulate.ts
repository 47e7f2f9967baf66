/** One run: a storm with appends, reads and faults, then calm weather until all agree, then a member that returns. */
import { seededRandom } from '../../../src/lib/runtime/random.ts';
import { must, mustEqual } from '../invariant-ids.ts';
import { majorityOf } from '../oracle.ts';
import { textAt } from './commitments.ts';
import type { Machine } from './machine.ts';
import { breakThings } from './nemesis.ts';
import { readLinearizably } from './reader.ts';
import type { Weather } from './weather.ts';
import { World } from './world.ts';

const STORM_MS = 25_000;
/** Once the faults have ended, appends at `majority` work again within this: two time-outs, polls, a refill. */
const LIVE_MS = 12_000;
/** And all members agree within this. */
const CONVERGENCE_MS = 20_000;
/** So long a member is cut off in the end, and so long it is watched when it is back. */
const AWAY_MS = 8000;
const BACK_MS = 4000;

/** Plays the simulation of this seed; throws an `AssertionError` that names what does not hold. */
export function simulate(
  seed: number,
  weather?: Partial<Weather>,
  onWorld?: (world: World) => void,
): World {
  const world = new World(seed, weather);
  onWorld?.(world);
  const random = seededRandom(seed + 1_000_000_007);
  const isSlow = random() < 0.3;
  const step = () => {
    if (world.now >= STORM_MS) return;
    for (let i = 0; i < random() * (isSlow ? 1.1 : 3) - 0.2; i += 1) world.addWriter();
    for (const machine of world.running) if (random() < 0.3) readLinearizably(world, machine);
    if (world.now > 1000) breakThings(world, STORM_MS);
    world.clock.after(random() * 800, step);
  };
  step();
  run(world, STORM_MS);
  calmDown(world);
  run(world, STORM_MS + CONVERGENCE_MS);
  checkConverged(world);
  letReturn(world);
  return world;
}

/** Lets events happen; many of them without time passing are a loop. */
function run(world: World, untilMs: number): void {
  let at = -1;
  let events = 0;
  world.clock.runUntil(untilMs, () => {
    events = world.now === at ? events + 1 : 0;
    at = world.now;
    must('time-passes', events < 50_000, 'time passes');
  });
}

function calmDown(world: World): void {
  world.heal();
  const writers = [1, 2, 3].map(() => world.addWriter('majority'));
  // A log whose first master was cut off before it had admitted enough others needs an operator as well.
  const isStuck = !world.isPromised || isAnyTooFew(world);
  if (isStuck) {
    run(world, STORM_MS + LIVE_MS / 2);
    acceptLoss(world);
  }
  const later = isStuck ? LIVE_MS / 2 : 0;
  run(world, STORM_MS + LIVE_MS + later);
  for (const { texts, isAcked } of writers) {
    must('works-again', isAcked, `${texts[0]} is not acknowledged ${LIVE_MS} ms after the faults`);
  }
}

/** Whether a log was begun, and more than n-m members are not complete. */
function isAnyTooFew({ machines, states }: World): boolean {
  const incomplete = machines.filter((one) => one.isIncomplete).length;
  const isTooFew = incomplete > machines.length - majorityOf(machines.length);
  return isTooFew && states.has('elected');
}

/** An operator lets a member take over with those who answer, where too many disks were lost. */
function acceptLoss(world: World): void {
  if (world.master !== undefined || world.now > STORM_MS + LIVE_MS) return;
  const machine = world.pick(world.machines);
  world.isPromised = false;
  world.say(`${machine.id}: is told to accept the loss of entries`);
  world.isAccepting = machine;
  world.judge.commitments.forget();
  world.linearizer.forget();
  machine.now(() => {
    machine.node.acceptLoss(machine.clock, world.random, (end) => {
      world.isAccepting = null;
      world.reached(typeof end === 'string' ? 'loss-not-accepted' : 'loss-accepted-by-master');
      // Another member has stood at the same time.
      if (typeof end === 'string') world.clock.after(300, () => acceptLoss(world));
    });
  });
}

function checkConverged(world: World): void {
  const masters = world.machines.filter(({ node }) => node.role === 'master');
  must('convergence', masters.length === 1, `there are ${masters.length} masters`);
  const [master] = masters as [Machine];
  const textsOf = ({ node: { log } }: Machine) =>
    Array.from({ length: log.length }, (_, i) => textAt(log, i + 1));
  for (const machine of world.machines) {
    const { node, id } = machine;
    mustEqual('convergence', textsOf(machine), textsOf(master), `${id} has the log`);
    must('convergence', node.isComplete, `${id} is complete`);
    must('convergence', node.committed === node.length, `${id} knows that all is committed`);
    must('convergence', !node.isHandingOver, `${id} hands over`);
    const known = node.masterAt(machine.clock)?.id;
    must('convergence', known === master.id, `${id} takes ${known} for the master`);
  }
  for (const { texts, isOver } of world.writers) {
    must('convergence', isOver, `the client of ${texts[0]} waits`);
  }
  const texts = textsOf(master);
  must('once-each', new Set(texts).size === texts.length, 'each message is in the log once');
}

/** A member that was cut off and returns changes nothing. */
function letReturn(world: World): void {
  const master = world.master as Machine;
  if (world.machines.length === 2) return;
  const { epoch } = master.node;
  const away = world.pick(world.machines.filter((one) => one !== master));
  world.isolate(away, AWAY_MS);
  run(world, world.now + AWAY_MS + BACK_MS);
  const isSame =
    world.master === master && world.machines.every(({ node }) => node.epoch === epoch);
  must('sticky', isSame, `${away.id} was cut off and is back, and there is a new epoch`);
  world.reached('returned-in-peace');
}
