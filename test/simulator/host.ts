/**
 * A machine in the simulator: runs one incarnation of a node at a time, which may be paused (nothing
 * happens, then all at once) and whose clock may jump ahead, as it does after a suspension.
 */
import { type Journal, MEMORY } from '../../src/lib/core/log/journal.ts';
import type { Restored } from '../../src/lib/core/log/replica.ts';
import { SimDisk, SimJournal } from './sim-disk.ts';
import type { Simulation } from './simulation.ts';

export abstract class Host {
  readonly id: string;
  readonly disk = new SimDisk();
  isUp = false;
  /** The incarnation that runs, or ran last. */
  incarnation = 0;
  pausedUntil = 0;
  /** Changes whenever what the machine held is lost. */
  memory = 0;
  protected readonly simulation: Simulation;
  #skewMs = 0;
  #alarmAt = Number.POSITIVE_INFINITY;

  constructor(simulation: Simulation, id: string) {
    this.simulation = simulation;
    this.id = id;
  }

  /** The time by this machine's clock. */
  get clock(): number {
    return this.simulation.now + this.#skewMs;
  }

  get isPaused(): boolean {
    return this.simulation.now < this.pausedUntil;
  }

  /** Does `run` after `delayMs` in this run, once it is not paused; never if the incarnation is over. */
  later(delayMs: number, run: () => void): void {
    const { incarnation } = this;
    this.simulation.after(delayMs, () => this.#run(incarnation, run));
  }

  jumpClock(ms: number): void {
    this.#skewMs += ms;
    this.simulation.say(`${this.id}: its clock jumps ${ms.toFixed(0)} ms ahead`);
    if (this.isUp) this.later(0, () => {});
  }

  /** Begins an incarnation. */
  start(): void {
    this.incarnation += 1;
    this.isUp = true;
    this.pausedUntil = 0;
    this.#alarmAt = Number.POSITIVE_INFINITY;
    this.boot();
    this.simulation.say(`${this.id}: starts, incarnation ${this.incarnation}`);
    this.later(0, () => this.tick());
  }

  /** The journal of the incarnation that begins, and what an earlier one has left; memory without a disk. */
  protected openDisk(onSynced: () => void): { journal: Journal; restored: Restored | null } {
    const { disk } = this.simulation.weather;
    if (disk === 'none') return { journal: MEMORY, restored: null };
    const restored = this.disk.load();
    const journal = new SimJournal(
      this.disk,
      restored?.log.length ?? 0,
      disk === 'always',
      (done) => this.later(this.simulation.fsyncMs(), done),
      onSynced,
    );
    return { journal, restored };
  }

  /** Crashes the disk; returns how many entries are left, or null if all are lost. */
  protected crashDisk(isWiped: boolean): number | null {
    if (this.simulation.weather.disk === 'none' || isWiped) {
      this.wipe();
      return null;
    }
    this.disk.crash(this.simulation.random, this.simulation.weather.disk === 'always');
    return this.disk.load()?.log.length ?? 0;
  }

  /** Loses everything that the machine held. */
  wipe(): void {
    this.disk.wipe();
    this.memory += 1;
  }

  protected abstract boot(): void;
  protected abstract tick(): void;
  protected abstract nextWakeAt(): number;

  #run(incarnation: number, run: () => void): void {
    if (!this.isUp || incarnation !== this.incarnation) return;
    if (this.isPaused) {
      this.simulation.after(this.pausedUntil - this.simulation.now, () =>
        this.#run(incarnation, run),
      );
      return;
    }
    run();
    if (this.isUp && incarnation === this.incarnation) this.#setAlarm();
  }

  /** Like the real alarm, it can only be set to an earlier time. */
  #setAlarm(): void {
    const at = this.nextWakeAt();
    if (at >= this.#alarmAt) return;
    this.#alarmAt = at;
    this.later(Math.max(0, at - this.clock), () => {
      if (this.#alarmAt !== at) return;
      this.#alarmAt = Number.POSITIVE_INFINITY;
      this.tick();
    });
  }
}
