/**
 * A machine in the simulator: runs one life of a node at a time, which may be paused (nothing
 * happens, then all at once) and whose clock may jump ahead, as it does after a suspension.
 */
import { type Journal, MEMORY } from '../../src/lib/core/log/journal.ts';
import type { Kept } from '../../src/lib/core/log/replica.ts';
import { SimDisk, SimJournal } from './sim-disk.ts';
import type { World } from './world.ts';

export abstract class Host {
  readonly id: string;
  readonly disk = new SimDisk();
  isUp = false;
  /** Which life runs, or ran last. */
  life = 0;
  pausedUntil = 0;
  /** Changes whenever what the machine held is lost. */
  memory = 0;
  protected readonly world: World;
  #skewMs = 0;
  #alarmAt = Number.POSITIVE_INFINITY;

  constructor(world: World, id: string) {
    this.world = world;
    this.id = id;
  }

  /** What the clock of this machine says. */
  get clock(): number {
    return this.world.now + this.#skewMs;
  }

  get isPaused(): boolean {
    return this.world.now < this.pausedUntil;
  }

  /** Does `run` after `delayMs` in this life, once it is not paused; never if the life is over. */
  later(delayMs: number, run: () => void): void {
    const { life } = this;
    this.world.after(delayMs, () => this.#run(life, run));
  }

  jumpClock(ms: number): void {
    this.#skewMs += ms;
    this.world.say(`${this.id}: its clock jumps ${ms.toFixed(0)} ms ahead`);
    if (this.isUp) this.later(0, () => {});
  }

  /** Begins a life. */
  start(): void {
    this.life += 1;
    this.isUp = true;
    this.pausedUntil = 0;
    this.#alarmAt = Number.POSITIVE_INFINITY;
    this.boot();
    this.world.say(`${this.id}: starts, life ${this.life}`);
    this.later(0, () => this.tick());
  }

  /** The journal of the life that begins, and what an earlier one has left; memory without a disk. */
  protected openDisk(onSynced: () => void): { journal: Journal; kept: Kept | null } {
    const { disk } = this.world.weather;
    if (disk === 'none') return { journal: MEMORY, kept: null };
    const kept = this.disk.load();
    const journal = new SimJournal(
      this.disk,
      kept?.log.length ?? 0,
      disk === 'always',
      (done) => this.later(this.world.fsyncMs(), done),
      onSynced,
    );
    return { journal, kept };
  }

  /** Ends what the disk held; returns how many entries are left, or null if all is forgotten. */
  protected crashDisk(isWiped: boolean): number | null {
    if (this.world.weather.disk === 'none' || isWiped) {
      this.wipe();
      return null;
    }
    this.disk.crash(this.world.random, this.world.weather.disk === 'always');
    return this.disk.load()?.log.length ?? 0;
  }

  /** Nothing is left of what the machine held. */
  wipe(): void {
    this.disk.wipe();
    this.memory += 1;
  }

  protected abstract boot(): void;
  protected abstract tick(): void;
  protected abstract nextWakeAt(): number;

  #run(life: number, run: () => void): void {
    if (!this.isUp || life !== this.life) return;
    if (this.isPaused) {
      this.world.after(this.pausedUntil - this.world.now, () => this.#run(life, run));
      return;
    }
    run();
    if (this.isUp && life === this.life) this.#setAlarm();
  }

  /** Like the real alarm it is only ever moved forward. */
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
