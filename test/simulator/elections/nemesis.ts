/** Breaks things at random: machines, their clocks and disks, and the paths between them. */
import { majorityOf } from '../oracle.ts';
import { type Machine, MEMBERS_DIGEST } from './machine.ts';
import { playPart } from './parts.ts';
import { readLinearizably } from './reader.ts';
import type { World } from './world.ts';

/** One step; called repeatedly until `untilMs`, when all faults end. */
export function breakThings(world: World, untilMs: number): void {
  const { weather } = world;
  for (const machine of world.running) {
    if (world.happens(weather.crashRate)) restart(world, machine, false);
    else if (world.happens(weather.wipeRate)) restart(world, machine, true);
    else if (world.happens(weather.strangerRate)) estrange(world, machine);
  }
  for (const machine of world.running) {
    if (world.happens(weather.pauseRate)) pause(world, machine, world.random() * 6000, untilMs);
    if (world.happens(weather.jumpRate)) machine.setClock(world.random() * 5000);
    if (weather.hasDrift && world.happens(0.05)) machine.setClock(0, 0.5 + world.random());
    if (world.happens(weather.hangRate)) hangDisk(world, machine, world.random() * 7000);
    if (world.happens(weather.fullRate)) fillDisk(world, machine);
    if (world.happens(weather.isolateRate)) world.isolate(machine, world.random() * 8000);
    for (const other of world.machines) {
      if (other !== machine && world.happens(weather.cutRate / 2)) part(world, machine, other);
    }
  }
  const { master } = world;
  if (master !== undefined && world.happens(weather.handoverRate)) handOver(world, master);
  if (world.happens(weather.partRate)) playPart(world, untilMs);
}

/** Whether this disk may be lost now: never more than n-m members whose disk was lost and who are not back. */
export function mayWipe(world: World, machine: Machine): boolean {
  if (!world.states.has('elected')) return false;
  const { length: nodes } = world.machines;
  const incomplete = world.machines.filter((one) => one === machine || one.isIncomplete);
  return incomplete.length <= nodes - majorityOf(nodes);
}

/** Ends an incarnation, with its disk if that may be lost; it starts again soon. */
export function restart(world: World, machine: Machine, isWiped: boolean, afterMs?: number): void {
  const isReckless = world.weather.isReckless && world.machines.some(isOtherWhole(machine));
  if (isWiped && !mayWipe(world, machine)) {
    if (!isReckless || !world.states.has('elected')) return;
    world.isPromised = false;
    world.reached('beyond-the-promise');
  }
  const { master } = world;
  const length = machine.node.secondary.length;
  const isHalf = machine.isIncomplete && length > 0 && length < (master?.node.length ?? 0);
  if (isHalf) world.reached('half-refilled-restarts');
  if (isWiped) world.wiped.add(machine.id);
  if (world.wiped.size >= world.machines.length - 1) world.reached('all-disks-but-one');
  if (machine.node.isHandingOver) world.reached('crash-in-handover');
  machine.crash(isWiped);
  const delays = [1, 50 + world.random() * 300, world.random() * 6000];
  world.clock.after(afterMs ?? world.pick(delays), () => {
    if (!machine.isUp) machine.start();
  });
}

function isOtherWhole(machine: Machine): (one: Machine) => boolean {
  return (one) => one !== machine && !one.isIncomplete;
}

/** Nothing happens on a machine for so long; sometimes its clock stands as well. */
export function pause(
  world: World,
  machine: Machine,
  ms: number,
  untilMs: number,
  isSuspended = world.happens(0.3),
): void {
  if (machine.isPaused) return;
  const wasMaster = machine.node.role === 'master';
  const { incarnation } = machine;
  const forMs = Math.min(ms, untilMs - world.now);
  world.say(
    `${machine.id}: stands still for ${forMs.toFixed(0)} ms${isSuspended ? ', its clock too' : ''}`,
  );
  machine.pause(forMs, isSuspended);
  world.clock.after(forMs, () => {
    const isSame = machine.isUp && machine.incarnation === incarnation;
    const newer = world.running.find(
      (one) => one.node.role === 'master' && one.node.epoch > machine.node.epoch,
    );
    if (!isSame || !wasMaster || newer === undefined) return;
    world.reached('old-master-wakes');
    // It may still take itself for the master when somebody reads.
    readLinearizably(world, machine);
  });
}

export function hangDisk(world: World, machine: Machine, ms: number): void {
  machine.hungUntil = world.now + ms;
  world.say(`${machine.id}: its disk hangs for ${ms.toFixed(0)} ms`);
}

function fillDisk(world: World, machine: Machine): void {
  machine.disk.isFull = true;
  world.hasBeenFull.add(machine);
  world.reached('disk-full');
  world.clock.after(world.random() * 4000, () => {
    machine.disk.isFull = false;
  });
}

/** It starts with another list of members, and is a stranger to all others. */
function estrange(world: World, machine: Machine): void {
  if (machine.digest !== MEMBERS_DIGEST) return;
  machine.crash(false);
  machine.digest = `the list of ${machine.id}`;
  machine.start();
  world.clock.after(2000 + world.random() * 4000, () => machine.correctList());
}

/** Cuts the path between two machines, in one direction or both. */
function part(world: World, a: Machine, b: Machine): void {
  const ms = world.random() * 8000;
  const directions = Math.floor(world.random() * 3);
  if (directions !== 0) world.block(a, b, ms);
  if (directions !== 1) world.block(b, a, ms);
  world.reached(directions === 2 ? 'cut' : 'asymmetric-cut');
}

/** A handover by an operator, to a given member or to any; half of them are broken at some step. */
export function handOver(world: World, machine: Machine): void {
  const others = world.machines.filter((one) => one !== machine);
  const to = world.happens(0.5) ? world.pick(others).id : null;
  const stops = world.happens(0.3);
  machine.now(() => {
    machine.node.handOver(to, machine.clock, () => {
      if (stops && machine.isUp) stop(world, machine);
    });
    machine.tick();
  });
  if (!world.happens(0.5)) return;
  world.clock.after(world.random() * world.pick([20, 200, 1000]), () => {
    const broken = world.happens(0.5) ? machine : world.pick(others);
    const how = Math.floor(world.random() * 4);
    if (how === 0 && broken.isUp) restart(world, broken, false);
    else if (how === 1 && broken.isUp) pause(world, broken, 4000, world.now + 4000);
    else if (how === 2) world.isolate(broken, world.random() * 5000);
    else part(world, machine, world.pick(others));
  });
}

/** It ends as at SIGTERM, once nobody waits for it or its grace is over. */
function stop(world: World, machine: Machine): void {
  const { incarnation } = machine;
  machine.node.stop(machine.clock, 1000);
  world.reached('stopped');
  world.clock.after(1500, () => {
    if (machine.isUp && machine.incarnation === incarnation) restart(world, machine, false);
  });
}
