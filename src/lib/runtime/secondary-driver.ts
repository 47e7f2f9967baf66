/** Runs the secondary's core: its clock, its alarm, the draws for its faults. Decides nothing. */
import { performance } from 'node:perf_hooks';
import type { SecondaryPort } from '../api/ports.ts';
import type { Frame, Heartbeat, HeartbeatRequest } from '../core/protocol.ts';
import { ReadBarrier, type ReadConcern, type ReadEnd } from '../core/replication/read-barrier.ts';
import type { Waiter } from '../core/replication/write-concern.ts';
import {
  type Faults,
  type FrameAnswer,
  Secondary,
  type SecondaryConfig,
} from '../core/secondary.ts';
import { Alarm } from './alarm.ts';
import type { Logger } from './logger.ts';
import type { NodeStorage } from './node-storage.ts';
import { SecondaryMetrics } from './secondary-metrics.ts';

export class SecondaryDriver implements SecondaryPort {
  readonly core: Secondary;
  readonly #random: () => number;
  readonly #logger: Logger;
  readonly #alarm = new Alarm(
    () => performance.now(),
    () => this.#tick(),
  );
  readonly #metrics: SecondaryMetrics;
  readonly #readers = new ReadBarrier();
  readonly #stop = new AbortController();

  /** @param random gives the draws for the fault rates */
  constructor(
    config: SecondaryConfig,
    random: () => number,
    logger: Logger,
    { journal, restored }: NodeStorage,
  ) {
    this.core = new Secondary(config, (event) => logger.logEvent(event), journal, restored);
    this.#metrics = new SecondaryMetrics(config.nodeId);
    this.#random = random;
    this.#logger = logger;
  }

  get stopping(): AbortSignal {
    return this.#stop.signal;
  }

  heartbeat(request: HeartbeatRequest | null): Heartbeat {
    const answer = this.core.heartbeat(request);
    this.#after();
    return answer;
  }

  /** More of what was written has become durable. */
  synced(): void {
    this.core.synced();
    this.#after();
  }

  now(): number {
    return performance.now();
  }

  awaitShown(
    seq: number,
    deadline: number,
    onEnd: (end: ReadEnd) => void,
    concern: ReadConcern = 'local',
  ): Waiter | null {
    const waiter = this.#readers.await(seq, concern, deadline, this.now(), onEnd);
    this.#after();
    return waiter;
  }

  cancelRead(waiter: Waiter): void {
    this.#readers.cancel(waiter);
  }

  receive(frame: Frame, onAnswer: (answer: FrameAnswer) => void): void {
    const { from, messages } = frame;
    this.#logger.debug('frame', { from, count: messages.ends.length });
    const draws = [this.#random(), this.#random()] as const;
    this.core.receive(frame, draws, performance.now(), onAnswer);
    this.#after();
  }

  received(bytes: number): void {
    this.core.received(bytes);
  }

  metrics(): string {
    return this.#metrics.text(this.core);
  }

  setFaults(faults: Partial<Faults>): void {
    this.core.setFaults(faults);
    this.#tick();
  }

  /** Ends every stream and tail; frames that still wait for their delay are not applied any more. */
  close(): void {
    this.#stop.abort();
    this.#readers.stop();
    this.#alarm.clear();
  }

  #tick(): void {
    const now = performance.now();
    this.core.tick(now);
    this.#readers.expire(now);
    this.#after();
  }

  #after(): void {
    this.#readers.shows(this.core, this.core.log.revision);
    this.#alarm.setBy(Math.min(this.core.nextWakeAt(), this.#readers.nextDeadline));
  }
}
