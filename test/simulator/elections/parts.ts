/** Faults in a row that are known to be dangerous, each as a part that is played at some moment of a storm. */
import type { Machine } from './machine.ts';
import { hangDisk, mayWipe, pause, restart } from './nemesis.ts';
import type { World } from './world.ts';

type Part = (world: World, master: Machine, others: readonly Machine[], untilMs: number) => void;

/** A master that wakes up behind its time, and takes late answers for news. */
const oldMasterWakes: Part = (world, master, _others, untilMs) => {
  pause(world, master, 4000 + world.random() * 4000, untilMs, world.happens(0.7));
};

const diskHangs: Part = (world, master) => {
  world.addWriter('majority');
  hangDisk(world, master, 4000 + world.random() * 4000);
};

/** It speaks to all, and hears nobody. */
const deafMaster: Part = (world, master, others) => {
  for (const other of others) world.block(other, master, 7000);
};

const cutFromMasterAlone: Part = (world, master, others) => {
  world.cut(master, world.pick(others), 7000);
  world.reached('cut-from-master-alone');
};

const returns: Part = (world, _master, others) => {
  const machine = world.pick(others);
  world.isolate(machine, 5000 + world.random() * 3000);
  world.reached('member-returns');
};

/** Masters in a row that write nothing. */
const masterAfterMaster: Part = (world, master, others, untilMs) => {
  restart(world, master, false, 100);
  world.clock.after(300 + world.random() * 2500, () => {
    if (world.now < untilMs && world.master !== undefined) {
      masterAfterMaster(world, world.master, others, untilMs - 2000);
    }
  });
};

/** A member is lost while it is refilled. */
const halfRefilled: Part = (world, _master, others) => {
  const machine = world.pick(others);
  if (!machine.isUp || !mayWipe(world, machine)) return;
  restart(world, machine, true, 10);
  world.clock.after(10 + world.random() * 400, () => {
    if (machine.isUp) restart(world, machine, world.happens(0.3), 20);
  });
};

/** All disks but one are lost, each as soon as the one before is back. */
const oneAfterTheOther: Part = (world, _master, _others, untilMs) => {
  const machine = world.machines.find((one) => one.isUp && !world.wiped.has(one.id));
  if (machine === undefined || world.now > untilMs) return;
  if (world.machines.length - world.wiped.size === 1) return;
  if (mayWipe(world, machine)) restart(world, machine, true, 50);
  world.clock.after(500, () => oneAfterTheOther(world, machine, [], untilMs));
};

/**
 * Members whose clocks are fast elect another master while the old one still writes. One of them loses its disk, and with
 * it its promise, and the others end: it comes back to the old master, which it obeys again.
 */
const promiseForgotten: Part = (world, master, others) => {
  const [member] = others;
  const { epoch } = master.node;
  if (member === undefined) return;
  for (const other of others) {
    world.cut(master, other, 900);
    other.setClock(4600);
  }
  const look = (times: number) => {
    if (times === 0 || !member.isUp) return;
    if (member.node.epoch <= epoch || !mayWipe(world, member)) {
      world.clock.after(10, () => look(times - 1));
      return;
    }
    restart(world, member, true, 10);
    for (const other of others) if (other.isUp) restart(world, other, false, 2500);
  };
  look(80);
};

/** The master has written alone when it is cut off, and its clients go to the next one. */
const lostTail: Part = (world, master) => {
  world.isolate(master, 5000 + world.random() * 2000);
  for (let i = 0; i < 3; i += 1) world.addWriter('majority');
};

const PARTS: readonly Part[] = [
  oldMasterWakes,
  diskHangs,
  deafMaster,
  cutFromMasterAlone,
  returns,
  masterAfterMaster,
  halfRefilled,
  oneAfterTheOther,
  promiseForgotten,
  lostTail,
];

/** Plays one of the parts, if there is a master. */
export function playPart(world: World, untilMs: number): void {
  const { master } = world;
  if (master === undefined) return;
  const others = world.machines.filter((one) => one !== master);
  world.pick(PARTS)(world, master, others, untilMs);
}
