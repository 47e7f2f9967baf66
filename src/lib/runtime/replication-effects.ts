/**
 * Runs the effects of the core between nodes: streams, heartbeats, fetches and probes. Decides nothing. What a master
 * asked for is reported to that master, though the node may have another one by then, or none.
 */
import type { Master } from '../core/master.ts';
import type { Node, NodeEffects } from '../core/node.ts';
import type { HeartbeatRequest, OutgoingFrame, Sender } from '../core/protocol.ts';
import type { LogEvent } from '../core/refusal.ts';
import { sumOfLengths } from '../http/request-context.ts';
import { fetchLog } from '../replication/fetch-client.ts';
import { askHeartbeat } from '../replication/heartbeat-client.ts';
import { ReplicationStream } from '../replication/stream-client.ts';
import { encodeFrame } from '../wire/frame.ts';
import type { Logger } from './logger.ts';
import type { MasterMetrics } from './metrics/master-metrics.ts';
import type { Traces } from './traces.ts';

export interface ReplicationSettings {
  /** The nodes that this one replicates to as a master, in the order of the core's configuration. */
  readonly secondaries: readonly { readonly id: string; readonly url: string }[];
  readonly clusterToken: string | null;
  readonly recoveryTimeoutMs: number;
  readonly heartbeatTimeoutMs: number;
  /** Who asks, in a cluster that elects its master; undefined in others. */
  readonly sender: Sender | undefined;
}

/** What the effects need of the driver. */
export interface EffectsHost {
  readonly core: Node;
  now(): number;
  /** Must follow every call that may change the core. */
  after(): void;
  /** There may be something new to send. */
  flushSoon(): void;
}

export class ReplicationEffects implements NodeEffects {
  readonly #host: EffectsHost;
  readonly #settings: ReplicationSettings;
  readonly #logger: Logger;
  readonly #metrics: MasterMetrics;
  readonly #traces: Traces;
  readonly #streams = new Map<number, ReplicationStream>();

  constructor(
    host: EffectsHost,
    settings: ReplicationSettings,
    logger: Logger,
    metrics: MasterMetrics,
    traces: Traces,
  ) {
    this.#host = host;
    this.#settings = settings;
    this.#logger = logger;
    this.#metrics = metrics;
    this.#traces = traces;
  }

  /** Aborts every stream. */
  close(): void {
    for (const stream of this.#streams.values()) stream.abort();
    this.#streams.clear();
  }

  openStream(secondary: number, stream: number): void {
    const { id, url } = this.#peer(secondary);
    const master = this.#master;
    this.#logger.debug('stream-opened', { secondary: id });
    this.#metrics.opened(id);
    const opened = new ReplicationStream(url, this.#settings.clusterToken, {
      onAck: (ack) => {
        this.#logger.debug('acked', { secondary: id, length: ack.length });
        master.acked(secondary, stream, ack, this.#host.now(), Math.random());
        this.#host.flushSoon();
      },
      onTaken: () => master.advanced(secondary, stream, this.#host.now()),
      onFailed: (failure) => {
        master.streamFailed(secondary, stream, failure, this.#host.now(), Math.random());
        this.#host.after();
      },
    });
    this.#streams.set(secondary, opened);
  }

  sendFrame(secondary: number, frame: OutgoingFrame): void {
    const { from, to } = frame;
    const { id } = this.#peer(secondary);
    this.#logger.debug('frame-sent', { secondary: id, from, to });
    const line = encodeFrame(frame, this.#traces.within(from, to));
    this.#metrics.sent(id, sumOfLengths(line));
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
    const { clusterToken, sender } = this.#settings;
    const master = this.#master;
    const told = sender === undefined ? request : { ...request, sender };
    askHeartbeat(url, clusterToken, told, timeoutMs).then((answer) => {
      const now = this.#host.now();
      if ('reason' in answer) master.heartbeatMissed(secondary, answer.reason, answer.isDown, now);
      else master.heartbeatAnswered(secondary, answer, now);
      this.#host.after();
    });
  }

  fetchLog(secondary: number, fetch: number, from: number): void {
    const { url, id } = this.#peer(secondary);
    const { clusterToken, recoveryTimeoutMs } = this.#settings;
    const master = this.#master;
    this.#logger.info('fetching-log', { secondary: id, from });
    fetchLog(url, clusterToken, from, recoveryTimeoutMs, (frame) =>
      master.fetched(fetch, frame),
    ).then((reason) => {
      master.fetchOver(fetch, reason, this.#host.now());
      this.#host.after();
    });
  }

  probe(member: string): void {
    const { secondaries, clusterToken, heartbeatTimeoutMs } = this.#settings;
    const { url } = secondaries.find(({ id }) => id === member) as { url: string };
    const poll = { prepare: null, bootId: null, completeFrom: null, committed: 0 };
    askHeartbeat(url, clusterToken, poll, heartbeatTimeoutMs).then((outcome) => {
      this.#host.core.probed(member, outcome, this.#host.now(), Math.random());
      this.#host.after();
    });
  }

  logEvent(event: LogEvent): void {
    this.#metrics.counted(event);
    this.#logger.logEvent(event);
  }

  /** The master that asks: effects are asked for within a call of it. */
  get #master(): Master {
    return this.#host.core.master as Master;
  }

  #peer(secondary: number): { readonly id: string; readonly url: string } {
    return this.#settings.secondaries[secondary] as { id: string; url: string };
  }
}
