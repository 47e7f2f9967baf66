/**
 * A master on a stage: the test is its clock and its secondaries, and everything it does is a line
 * of a transcript, such as `open s1#1`, `send s1 1..3`, `abort s1`, `close s1`, `ask s1` (for a
 * heartbeat), `prepare s1 L/2` (the same, with the prepare of a master that starts), `fetch s1 4..` (its
 * log) or, when a client's wait ends, `alice holds`.
 *
 * It begins as a master does: recovering. `allUp` and `noneUp` let it recover at once.
 */

import assert from 'node:assert/strict';
import type { Accepted } from '../../../src/lib/core/appends.ts';
import type {
  WaitEnd,
  Waiter,
  WriteConcern,
} from '../../../src/lib/core/concerns/write-concern.ts';
import type { EpochStart } from '../../../src/lib/core/log/epochs.ts';
import type { Journal } from '../../../src/lib/core/log/journal.ts';
import { packMessages } from '../../../src/lib/core/log/messages.ts';
import { Replica, type Restored } from '../../../src/lib/core/log/replica.ts';
import { Master, type MasterConfig } from '../../../src/lib/core/master.ts';
import type {
  Ack,
  Frame,
  Heartbeat,
  HeartbeatRequest,
  OutgoingFrame,
} from '../../../src/lib/core/protocol.ts';
import type { LogEvent, Refusal } from '../../../src/lib/core/refusal.ts';
import type { SecondaryHealth } from '../../../src/lib/core/replication/peer-ports.ts';

export const NEVER = Number.POSITIVE_INFINITY;

/** `names` are the secondaries; heartbeats are so rare that no transcript has one by accident. */
export interface StageOptions extends Partial<Omit<MasterConfig, 'secondaries'>> {
  readonly names?: readonly string[];
  readonly heartbeatMs?: number;
  /** Where its log is kept besides memory, and what was kept there of an earlier run. */
  readonly journal?: Journal;
  readonly restored?: Restored;
}

interface AppendOptions {
  readonly w?: WriteConcern;
  readonly key?: string;
  /** How long the client waits, in ms; without it for ever. */
  readonly waitMs?: number;
  /** The client's name in the transcript. */
  readonly as?: string;
}

/** What a secondary says of itself; not complete, and compared with the master if it has anything. */
interface Said {
  readonly isComplete?: boolean;
  readonly isLogMatched?: boolean;
  readonly bootId?: string;
  readonly epoch?: number;
}

export class Stage {
  readonly master: Master;
  readonly logEvents: LogEvent[] = [];
  now = 0;
  /** What every backoff draws. */
  random = 0.5;
  /** What the first frame of its newest stream carried besides, by secondary. */
  readonly starts = new Map<string, OutgoingFrame & { epochs: readonly EpochStart[] }>();
  /** What its newest heartbeat was asked with, by secondary. */
  readonly requests = new Map<string, HeartbeatRequest>();
  /** The parts of lists of epochs that were sent, such as `s1 3..4 more`; not whole lists. */
  readonly parts: string[] = [];
  readonly #names: readonly string[];
  #fetch = 0;
  readonly #streams = new Map<string, number>();
  readonly #waiters = new Map<string, Waiter>();
  #lines: string[] = [];

  constructor(options: StageOptions = {}) {
    const { names = ['s1', 's2'], heartbeatMs = ROUND_MS, journal, restored, ...config } = options;
    this.#names = names;
    const nameOf = (index: number) => names[index] as string;
    const defaults: MasterConfig = {
      nodeId: 'master',
      writer: 'W',
      newLogId: 'L',
      recoveryTimeoutMs: 1000,
      secondaries: names.map((id) => ({ id, url: `http://${id}:1` })),
      quorumAppend: true,
      heartbeat: { intervalMs: heartbeatMs, timeoutMs: 1000 },
      failureDetector: { suspectedAfterMisses: 1, unhealthyAfterMisses: 3 },
      replicationTimeoutMs: 10_000,
      backoffBaseMs: 50,
      backoffMaxMs: 5000,
      logBytesMax: 0,
      waitingMax: 10,
      // What is to be sent goes at once; `linger.test.ts` is about waiting for company.
      linger: { awaitedMs: 0, unawaitedMs: 0 },
      // Frames that say only what is committed have tests of their own.
      commitNoticeMs: NEVER,
    };
    this.master = new Master(
      { ...defaults, ...config },
      {
        openStream: (index, stream) => {
          this.#streams.set(nameOf(index), stream);
          this.#lines.push(`open ${nameOf(index)}#${stream}`);
        },
        sendFrame: (index, frame) => {
          const { from, to, epochs } = frame;
          const { offset, hasMore } = frame.part;
          if (epochs !== null) this.starts.set(nameOf(index), { ...frame, epochs });
          if (epochs !== null && (offset > 0 || hasMore)) {
            const { length } = epochs;
            const range = length === 1 ? '' : `..${offset + length}`;
            this.parts.push(`${nameOf(index)} ${offset + 1}${range}${hasMore ? ' more' : ''}`);
          }
          if (hasMore) return;
          this.#lines.push(`send ${nameOf(index)} ${from}..${to}`);
        },
        closeStream: (index) => this.#lines.push(`close ${nameOf(index)}`),
        abortStream: (index) => this.#lines.push(`abort ${nameOf(index)}`),
        askHeartbeat: (index, request) => {
          const name = nameOf(index);
          this.requests.set(name, request);
          const { prepare } = request;
          const isPrepare = this.master.leadership === null && prepare !== null;
          const what = isPrepare
            ? `prepare ${name} ${prepare.logId}/${prepare.epoch}`
            : `ask ${name}`;
          this.#lines.push(what);
        },
        fetchLog: (index, fetch, from) => {
          this.#fetch = fetch;
          this.#lines.push(`fetch ${nameOf(index)} ${from}..`);
        },
        logEvent: (event) => this.logEvents.push(event),
      },
      new Replica(journal, restored ?? null),
    );
  }

  /** What the master did since it was last asked is exactly this. */
  did(...lines: string[]): void {
    const done = this.#lines;
    this.#lines = [];
    assert.deepEqual(done, lines);
  }

  /** What it did since it was last asked. */
  done(): string[] {
    return this.#lines.splice(0);
  }

  /** Lets what was done pass without a look. */
  skip(): void {
    this.#lines = [];
  }

  /** The master starts and every secondary says twice that it holds nothing: it recovers. */
  allUp(): this {
    this.tick(0);
    for (const name of [...this.#names, ...this.#names]) this.beat(name, 0);
    return this.#begun();
  }

  /** The master starts and nobody answers; it must be one that goes on all the same. */
  noneUp(): this {
    this.tick(0);
    for (const name of this.#names) this.miss(name);
    return this.#begun();
  }

  // --- clients ---------------------------------------------------------------------------------

  /** Appends and flushes. Says what became of it: `seq 1 waits`, `seq 1 holds`, `refused {...}`. */
  append(text: string | readonly string[], options: AppendOptions = {}): string {
    const { w = 1, key = null, waitMs = NEVER, as = 'client' } = options;
    const messages = packMessages([text].flat());
    const request = { messages, w, key, deadline: this.now + waitMs };
    const outcome = this.master.append(request, this.now, this.#onEnd(as));
    this.master.flush(this.now);
    return this.#told(outcome, as);
  }

  await(
    seq: number,
    w: WriteConcern,
    { waitMs = NEVER, as = 'client' }: AppendOptions = {},
  ): string {
    const deadline = this.now + waitMs;
    return this.#told(this.master.await(seq, w, deadline, this.now, this.#onEnd(as)), as);
  }

  leave(client: string): void {
    this.master.cancel(this.#waiters.get(client) as Waiter);
  }

  // --- secondaries -----------------------------------------------------------------------------

  /** An ack on the secondary's newest stream, or another. */
  ack(name: string, length: number, { stream, ...other }: Partial<Ack> & { stream?: number } = {}) {
    const ack = { bootId: `${name}-boot`, logId: 'L', epoch: 1, length, ...other };
    const number = stream ?? (this.#streams.get(name) as number);
    this.master.acked(this.#names.indexOf(name), number, ack, this.now, this.random);
    this.master.flush(this.now);
  }

  /** The newest stream, or another, takes what waits for it. */
  advance(name: string, now: number, stream = this.#streams.get(name) as number): void {
    this.now = now;
    this.master.advanced(this.#names.indexOf(name), stream, now);
  }

  /** The newest stream, or another, ends without an answer. */
  fail(name: string, stream = this.#streams.get(name) as number): void {
    const index = this.#names.indexOf(name);
    const failure = { reason: 'reset', staleBy: null, isRestarted: false };
    this.master.streamFailed(index, stream, failure, this.now, this.random);
  }

  /** The newest stream, or another, is refused because a master of this epoch was heard. */
  refuse(name: string, epoch: number, stream = this.#streams.get(name) as number): void {
    const index = this.#names.indexOf(name);
    const failure = { reason: 'HTTP 409', staleBy: epoch, isRestarted: false };
    this.master.streamFailed(index, stream, failure, this.now, this.random);
  }

  /** The newest stream is refused because it was for an incarnation that is over. */
  restarted(name: string): void {
    const index = this.#names.indexOf(name);
    const failure = { reason: 'HTTP 409 boot-mismatch', staleBy: null, isRestarted: true };
    const stream = this.#streams.get(name) as number;
    this.master.streamFailed(index, stream, failure, this.now, this.random);
  }

  /** The secondary answers a heartbeat, without a word on the prepare; with length 0 as a empty. */
  beat(name: string, length: number, other: Partial<Heartbeat> = {}): void {
    const origin = length === 0 ? { logId: null, epoch: 0 } : { logId: 'L', epoch: 1 };
    const statement = {
      nodeId: name,
      bootId: `${name}-boot`,
      ...origin,
      length,
      prepareReply: null,
    };
    const answer = { ...statement, ...other };
    this.master.heartbeatAnswered(this.#names.indexOf(name), answer, this.now);
  }

  /** The secondary answers a heartbeat, and speaks of its prepareReply to this master of epoch 1. */
  speak(name: string, length: number, said: Said = {}): void {
    const {
      isComplete = false,
      isLogMatched = length > 0,
      bootId = `${name}-boot`,
      epoch = 1,
    } = said;
    const [lastEpoch, lastWriter] = length > 0 ? [1, 'W'] : [0, ''];
    const prepareReply = { writer: 'W', lastEpoch, lastWriter, isLogMatched, isComplete };
    this.beat(name, length, { logId: 'L', epoch, bootId, prepareReply });
  }

  /** A part of the log that is being fetched comes; returns whether the master wants more. */
  fetched(frame: Omit<Frame, 'messages'>, texts: readonly string[], fetch = this.#fetch): boolean {
    return this.master.fetched(fetch, { ...frame, messages: packMessages(texts) });
  }

  /** The fetch is over, for this reason; null if it was complete. */
  fetchOver(reason: string | null = null, fetch = this.#fetch): void {
    this.master.fetchOver(fetch, reason, this.now);
  }

  miss(name: string, reason = 'timed out', isDown = false): void {
    this.master.heartbeatMissed(this.#names.indexOf(name), reason, isDown, this.now);
  }

  // --- time and knowledge ----------------------------------------------------------------------

  tick(now: number): void {
    this.now = now;
    this.master.tick(now, () => this.random);
  }

  /** A full round of heartbeats at `now`: each name answers its length, the others miss. */
  round(now: number, lengths: Readonly<Record<string, number>>): void {
    this.tick(now);
    for (const name of this.#names) {
      const length = lengths[name];
      if (length === undefined) this.miss(name);
      else this.beat(name, length);
    }
  }

  health(name: string): SecondaryHealth {
    const health = this.master.secondaries(this.now).find(({ id }) => id === name);
    return health as SecondaryHealth;
  }

  events(): string[] {
    return this.logEvents.map(({ event }) => event);
  }

  #begun(): this {
    assert.notEqual(this.master.status(), 'recovering');
    this.skip();
    this.logEvents.length = 0;
    return this;
  }

  #onEnd(client: string): (end: WaitEnd) => void {
    return (end) => this.#lines.push(`${client} ${end}`);
  }

  #told(outcome: Accepted | Refusal, client: string): string {
    if (outcome.kind === 'refused') {
      const { kind: _, ...refusal } = outcome;
      return `refused ${JSON.stringify(refusal)}`;
    }
    const { seq, count, isDuplicate, wait } = outcome;
    if (typeof wait !== 'string') this.#waiters.set(client, wait);
    const place = count === 1 ? `${seq}` : `${seq}..${seq + count - 1}`;
    const end = typeof wait === 'string' ? wait : 'waits';
    return `seq ${place} ${end}${isDuplicate ? ', a duplicate' : ''}`;
  }
}

/** Heartbeats on a stage are so far apart, in ms, unless it is told otherwise. */
export const ROUND_MS = 1_000_000;

/** A master of s1 and s2 that has written three entries, of which both have all; a round of heartbeats is open. */
export function threeEntries(options: StageOptions = {}): Stage {
  const stage = new Stage(options).allUp();
  stage.append(['a', 'b', 'c']);
  for (const name of ['s1', 's2']) stage.ack(name, 3);
  stage.tick(ROUND_MS);
  stage.skip();
  return stage;
}
