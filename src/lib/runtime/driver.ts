/**
 * Runs the core of a node, whatever its role: gives it the time, wakes it when it wants, takes in what clients and other
 * nodes ask, and keeps the readers that wait. It decides nothing.
 */
import { performance } from 'node:perf_hooks';
import type { NodePort, WaitListener } from '../api/ports.ts';
import type { Accepted, AppendRequest } from '../core/appends.ts';
import { ReadBarrier, type ReadConcern, type ReadEnd } from '../core/concerns/read-barrier.ts';
import type { ConfirmEnd } from '../core/concerns/read-index.ts';
import { nodesRequired, type Waiter, type WriteConcern } from '../core/concerns/write-concern.ts';
import type { HandoverEnd } from '../core/election/handover.ts';
import type { Replica } from '../core/log/replica.ts';
import { type MasterFacts, Node, type NodeConfig } from '../core/node.ts';
import type { Frame, Heartbeat, HeartbeatRequest } from '../core/protocol.ts';
import type { Refusal } from '../core/refusal.ts';
import type { Faults, FrameAnswer } from '../core/secondary.ts';
import { type Origin, originFields } from '../http/trace.ts';
import { Alarm } from './alarm.ts';
import type { Logger } from './logger.ts';
import { MasterMetrics } from './metrics/master-metrics.ts';
import { addMemberFamilies, addSecondaryFamilies, NodeMetrics } from './metrics/node-metrics.ts';
import { ReplicationEffects, type ReplicationSettings } from './replication-effects.ts';
import { Traces } from './traces.ts';

/** How long appends that keep arriving are buffered before they are sent, in ms. */
const FLUSH_MS_MAX = 1;

export interface DriverConfig {
  readonly core: NodeConfig;
  readonly clusterToken: string | null;
  /** Draws the numbers that are compared with the fault rates; default `Math.random`. */
  readonly faultRandom?: () => number;
}

export class NodeDriver implements NodePort {
  readonly core: Node;
  readonly #logger: Logger;
  readonly #faultRandom: () => number;
  readonly #effects: ReplicationEffects;
  readonly #nodeMetrics: NodeMetrics;
  readonly #metrics: MasterMetrics;
  readonly #traces = new Traces();
  readonly #readers = new ReadBarrier();
  readonly #stop = new AbortController();
  readonly #alarm = new Alarm(
    () => this.now(),
    () => this.tick(),
  );
  /** How often there was something new to send. */
  #arrivals = 0;
  /** When to flush at the latest; null while there is nothing to flush. */
  #flushBy: number | null = null;
  #onDrained: (() => void) | null = null;
  /** Who waits for the end of a handover. */
  #afterHandover: (() => void)[] = [];

  constructor(config: DriverConfig, logger: Logger, replica: Replica) {
    const { core } = config;
    this.#logger = logger;
    this.#faultRandom = config.faultRandom ?? Math.random;
    this.#nodeMetrics = new NodeMetrics(core.nodeId);
    this.#metrics = new MasterMetrics(core.master?.secondaries ?? []);
    const settings = settingsOf(config);
    this.#effects = new ReplicationEffects(this, settings, logger, this.#metrics, this.#traces);
    this.core = new Node(core, this.#effects, replica);
  }

  /** Aborts when the node stops. */
  get stopping(): AbortSignal {
    return this.#stop.signal;
  }

  now(): number {
    return performance.now();
  }

  // --- clients -----------------------------------------------------------------------------------

  append(request: AppendRequest, listener: WaitListener, origin: Origin): Accepted | Refusal {
    const now = this.now();
    const { activeMaster: master } = this.core;
    if (master === null) return this.core.notMaster(now);
    const w = nodesRequired(request.w, master.nodes);
    const outcome = master.append(request, now, (end) => {
      this.#metrics.ended(w, end, this.now() - now);
      listener.over(end);
    });
    const { trace } = origin;
    if (outcome.kind === 'accepted') {
      this.#metrics.accepted(outcome);
      if (typeof outcome.wait === 'string') this.#metrics.ended(w, outcome.wait, 0);
      if (trace !== null) this.#traces.add(outcome.seq, trace.parent);
    }
    if (this.#logger.isVerbose || trace !== null) this.#log(outcome, origin);
    this.flushSoon();
    return outcome;
  }

  /** Logs an append; at level info if its trace is sampled. */
  #log(outcome: Accepted | Refusal, origin: Origin): void {
    const level = origin.trace?.isSampled ? 'info' : 'debug';
    const from = originFields(origin);
    if (outcome.kind === 'accepted') {
      const { seq, count, w, isDuplicate } = outcome;
      this.#logger.log(level, 'append', { seq, count, w, isDuplicate, ...from });
    } else {
      this.#logger.log(level, 'append-refused', { problem: outcome.problem, ...from });
    }
  }

  await(
    seq: number,
    w: WriteConcern,
    deadline: number,
    listener: WaitListener,
  ): Accepted | Refusal {
    const now = this.now();
    const { activeMaster: master } = this.core;
    if (master === null) return this.core.notMaster(now);
    const outcome = master.await(seq, w, deadline, now, (end) => listener.over(end));
    this.after();
    return outcome;
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

  confirmRead(deadline: number, onEnd: (end: ConfirmEnd) => void): Refusal | (() => void) {
    const now = this.now();
    const { activeMaster: master } = this.core;
    if (master === null) return this.core.notMaster(now);
    const wait = master.confirmRead(deadline, now, onEnd);
    this.after();
    if ('kind' in wait) return wait;
    return () => master.cancelConfirmation(wait);
  }

  whenHandedOver(onEnd: () => void): boolean {
    if (!this.core.isHandingOver) return false;
    this.#afterHandover.push(onEnd);
    return true;
  }

  metrics(): string {
    const page = this.#nodeMetrics.page(this.core);
    const { activeMaster: master, members } = this.core;
    if (master !== null) this.#metrics.addTo(page, master, this.now());
    if (master === null || members !== null) addSecondaryFamilies(page, this.core.secondary);
    if (members !== null) addMemberFamilies(page, this.core, this.now());
    return page.text();
  }

  // --- other nodes -------------------------------------------------------------------------------

  heartbeat(request: HeartbeatRequest | null): Heartbeat | Refusal {
    const answer = this.core.heartbeat(request, this.now(), Math.random);
    this.after();
    return answer;
  }

  receive(frame: Frame, onAnswer: (answer: FrameAnswer) => void): void {
    const { from, messages } = frame;
    this.#logger.debug('frame', { from, count: messages.ends.length });
    const draws = [this.#faultRandom(), this.#faultRandom()] as const;
    this.core.receive(frame, draws, this.now(), onAnswer);
    this.after();
  }

  streamEnded(): void {
    this.core.streamEnded(this.now());
    this.after();
  }

  setFaults(faults: Partial<Faults>): void {
    this.core.secondary.setFaults(faults);
    this.tick();
  }

  handOver(to: string | null): Promise<HandoverEnd> {
    return new Promise((resolve) => {
      this.core.handOver(to, this.now(), resolve);
      this.tick();
    });
  }

  acceptLoss(): Promise<MasterFacts | string> {
    return new Promise((resolve) => {
      this.core.acceptLoss(this.now(), Math.random, resolve);
      this.after();
    });
  }

  // --- time --------------------------------------------------------------------------------------

  /** More of what was written has become durable. */
  synced(): void {
    this.core.synced();
    this.after();
  }

  /** Begins to run the core. */
  start(): void {
    this.tick();
  }

  /**
   * Takes nothing new; a master hands over first, if there is anybody. Resolves when no client waits any more, after
   * `graceMs` at the latest.
   */
  async drain(graceMs: number): Promise<void> {
    if (this.core.mayHandOver) await this.handOver(null);
    this.core.stop(this.now(), graceMs);
    await new Promise<void>((resolve) => {
      this.#onDrained = resolve;
      this.after();
    });
  }

  /** Ends every stream and every reader's wait, and the alarm. */
  close(): void {
    this.#stop.abort();
    this.#readers.stop();
    this.#alarm.clear();
    this.#effects.close();
  }

  protected tick(): void {
    const now = this.now();
    this.core.tick(now, Math.random);
    this.#readers.expire(now);
    this.after();
  }

  /** Must follow every call that may change the core: wakes those who wait, and sets the alarm for its next deadline. */
  after(): void {
    this.#readers.shows(this.core, this.core.log.revision);
    this.#alarm.setBy(Math.min(this.core.nextWakeAt(), this.#readers.nextDeadline));
    if (this.#afterHandover.length > 0 && !this.core.isHandingOver) {
      for (const onEnd of this.#afterHandover.splice(0)) onEnd();
    }
    if (this.#onDrained !== null && this.core.isDrained) this.#onDrained();
  }

  /**
   * Flushes when a turn of the event loop has brought nothing new, after `FLUSH_MS_MAX` at the latest; at once if a
   * single client waits, which will send nothing more until it is answered.
   */
  flushSoon(): void {
    this.#arrivals += 1;
    if (this.#flushBy !== null) return;
    if (this.core.master?.waiting === 1) {
      this.#flush();
      return;
    }
    this.#flushBy = this.now() + FLUSH_MS_MAX;
    setImmediate(() => this.#flushOrWait(0));
  }

  /** @param seen how many arrivals there were a turn ago */
  #flushOrWait(seen: number): void {
    const arrivals = this.#arrivals;
    if (arrivals === seen || this.now() >= (this.#flushBy as number)) this.#flush();
    else setImmediate(() => this.#flushOrWait(arrivals));
  }

  #flush(): void {
    this.#flushBy = null;
    const now = this.now();
    this.#metrics.grown(this.core.length, now);
    this.core.master?.flush(now);
    this.after();
  }
}

function settingsOf({ core, clusterToken }: DriverConfig): ReplicationSettings {
  const { nodeId, bootId, master, election } = core;
  return {
    secondaries: master?.secondaries ?? [],
    clusterToken,
    recoveryTimeoutMs: master?.recoveryTimeoutMs ?? 0,
    heartbeatTimeoutMs: master?.heartbeat.timeoutMs ?? 0,
    sender: election === null ? undefined : { id: nodeId, bootId, members: election.membersDigest },
  };
}
