/** Runs the core of a master: its appends, streams, heartbeats and fetches. Decides nothing. */
import type { MasterPort, WaitListener } from '../api/ports.ts';
import type { Accepted, AppendRequest } from '../core/appends.ts';
import { nodesRequired, type Waiter, type WriteConcern } from '../core/concerns/write-concern.ts';
import type { Replica } from '../core/log/replica.ts';
import { Master, type MasterConfig, type MasterEffects } from '../core/master.ts';
import type { HeartbeatRequest, OutgoingFrame } from '../core/protocol.ts';
import type { LogEvent, Refusal } from '../core/refusal.ts';
import { sumOfLengths } from '../http/request-context.ts';
import { type Origin, originFields } from '../http/trace.ts';
import { fetchLog } from '../replication/fetch-client.ts';
import { askHeartbeat } from '../replication/heartbeat-client.ts';
import { ReplicationStream } from '../replication/stream-client.ts';
import type { Exposition } from '../wire/exposition.ts';
import { encodeFrame } from '../wire/frame.ts';
import { NodeDriver } from './driver.ts';
import type { Logger } from './logger.ts';
import { MasterMetrics } from './master-metrics.ts';
import { Traces } from './traces.ts';

/** How long appends are collected before they are sent, in ms. */
const FLUSH_MS_MAX = 1;

export class MasterDriver extends NodeDriver implements MasterPort, MasterEffects {
  readonly core: Master;
  readonly #config: MasterConfig;
  readonly #clusterToken: string | null;
  readonly #metrics: MasterMetrics;
  readonly #traces = new Traces();
  readonly #streams = new Map<number, ReplicationStream>();
  /** Counts appends and acks, each of which may need a flush. */
  #arrivals = 0;
  /** When to flush at the latest; null if no flush is due. */
  #flushBy: number | null = null;
  #onDrained: (() => void) | null = null;

  constructor(config: MasterConfig, clusterToken: string | null, logger: Logger, replica: Replica) {
    super(config.nodeId, 'master', logger);
    this.#config = config;
    this.#clusterToken = clusterToken;
    this.#metrics = new MasterMetrics(config.secondaries);
    this.core = new Master(config, this, replica);
  }

  /** Accepts no more appends, and waits until healthy secondaries have what they lack. */
  override drain(graceMs: number): Promise<void> {
    this.core.stop(this.now(), graceMs);
    return new Promise((resolve) => {
      this.#onDrained = resolve;
      this.after();
    });
  }

  override close(): void {
    super.close();
    for (const stream of this.#streams.values()) stream.abort();
    this.#streams.clear();
  }

  // --- MasterPort ------------------------------------------------------------------------------

  append(request: AppendRequest, listener: WaitListener, origin: Origin): Accepted | Refusal {
    const now = this.now();
    const w = nodesRequired(request.w, this.core.nodes);
    const outcome = this.core.append(request, now, (end) => {
      this.#metrics.ended(w, end, this.now() - now);
      listener.over(end);
    });
    const { trace } = origin;
    if (outcome.kind === 'accepted') {
      this.#metrics.accepted(outcome);
      if (typeof outcome.wait === 'string') this.#metrics.ended(w, outcome.wait, 0);
      if (trace !== null) this.#traces.add(outcome.seq, trace.parent);
    }
    if (this.logger.isVerbose || trace !== null) this.#log(outcome, origin);
    this.#flushSoon();
    return outcome;
  }

  /** Logs an append; at level info if its trace is sampled. */
  #log(outcome: Accepted | Refusal, origin: Origin): void {
    const level = origin.trace?.isSampled ? 'info' : 'debug';
    const from = originFields(origin);
    if (outcome.kind === 'accepted') {
      const { seq, count, w, isDuplicate } = outcome;
      this.logger.log(level, 'append', { seq, count, w, isDuplicate, ...from });
    } else {
      this.logger.log(level, 'append-refused', { problem: outcome.problem, ...from });
    }
  }

  await(
    seq: number,
    w: WriteConcern,
    deadline: number,
    listener: WaitListener,
  ): Accepted | Refusal {
    const outcome = this.core.await(seq, w, deadline, this.now(), (end) => listener.over(end));
    this.after();
    return outcome;
  }

  cancel(waiter: Waiter): void {
    this.core.cancel(waiter);
    this.after();
  }

  // --- MasterEffects ---------------------------------------------------------------------------

  openStream(secondary: number, stream: number): void {
    const { id, url } = this.#peer(secondary);
    this.logger.debug('stream-opened', { secondary: id });
    this.#metrics.opened(id);
    const opened = new ReplicationStream(url, this.#clusterToken, {
      onAck: (ack) => {
        this.logger.debug('acked', { secondary: id, length: ack.length });
        this.core.acked(secondary, stream, ack, this.now(), Math.random());
        this.#flushSoon();
      },
      onTaken: () => this.core.advanced(secondary, stream, this.now()),
      onFailed: (failure) => {
        this.core.streamFailed(secondary, stream, failure, this.now(), Math.random());
        this.after();
      },
    });
    this.#streams.set(secondary, opened);
  }

  sendFrame(secondary: number, frame: OutgoingFrame): void {
    const { from, to } = frame;
    this.logger.debug('frame-sent', { secondary: this.#peer(secondary).id, from, to });
    const line = encodeFrame(frame, this.#traces.within(from, to));
    this.#metrics.sent(this.#peer(secondary).id, sumOfLengths(line));
    this.#streams.get(secondary)?.send(line);
  }

  closeStream(secondary: number): void {
    this.#streams.get(secondary)?.close();
    this.#streams.delete(secondary);
  }

  abortStream(secondary: number): void {
    this.#streams.get(secondary)?.abort();
    this.#streams.delete(secondary);
  }

  askHeartbeat(secondary: number, request: HeartbeatRequest, timeoutMs: number): void {
    const { url } = this.#peer(secondary);
    askHeartbeat(url, this.#clusterToken, request, timeoutMs).then((answer) => {
      if ('reason' in answer) {
        this.core.heartbeatMissed(secondary, answer.reason, answer.isDown, this.now());
      } else this.core.heartbeatAnswered(secondary, answer, this.now());
      this.after();
    });
  }

  fetchLog(secondary: number, fetch: number, from: number): void {
    const { url, id } = this.#peer(secondary);
    this.logger.info('fetching-log', { secondary: id, from });
    const { recoveryTimeoutMs } = this.#config;
    fetchLog(url, this.#clusterToken, from, recoveryTimeoutMs, (frame) =>
      this.core.fetched(fetch, frame),
    ).then((reason) => {
      this.core.fetchOver(fetch, reason, this.now());
      this.after();
    });
  }

  logEvent(event: LogEvent): void {
    this.#metrics.counted(event);
    this.logger.logEvent(event);
  }

  // --- private ---------------------------------------------------------------------------------

  #peer(secondary: number): { readonly id: string; readonly url: string } {
    return this.#config.secondaries[secondary] as { id: string; url: string };
  }

  /**
   * Flushes after a turn of the event loop without appends or acks, after `FLUSH_MS_MAX` at the latest. Flushes at once
   * if a single client waits, because it sends nothing more until it is answered.
   */
  #flushSoon(): void {
    this.#arrivals += 1;
    if (this.#flushBy !== null) return;
    if (this.core.waiting === 1) {
      this.#flush();
      return;
    }
    this.#flushBy = this.now() + FLUSH_MS_MAX;
    setImmediate(() => this.#flushOrWait(0));
  }

  /** @param seen the arrivals a turn ago */
  #flushOrWait(seen: number): void {
    const arrivals = this.#arrivals;
    if (arrivals === seen || this.now() >= (this.#flushBy as number)) this.#flush();
    else setImmediate(() => this.#flushOrWait(arrivals));
  }

  #flush(): void {
    this.#flushBy = null;
    const now = this.now();
    this.#metrics.grown(this.core.length, now);
    this.core.flush(now);
    this.after();
  }

  protected override addFamilies(page: Exposition): Exposition {
    return this.#metrics.addTo(page, this.core, this.now());
  }

  protected override after(): void {
    super.after();
    if (this.#onDrained !== null && this.core.isDrained) this.#onDrained();
  }
}
