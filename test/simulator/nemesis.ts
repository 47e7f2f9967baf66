/** Breaks things at random: machines, their clocks and disks, and the paths between them. */
import type { Host } from './host.ts';
import type { MasterHost } from './master-host.ts';
import type { SecondaryHost } from './secondary-host.ts';
import { contradict, openGap, plugIn, strayFrame } from './strangers.ts';
import type { World } from './world.ts';

/** One step; called again and again while there is a storm. */
export function breakThings(world: World): void {
  const { weather, masters, secondaries } = world;
  const happens = (rate: number) => rate > 0 && world.random() < rate;
  for (const host of secondaries) if (happens(weather.crashRate)) crash(world, host);
  for (const host of secondaries) if (world.random() < 0.02) strayFrame(world, host);
  for (const host of secondaries) {
    if (world.mischief(0.02)) contradict(host);
    if (world.mischief(0.05)) openGap(world, host);
    if (world.mischief(0.003) && mayLose(world, host)) plugIn(world, host);
  }
  const running = masters.filter(({ isUp }) => isUp);
  for (const host of running) if (happens(weather.masterCrashRate)) crash(world, host);
  if (masters.every(({ isUp }) => !isUp)) startMaster(world);
  else if (happens(weather.secondMasterRate) && !world.isCareful) startMaster(world);
  for (const host of [...running, ...secondaries]) {
    if (happens(weather.pauseRate)) pause(world, host);
    if (happens(weather.clockJumpRate)) jump(world, host);
    if (happens(weather.diskFullRate)) fillDisk(world, host);
  }
  for (const master of running) {
    if (world.mischief(0.01)) isolate(world, master);
    for (const secondary of secondaries) {
      if (happens(weather.partitionRate)) part(world, master, secondary);
      if (world.mischief(0.01)) {
        const other = secondaries[world.pick(secondaries.length)] as SecondaryHost;
        if (other !== secondary) world.lead(master, secondary, other, world.random() * 6000);
      }
      if (happens(weather.grayRate)) world.gray(master, secondary, world.random() * 8000);
    }
  }
}

/** Ends a life; the machine comes back, sometimes before anybody can notice. */
function crash(world: World, host: MasterHost | SecondaryHost): void {
  if (!host.isUp) return;
  const isWiped = world.random() < world.weather.wipeRate;
  const loses = isWiped || world.weather.disk !== 'always';
  if (loses && !mayLose(world, host)) return;
  host.crash(isWiped);
  world.history.reached('crash');
  const downMs = world.random() * (world.random() < 0.5 ? 50 : 6000);
  world.after(downMs, () => {
    // Another machine may have taken over meanwhile; starting this one all the same is its own fault.
    const isSecondary = world.secondaries.includes(host as SecondaryHost);
    const isWanted = isSecondary || (!world.isCalm && mayBeMaster(world, host as MasterHost));
    if (!host.isUp && isWanted) host.start();
  });
}

/** Whether what this machine remembers may be lost; in a careful world only within the promise. */
function mayLose(world: World, host: MasterHost | SecondaryHost): boolean {
  return !world.isCareful || world.history.promise.mayLose(host);
}

function mayBeMaster(world: World, host: MasterHost): boolean {
  if (world.isCareful) {
    return world.masters.every(({ isUp }) => !isUp) && host === world.history.promise.lastMaster;
  }
  return !world.masters.some(({ isUp, core }) => isUp && core.fencedBy === null);
}

/** Starts a master on a machine that has none, whatever the other one does. */
function startMaster(world: World): void {
  const idle = world.masters.filter(({ isUp }) => !isUp);
  const host = idle[world.pick(idle.length)];
  if (host === undefined) return;
  const { lastMaster } = world.history.promise;
  if (world.isCareful && host !== lastMaster && lastMaster !== null) {
    // Another machine in its place, with an empty disk: the old one never comes back unwiped.
    if (!world.history.promise.mayLose(lastMaster)) return;
    host.wipe();
  }
  if (idle.length < world.masters.length) world.history.reached('two-masters');
  host.start();
}

function pause(world: World, host: Host): void {
  // A pause is never cut short or made longer: what waits for its end must not be overtaken.
  if (!host.isUp || host.isPaused) return;
  const ms = world.random() * 5000;
  host.pausedUntil = world.now + ms;
  excuse(world, host, ms);
  world.history.reached('pause');
  world.say(`${host.id}: is paused for ${ms.toFixed(0)} ms`);
}

function jump(world: World, host: Host): void {
  const ms = world.random() * 20_000;
  host.jumpClock(ms);
  excuse(world, host, 0);
  world.history.reached('clock-jump');
}

/** A master that was paused may need some time to find out how things are. */
function excuse(world: World, host: Host, ms: number): void {
  const master = world.masters.find((candidate) => candidate === host);
  if (master !== undefined) master.excusedUntil = world.now + ms + 10_000;
}

function fillDisk(world: World, host: MasterHost | SecondaryHost): void {
  host.disk.isFull = true;
  world.say(`${host.id}: its disk is full`);
  world.after(world.random() * 3000, () => {
    host.disk.isFull = false;
  });
}

/** A master loses everybody at once and writes on alone, while another one is started. */
function isolate(world: World, master: MasterHost): void {
  const ms = 2000 + world.random() * 4000;
  for (const secondary of world.secondaries) {
    world.block(master, secondary, ms);
    world.block(secondary, master, ms);
  }
  world.history.reached('isolated');
  if (!world.isCareful) startMaster(world);
}

/** Cuts the path between two machines, in one direction or both. */
function part(world: World, master: Host, secondary: Host): void {
  const ms = world.random() * 8000;
  const directions = world.pick(3);
  if (directions !== 0) world.block(master, secondary, ms);
  if (directions !== 1) world.block(secondary, master, ms);
  world.history.reached(directions === 2 ? 'partition' : 'one-way-partition');
}
