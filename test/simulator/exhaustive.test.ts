/** All small simulations: every choice that is random elsewhere is made here in every possible way. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { holdsEntry } from './history.ts';
import type { MasterHost } from './master-host.ts';
import type { SecondaryHost } from './secondary-host.ts';
import type { Simulation } from './simulation.ts';
import { eventsOf, playSmall, type SmallSimulation } from './small-simulation.ts';

const RESTART_MS = [15, 2500];
/** The number of first messages after the start of a second master that may be slow. */
const CHOICES = 5;

describe('every small simulation', () => {
  it('loses nothing that two nodes held when any node crashes at any event', (t) => {
    let visited = 0;
    let checked = 0;
    for (const disk of ['none', 'always'] as const) {
      const events = eventsOf(2, disk);
      for (const { name, crash } of crashes(disk)) {
        for (let event = 0; event <= events; event += 1) {
          const simulation = play({ secondaries: 2, disk, event, happens: crash }, name);
          const isSafe = disk === 'always' && !name.includes('wiped');
          checked += checkKept(simulation, isSafe ? 1 : 2, `${name} at event ${event}`);
          visited += 1;
        }
      }
    }
    t.diagnostic(`${visited} simulations visited`);
    assert(visited > 1000);
    assert(checked > visited, `${checked} acknowledged appends were looked for`);
  });

  for (const secondaries of [1, 2]) {
    it(`keeps what was acknowledged when a second master starts over ${secondaries}`, (t) => {
      let visited = 0;
      const events = eventsOf(secondaries, 'none');
      const happens = (simulation: Simulation) => (simulation.masters[1] as MasterHost).start();
      for (let event = 0; event <= events; event += 1) {
        for (let bits = 0; bits < 2 ** CHOICES; bits += 1) {
          const slow = Array.from({ length: CHOICES }, (_, i) => (bits & (1 << i)) !== 0);
          const name = `a second master at event ${event}, slow ${bits.toString(2)}`;
          play({ secondaries, disk: 'none', event, happens, slow }, name);
          visited += 1;
        }
      }
      t.diagnostic(`${visited} simulations visited`);
      assert(visited > 1000);
    });
  }
});

/** A crash of each node, with and without its memory, and a restart soon or late. */
function crashes(disk: string): { name: string; crash: (simulation: Simulation) => void }[] {
  const hosts: ((simulation: Simulation) => MasterHost | SecondaryHost)[] = [
    (simulation) => simulation.masters[0] as MasterHost,
    (simulation) => simulation.secondaries[0] as SecondaryHost,
    (simulation) => simulation.secondaries[1] as SecondaryHost,
  ];
  const cases: { name: string; crash: (simulation: Simulation) => void }[] = [];
  for (const [index, hostOf] of hosts.entries()) {
    for (const isWiped of disk === 'none' ? [false] : [false, true]) {
      for (const restartMs of RESTART_MS) {
        const crash = (simulation: Simulation) => {
          const host = hostOf(simulation);
          host.crash(isWiped);
          simulation.after(restartMs, () => {
            if (!host.isUp) host.start();
          });
        };
        const which = `${index === 0 ? 'the master' : `secondary ${index}`}`;
        const how = disk === 'none' ? 'loses its memory' : isWiped ? 'is wiped' : 'keeps its disk';
        cases.push({ name: `${which} ${how}, back in ${restartMs} ms`, crash });
      }
    }
  }
  return cases;
}

function play(small: SmallSimulation, name: string): Simulation {
  try {
    return playSmall(small);
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
  }
}

/** Checks that appends that this many nodes held are in the log at the end. Returns the number of such appends. */
function checkKept({ history, masters }: Simulation, nodes: number, name: string): number {
  const master = masters.find(({ isUp }) => isUp);
  assert(master !== undefined, `${name}: no master is left`);
  const kept = history.acknowledged.filter(({ holders }) => holders.length >= nodes);
  for (const { ids, client, holders } of kept) {
    const isThere = ids.every((id) => holdsEntry(master.core.log, id));
    assert(isThere, `${name}: ${client.name} was on ${holders.length} nodes, and is lost`);
  }
  return kept.length;
}
