/** A linearizable read at any member, as `GET /messages?readConcern=linearizable` does it. */
import type { Operation } from './linearizer.ts';
import type { Machine } from './machine.ts';
import type { World } from './world.ts';

const WAIT_MS = 3000;
/** How often a member looks whether it shows enough, in ms. */
const LOOK_MS = 20;

/** Begins a read at this machine; it may end without an answer. */
export function readLinearizably(world: World, machine: Machine): void {
  const operation = world.linearizer.begin();
  machine.now(() => {
    const deadline = machine.clock + WAIT_MS;
    const shows = (length: number) => awaitLength(world, machine, operation, length, deadline);
    if (machine.node.role === 'master') confirm(world, machine, deadline, shows);
    else askMaster(world, machine, shows);
  });
}

/** A member asks the master that it knows for the length of its log. */
function askMaster(world: World, machine: Machine, onLength: (length: number) => void): void {
  const known = machine.node.masterAt(machine.clock);
  const master = world.machines.find(({ id }) => id === known?.id);
  const at = master && world.arrival(machine, master);
  if (master === undefined || at === undefined || at === null) return;
  world.clock.after(at - world.now, () => {
    if (!master.isUp) return;
    master.now(() => {
      confirm(world, master, master.clock + WAIT_MS, (length) => {
        const back = world.arrival(master, machine);
        if (back !== null) machine.later(back - world.now, () => onLength(length));
      });
    });
  });
}

/** A master confirms a read, and tells the length of its log when the read came. */
function confirm(
  world: World,
  machine: Machine,
  deadline: number,
  onLength: (length: number) => void,
): void {
  const { node, clock } = machine;
  const { master, length } = node;
  if (master === null || node.role !== 'master') return;
  master.confirmRead(deadline, clock, (end) => {
    world.reached(`read-${end}`);
    if (end === 'confirmed') onLength(length);
  });
  machine.later(0, () => {});
}

/** Answers once the member shows so much as committed. */
function awaitLength(
  world: World,
  machine: Machine,
  operation: Operation,
  length: number,
  deadline: number,
): void {
  const { committed } = machine.node;
  if (committed >= length) {
    world.reached(`linearizable-${machine.node.role}`);
    world.linearizer.read(operation, committed, machine.id);
  } else if (machine.clock < deadline) {
    machine.later(LOOK_MS, () => awaitLength(world, machine, operation, length, deadline));
  }
}
