/** Breaks things at random: machines, their clocks and disks, and the paths between them. */
import type { Host } from './host.ts';
import type { MasterHost } from './master-host.ts';
import type { SecondaryHost } from './secondary-host.ts';
import type { Simulation } from './simulation.ts';
import { contradict, openGap, outbid, plugIn, skipEpochs, strayFrame } from './strangers.ts';

/** One step; called repeatedly while there are faults. */
export function breakThings(simulation: Simulation): void {
  const { weather, masters, secondaries } = simulation;
  const happens = (rate: number) => rate > 0 && simulation.random() < rate;
  for (const host of secondaries) if (happens(weather.crashRate)) crash(simulation, host);
  for (const host of secondaries) if (simulation.random() < 0.02) strayFrame(simulation, host);
  for (const host of secondaries) {
    if (simulation.mischief(0.02)) contradict(host);
    if (simulation.mischief(0.05)) openGap(simulation, host);
    if (simulation.mischief(0.02)) skipEpochs(simulation, host);
    if (simulation.mischief(0.05)) outbid(simulation, host);
    if (simulation.mischief(0.003) && mayLose(simulation, host)) plugIn(simulation, host);
  }
  const running = masters.filter(({ isUp }) => isUp);
  for (const host of running) if (happens(weather.masterCrashRate)) crash(simulation, host);
  if (masters.every(({ isUp }) => !isUp)) startMaster(simulation);
  else if (happens(weather.secondMasterRate) && !simulation.isCareful) startMaster(simulation);
  for (const host of [...running, ...secondaries]) {
    if (happens(weather.pauseRate)) pause(simulation, host);
    if (happens(weather.clockJumpRate)) jump(simulation, host);
    if (happens(weather.diskFullRate)) fillDisk(simulation, host);
  }
  for (const master of running) {
    if (simulation.mischief(0.01)) isolate(simulation, master);
    for (const secondary of secondaries) {
      if (happens(weather.partitionRate)) part(simulation, master, secondary);
      if (simulation.mischief(0.01)) {
        const other = secondaries[simulation.pick(secondaries.length)] as SecondaryHost;
        if (other !== secondary)
          simulation.lead(master, secondary, other, simulation.random() * 6000);
      }
      if (happens(weather.grayRate)) simulation.gray(master, secondary, simulation.random() * 8000);
    }
  }
}

/** Ends an incarnation; the machine restarts, sometimes before other nodes can notice. */
function crash(simulation: Simulation, host: MasterHost | SecondaryHost): void {
  if (!host.isUp) return;
  const isWiped = simulation.random() < simulation.weather.wipeRate;
  const loses = isWiped || simulation.weather.disk !== 'always';
  if (loses && !mayLose(simulation, host)) return;
  host.crash(isWiped);
  simulation.history.reached('crash');
  const downMs = simulation.random() * (simulation.random() < 0.5 ? 50 : 6000);
  simulation.after(downMs, () => {
    // Another machine may have taken over meanwhile; to start this one nevertheless is a fault of its own.
    const isSecondary = simulation.secondaries.includes(host as SecondaryHost);
    const isWanted =
      isSecondary || (!simulation.isCalm && mayBeMaster(simulation, host as MasterHost));
    if (!host.isUp && isWanted) host.start();
  });
}

/** Whether this machine may lose its memory; in a careful simulation only within the promise. */
function mayLose(simulation: Simulation, host: MasterHost | SecondaryHost): boolean {
  return !simulation.isCareful || simulation.history.promise.mayLose(host);
}

function mayBeMaster(simulation: Simulation, host: MasterHost): boolean {
  if (simulation.isCareful) {
    return (
      simulation.masters.every(({ isUp }) => !isUp) &&
      host === simulation.history.promise.lastMaster
    );
  }
  return !simulation.masters.some(({ isUp, core }) => isUp && core.fencedBy === null);
}

/** Starts a master on a machine that has none, whatever the other one does. */
function startMaster(simulation: Simulation): void {
  const idle = simulation.masters.filter(({ isUp }) => !isUp);
  const host = idle[simulation.pick(idle.length)];
  if (host === undefined) return;
  const { lastMaster } = simulation.history.promise;
  if (simulation.isCareful && host !== lastMaster && lastMaster !== null) {
    // Another machine in its place, with an empty disk: the old one never comes back unwiped.
    if (!simulation.history.promise.mayLose(lastMaster)) return;
    host.wipe();
  }
  if (idle.length < simulation.masters.length) simulation.history.reached('two-masters');
  host.start();
}

function pause(simulation: Simulation, host: Host): void {
  // A pause is never cut short or made longer: what waits for its end must not be overtaken.
  if (!host.isUp || host.isPaused) return;
  const ms = simulation.random() * 5000;
  host.pausedUntil = simulation.now + ms;
  excuse(simulation, host, ms);
  simulation.history.reached('pause');
  simulation.say(`${host.id}: is paused for ${ms.toFixed(0)} ms`);
}

function jump(simulation: Simulation, host: Host): void {
  const ms = simulation.random() * 20_000;
  host.jumpClock(ms);
  excuse(simulation, host, 0);
  simulation.history.reached('clock-jump');
}

/** A master that was paused may need some time to learn the state of the cluster. */
function excuse(simulation: Simulation, host: Host, ms: number): void {
  const master = simulation.masters.find((candidate) => candidate === host);
  if (master !== undefined) master.excusedUntil = simulation.now + ms + 10_000;
}

function fillDisk(simulation: Simulation, host: MasterHost | SecondaryHost): void {
  host.disk.isFull = true;
  simulation.say(`${host.id}: its disk is full`);
  simulation.after(simulation.random() * 3000, () => {
    host.disk.isFull = false;
  });
}

/** Cuts a master off from all others, so that it writes on alone, and starts another one. */
function isolate(simulation: Simulation, master: MasterHost): void {
  const ms = 2000 + simulation.random() * 4000;
  for (const secondary of simulation.secondaries) {
    simulation.block(master, secondary, ms);
    simulation.block(secondary, master, ms);
  }
  simulation.history.reached('isolated');
  if (!simulation.isCareful) startMaster(simulation);
}

/** Cuts the path between two machines, in one direction or both. */
function part(simulation: Simulation, master: Host, secondary: Host): void {
  const ms = simulation.random() * 8000;
  const directions = simulation.pick(3);
  if (directions !== 0) simulation.block(master, secondary, ms);
  if (directions !== 1) simulation.block(secondary, master, ms);
  simulation.history.reached(directions === 2 ? 'partition' : 'one-way-partition');
}
