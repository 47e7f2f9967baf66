/**
 * Runs the core of a node in any role: gives it the time, wakes it when it asks to be woken, and keeps the readers
 * that wait. It decides nothing.
 */
import { performance } from 'node:perf_hooks';
import type { NodePort } from '../api/ports.ts';
import { ReadBarrier, type ReadConcern, type ReadEnd } from '../core/concerns/read-barrier.ts';
import type { Waiter } from '../core/concerns/write-concern.ts';
import type { Role } from '../core/role.ts';
import type { Exposition } from '../wire/exposition.ts';
import { Alarm } from './alarm.ts';
import type { Logger } from './logger.ts';
import { NodeMetrics } from './node-metrics.ts';

export abstract class NodeDriver implements NodePort {
  abstract readonly core: Role;
  protected readonly logger: Logger;
  readonly #metrics: NodeMetrics;
  readonly #readers = new ReadBarrier();
  readonly #stop = new AbortController();
  readonly #alarm = new Alarm(
    () => this.now(),
    () => this.tick(),
  );

  constructor(nodeId: string, role: 'master' | 'secondary', logger: Logger) {
    this.logger = logger;
    this.#metrics = new NodeMetrics(nodeId, role);
  }

  /** Aborts when the node stops. */
  get stopping(): AbortSignal {
    return this.#stop.signal;
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
    this.after();
    return waiter;
  }

  cancelRead(waiter: Waiter): void {
    this.#readers.cancel(waiter);
  }

  metrics(): string {
    return this.addFamilies(this.#metrics.page(this.core)).text();
  }

  /** Tells the core that more of the log is durable. */
  synced(): void {
    this.core.synced();
    this.after();
  }

  start(): void {
    this.tick();
  }

  /** Accepts no more appends; resolves when no client waits, after `graceMs` at the latest. */
  async drain(_graceMs: number): Promise<void> {}

  /** Ends all streams, all waits of readers, and the alarm. */
  close(): void {
    this.#stop.abort();
    this.#readers.stop();
    this.#alarm.clear();
  }

  /** Adds the metrics of this role to the page of `GET /metrics`. */
  protected abstract addFamilies(page: Exposition): Exposition;

  protected tick(): void {
    const now = this.now();
    this.core.tick(now, Math.random);
    this.#readers.expire(now);
    this.after();
  }

  /** Must be called after every call that may change the core: wakes readers, and sets the alarm. */
  protected after(): void {
    this.#readers.shows(this.core, this.core.log.revision);
    this.#alarm.setBy(Math.min(this.core.nextWakeAt(), this.#readers.nextDeadline));
  }
}
