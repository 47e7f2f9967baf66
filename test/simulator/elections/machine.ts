/**
 * A machine that runs a member: one incarnation of a node at a time, on a disk that outlives it. It may be paused
 * (nothing happens, then all at once), its clock may jump, stand or run at another rate, and a sync of its disk may hang.
 */
import { Replica } from '../../../src/lib/core/log/replica.ts';
import { Node, type NodeConfig } from '../../../src/lib/core/node.ts';
import { LINGER } from '../../../src/lib/core/replication/linger.ts';
import { FRAME_EPOCHS_MAX } from '../frames.ts';
import { SimDisk, SimJournal } from '../sim-disk.ts';
import { Wires } from './wires.ts';
import type { World } from './world.ts';

export const TIMES = {
  electionTimeoutMs: 3000,
  heartbeatIntervalMs: 1000,
  heartbeatTimeoutMs: 1000,
  recoveryTimeoutMs: 1000,
  replicationTimeoutMs: 3000,
  backoffMaxMs: 2000,
} as const;
export const MEMBERS_DIGEST = 'the list';
const FRAME_BYTES_MAX = 64;
const NO_FAULTS = { delayMs: 0, errorRate: 0, errorAfterApplyRate: 0 };

export class Machine {
  readonly id: string;
  readonly disk = new SimDisk();
  node!: Node;
  wires!: Wires;
  isUp = false;
  /** Whether its disk said at the start of this run that it is complete. */
  startedComplete = false;
  incarnation = 0;
  /** Changes whenever its disk is lost. */
  memory = 0;
  pausedUntil = 0;
  /** Until when no sync of its disk ends. */
  hungUntil = 0;
  /** What it was told that the members are. */
  digest = MEMBERS_DIGEST;
  /** Appends that wait for the end of a handover. */
  afterHandover: (() => void)[] = [];
  readonly #world: World;
  #clockAt = 0;
  #setAt = 0;
  #rate = 1;
  #alarmAt = Number.POSITIVE_INFINITY;

  constructor(world: World, id: string) {
    this.#world = world;
    this.id = id;
  }

  get isPaused(): boolean {
    return this.#world.now < this.pausedUntil;
  }

  /** Whether it may have lost something that it has acknowledged, or never was complete. */
  get isIncomplete(): boolean {
    return this.isUp ? !this.node.isComplete : this.disk.load()?.isComplete !== true;
  }

  /** The time by this machine's clock, in ms. */
  get clock(): number {
    return this.#clockAt + (this.#world.now - this.#setAt) * this.#rate;
  }

  /** Sets its clock ahead, or back by negative numbers, and how fast it runs. */
  setClock(aheadMs: number, rate = this.#rate): void {
    this.#clockAt = this.clock + aheadMs;
    this.#setAt = this.#world.now;
    this.#rate = rate;
    this.#alarmAt = Number.POSITIVE_INFINITY;
    if (this.isUp) this.later(0, () => {});
  }

  /** Nothing happens on it for so long; with `isSuspended` its clock stands meanwhile. */
  pause(ms: number, isSuspended: boolean): void {
    this.pausedUntil = this.#world.now + ms;
    if (isSuspended) this.#clockAt -= ms * this.#rate;
  }

  /** How long a time by this machine's clock takes. */
  spanMs(ms: number): number {
    return ms / this.#rate;
  }

  start(): void {
    this.incarnation += 1;
    this.isUp = true;
    this.pausedUntil = 0;
    this.#alarmAt = Number.POSITIVE_INFINITY;
    this.afterHandover = [];
    const world = this.#world;
    const restored = this.disk.load();
    this.startedComplete = restored?.isComplete === true;
    const journal = new SimJournal(
      this.disk,
      restored?.log.length ?? 0,
      true,
      (done) => this.#syncSoon(world.fsyncMs(), done),
      () => this.node.synced(),
    );
    this.wires = new Wires(world, this);
    this.node = new Node(this.#config(), this.wires, new Replica(journal, restored));
    world.say(`${this.id}: starts, incarnation ${this.incarnation}`);
    world.judge.started(this);
    this.later(0, () => this.tick());
  }

  #syncSoon(ms: number, done: () => void): void {
    this.later(ms, () => {
      const { now } = this.#world;
      if (now >= this.hungUntil) done();
      else this.#syncSoon(this.hungUntil - now, done);
    });
  }

  #config(): NodeConfig {
    const { machines, random } = this.#world;
    const members = machines.map(({ id }) => ({ id, url: `http://${id}` }));
    const bootId = `${this.id}/${this.incarnation}`;
    let candidacies = 0;
    return {
      nodeId: this.id,
      bootId,
      faults: NO_FAULTS,
      // Names of candidacies sort in any order.
      drawWriter: () => {
        candidacies += 1;
        return `${String.fromCharCode(97 + Math.floor(random() * 26))}-${bootId}-${candidacies}`;
      },
      master: {
        nodeId: this.id,
        newLogId: `log-of-${bootId}`,
        recoveryTimeoutMs: TIMES.recoveryTimeoutMs,
        secondaries: members.filter(({ id }) => id !== this.id),
        quorumAppend: true,
        heartbeat: { intervalMs: TIMES.heartbeatIntervalMs, timeoutMs: TIMES.heartbeatTimeoutMs },
        failureDetector: { suspectedAfterMisses: 1, unhealthyAfterMisses: 3 },
        replicationTimeoutMs: TIMES.replicationTimeoutMs,
        backoffBaseMs: 50,
        backoffMaxMs: TIMES.backoffMaxMs,
        logBytesMax: 0,
        waitingMax: 50,
        frameBytesMax: FRAME_BYTES_MAX,
        frameEpochsMax: FRAME_EPOCHS_MAX,
        linger: this.#world.lingers ? LINGER : { awaitedMs: 0, unawaitedMs: 0 },
      },
      election: {
        members,
        membersDigest: this.digest,
        timeoutMs: TIMES.electionTimeoutMs,
        heartbeatIntervalMs: TIMES.heartbeatIntervalMs,
      },
    };
  }

  /** It is told who the members are; if it was told otherwise before, it starts again with the list of all. */
  correctList(): void {
    if (this.digest === MEMBERS_DIGEST) return;
    this.digest = MEMBERS_DIGEST;
    if (!this.isUp) return;
    this.crash(false);
    this.start();
  }

  tick(): void {
    this.node.tick(this.clock, this.#world.random);
    this.#world.judge.ticked(this);
  }

  /** Ends the incarnation; what was not synced is lost, or all of the disk. */
  crash(isWiped: boolean): void {
    const { node } = this;
    const what = `length ${node.length}, epoch ${node.epoch}, ${node.role}`;
    this.#world.say(`${this.id}: crashes at ${what}${isWiped ? ', and its disk is lost' : ''}`);
    this.isUp = false;
    this.hungUntil = 0;
    if (isWiped) {
      this.disk.wipe();
      this.memory += 1;
    } else this.disk.crash(this.#world.random, true);
    this.#world.crashed(this, isWiped);
  }

  /** Does `run` after `delayMs` in this run, once it is not paused; never if the incarnation is over. */
  later(delayMs: number, run: () => void): void {
    const { incarnation } = this;
    this.#world.clock.after(delayMs, () => this.#run(incarnation, run));
  }

  /** Does `run` now in the incarnation that runs, once it is not paused. */
  now(run: () => void): void {
    this.#run(this.incarnation, run);
  }

  #run(incarnation: number, run: () => void): void {
    if (!this.isUp || incarnation !== this.incarnation) return;
    if (this.isPaused) {
      const ms = this.pausedUntil - this.#world.now;
      this.#world.clock.after(ms, () => this.#run(incarnation, run));
      return;
    }
    run();
    if (!this.isUp || incarnation !== this.incarnation) return;
    if (this.afterHandover.length > 0 && !this.node.isHandingOver) {
      for (const waiting of this.afterHandover.splice(0)) waiting();
    }
    this.#world.judge.look(this);
    this.#setAlarm();
  }

  /** Like the real alarm, it can only be set to an earlier time. */
  #setAlarm(): void {
    const at = this.node.nextWakeAt();
    if (at >= this.#alarmAt) return;
    this.#alarmAt = at;
    const ms = at - this.clock;
    this.later(ms <= 0 ? 0 : this.spanMs(ms) + 0.001, () => {
      if (this.#alarmAt !== at) return;
      this.#alarmAt = Number.POSITIVE_INFINITY;
      this.tick();
    });
  }
}
