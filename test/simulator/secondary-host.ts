/** A machine that runs a secondary: takes frames from streams, answers heartbeats and fetches. */

import { Replica } from '../../src/lib/core/log/replica.ts';
import type { Frame, Heartbeat, HeartbeatRequest } from '../../src/lib/core/protocol.ts';
import { type FrameAnswer, Secondary } from '../../src/lib/core/secondary.ts';
import { FRAME_EPOCHS_MAX, frameOf } from './frames.ts';
import { Host } from './host.ts';
import { must, mustEqual } from './invariant-ids.ts';
import type { Simulation } from './simulation.ts';

export class SecondaryHost extends Host {
  core!: Secondary;
  /** The memory of each incarnation, by its bootId. */
  readonly memoryOf = new Map<string, number>();

  constructor(simulation: Simulation, id: string) {
    super(simulation, id);
    this.start();
  }

  protected boot(): void {
    const { weather } = this.simulation;
    const { delayMs, errorRate, errorAfterApplyRate } = weather;
    const faults = this.simulation.isCalm
      ? { delayMs: 0, errorRate: 0, errorAfterApplyRate: 0 }
      : { delayMs, errorRate, errorAfterApplyRate };
    const config = { nodeId: this.id, bootId: `${this.id}/${this.incarnation}`, faults };
    this.memoryOf.set(config.bootId, this.memory);
    const logEvent = this.simulation.logEventOf(this.id);
    const { journal, restored } = this.openDisk(() => this.core.synced());
    this.core = new Secondary(config, logEvent, new Replica(journal, restored));
  }

  protected tick(): void {
    this.core.tick(this.clock);
  }

  protected nextWakeAt(): number {
    return this.core.nextWakeAt();
  }

  heartbeat(request: HeartbeatRequest): Heartbeat {
    const { core } = this;
    const { epoch, logId, isComplete, committed } = core;
    const answer = core.heartbeat(request);
    const isMeant = request.bootId === null || request.bootId === core.bootId;
    if (request.prepare !== null && isMeant) return answer;
    const after = [core.epoch, core.logId, core.isComplete, core.committed];
    const what = 'a poll, and what is said to another incarnation, changes nothing';
    mustEqual(
      'meant-for-one-run',
      after,
      [epoch, logId, isComplete, committed],
      `${this.id}: ${what}`,
    );
    return answer;
  }

  receive(frame: Frame, onAnswer: (answer: FrameAnswer) => void): void {
    const draws = [this.simulation.random(), this.simulation.random()] as const;
    const isMeant = frame.bootId === undefined || frame.bootId === this.core.bootId;
    this.core.receive(frame, draws, this.clock, (answer) => {
      const isRefused = answer.kind === 'refused';
      must(
        'meant-for-one-run',
        isMeant || isRefused,
        `${this.id}: a stream for another incarnation is refused`,
      );
      onAnswer(answer);
    });
  }

  /** The frames of its log from `from` on; at least one, perhaps without messages. */
  export(from: number): Frame[] {
    const { core } = this;
    const frames: Frame[] = [];
    const { epoch, writer, bootId } = core;
    const origin = { logId: core.logId as string, epoch, writer, bootId };
    const { epochs } = core.log;
    let offset = 0;
    for (; epochs.length - offset > FRAME_EPOCHS_MAX; offset += FRAME_EPOCHS_MAX) {
      const starts = epochs.slice(offset, offset + FRAME_EPOCHS_MAX);
      frames.push(frameOf(core, origin, starts, from, from - 1, { offset, hasMore: true }));
    }
    const part = { offset, hasMore: false };
    let seq = from;
    do {
      const end = Math.min(core.length, seq + 2);
      const to = seq > core.length ? seq - 1 : Math.min(core.length, core.keys.runEnd(end));
      const starts = seq === from ? epochs.slice(offset) : null;
      frames.push(frameOf(core, origin, starts, seq, to, part));
      seq = to + 1;
    } while (seq <= core.length);
    return frames;
  }

  /** Ends the incarnation. What was not synced is lost; without a disk, everything. */
  crash(isWiped: boolean): void {
    const before = this.core.length;
    this.isUp = false;
    const restored = this.crashDisk(isWiped);
    if (restored !== null) {
      const isSafe = this.simulation.weather.disk !== 'always' || restored >= before;
      must('shown-is-durable', isSafe, `${this.id}: what a node has shown is there after a crash`);
      if (restored < before) this.memory += 1;
    }
    this.simulation.say(`${this.id}: crashes at length ${before}${isWiped ? ', disk lost' : ''}`);
    this.simulation.onCrash(this);
  }

  heal(): void {
    this.disk.isFull = false;
    if (!this.isUp) this.start();
    this.core.setFaults({ delayMs: 0, errorRate: 0, errorAfterApplyRate: 0 });
    this.later(0, () => this.tick());
  }
}
