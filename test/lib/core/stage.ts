/**
 * A master on a stage: the test is its clock and its secondaries, and everything it does is a line
 * of a transcript, such as `open s1#1`, `send s1 1..3`, `drop s1`, `rest s1`, `ask s1` (for a
 * heartbeat) or, when a client's wait ends, `alice holds`.
 */
import assert from 'node:assert/strict';
import { type Accepted, Master, type MasterConfig } from '../../../src/lib/core/master.ts';
import { packMessages } from '../../../src/lib/core/messages.ts';
import type { SecondaryHealth } from '../../../src/lib/core/peer.ts';
import type { Ack, Heartbeat } from '../../../src/lib/core/protocol.ts';
import type { Note, Refusal } from '../../../src/lib/core/refusal.ts';
import type { WaitEnd, Waiter, WriteConcern } from '../../../src/lib/core/write-concern.ts';

export const NEVER = Number.POSITIVE_INFINITY;

/** `names` are the secondaries; heartbeats are so rare that no transcript has one by accident. */
export interface StageOptions extends Partial<Omit<MasterConfig, 'secondaries'>> {
  readonly names?: readonly string[];
  readonly heartbeatMs?: number;
}

interface AppendOptions {
  readonly w?: WriteConcern;
  readonly key?: string;
  /** How long the client waits, in ms; without it for ever. */
  readonly waitMs?: number;
  /** The client's name in the transcript. */
  readonly as?: string;
}

export class Stage {
  readonly master: Master;
  readonly notes: Note[] = [];
  now = 0;
  /** What every backoff draws. */
  random = 0.5;
  readonly #names: readonly string[];
  readonly #exchanges = new Map<string, number>();
  readonly #waiters = new Map<string, Waiter>();
  #lines: string[] = [];

  constructor({ names = ['s1', 's2'], heartbeatMs = 1_000_000, ...config }: StageOptions = {}) {
    this.#names = names;
    const nameOf = (index: number) => names[index] as string;
    const defaults: MasterConfig = {
      nodeId: 'master',
      logId: 'L',
      epoch: 1,
      secondaries: names.map((id) => ({ id, url: `http://${id}:1` })),
      quorumAppend: true,
      heartbeat: { intervalMs: heartbeatMs, timeoutMs: 1000 },
      failureDetector: { suspectedAfterMisses: 1, unhealthyAfterMisses: 3 },
      replicationTimeoutMs: 10_000,
      backoffBaseMs: 50,
      backoffMaxMs: 5000,
      logBytesMax: 0,
      waitingMax: 10,
    };
    this.master = new Master(
      { ...defaults, ...config },
      {
        openExchange: (index, exchange) => {
          this.#exchanges.set(nameOf(index), exchange);
          this.#lines.push(`open ${nameOf(index)}#${exchange}`);
        },
        sendFrame: (index, from, to) => this.#lines.push(`send ${nameOf(index)} ${from}..${to}`),
        restExchange: (index) => this.#lines.push(`rest ${nameOf(index)}`),
        dropExchange: (index) => this.#lines.push(`drop ${nameOf(index)}`),
        askHeartbeat: (index) => this.#lines.push(`ask ${nameOf(index)}`),
        note: (note) => this.notes.push(note),
      },
    );
  }

  /** What the master did since it was last asked is exactly this. */
  did(...lines: string[]): void {
    const done = this.#lines;
    this.#lines = [];
    assert.deepEqual(done, lines);
  }

  /** Lets what was done pass without a look. */
  skip(): void {
    this.#lines = [];
  }

  /** The master starts and every secondary answers its first heartbeat, empty. */
  allUp(): this {
    this.tick(0);
    for (const name of this.#names) this.beat(name, 0);
    this.skip();
    this.notes.length = 0;
    return this;
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

  /** An ack on the secondary's newest exchange, or another. */
  ack(
    name: string,
    length: number,
    { exchange, ...other }: Partial<Ack> & { exchange?: number } = {},
  ) {
    const ack = { bootId: `${name}-boot`, logId: 'L', epoch: 1, length, ...other };
    const number = exchange ?? (this.#exchanges.get(name) as number);
    this.master.acked(this.#names.indexOf(name), number, ack, this.now, this.random);
  }

  /** The newest exchange, or another, ends without an answer. */
  fail(name: string, exchange = this.#exchanges.get(name) as number, reason = 'reset'): void {
    const index = this.#names.indexOf(name);
    this.master.exchangeFailed(index, exchange, reason, this.now, this.random);
  }

  /** The secondary answers a heartbeat; with length 0 as a virgin does. */
  beat(name: string, length: number, other: Partial<Heartbeat> = {}): void {
    const origin = length === 0 ? { logId: null, epoch: 0 } : { logId: 'L', epoch: 1 };
    const answer = { nodeId: name, bootId: `${name}-boot`, ...origin, length, ...other };
    this.master.heartbeatAnswered(this.#names.indexOf(name), answer, this.now);
  }

  miss(name: string, reason = 'timed out'): void {
    this.master.heartbeatMissed(this.#names.indexOf(name), reason, this.now);
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
    return this.notes.map(({ event }) => event);
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
