/**
 * A client that appends without pause, one message after the other, each at `majority` and with an idempotency key. It
 * repeats an append at one member after the other until it is acknowledged, and knows for how long none was.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../support/wait.ts';
import type { FailoverCluster, Id } from './cluster.ts';
import { IDS } from './cluster.ts';

export interface Acknowledged {
  readonly message: string;
  readonly seq: number;
  readonly epoch: number;
}

/** After so long an attempt is given up, and made at the next member, in ms. */
const ATTEMPT_MS = 500;
/** Between attempts, so that members that refuse are not flooded. */
const RETRY_MS = 10;
/** Between two appends, so that a minute does not fill the log. */
const PACE_MS = 3;

export class Writer {
  /** In the order in which they were acknowledged. */
  readonly acknowledged: Acknowledged[] = [];
  readonly #cluster: FailoverCluster;
  #target: Id = 'a';
  #isStopped = false;
  #done: Promise<void> = Promise.resolve();
  #lastAt = 0;
  #longestMs = 0;
  #error: Error | null = null;

  constructor(cluster: FailoverCluster) {
    this.#cluster = cluster;
  }

  start(): void {
    this.#lastAt = performance.now();
    this.#done = this.#write().catch((error: Error) => {
      this.#error = error;
    });
  }

  /** Begins to measure anew. */
  measure(): void {
    this.#longestMs = 0;
  }

  /** The longest time without an acknowledged append since `measure`, in ms. */
  get longestMs(): number {
    return Math.round(Math.max(this.#longestMs, performance.now() - this.#lastAt));
  }

  /** Waits until an append is acknowledged that was made in this epoch or a later one. */
  async acknowledgedIn(epoch: number): Promise<void> {
    const count = this.acknowledged.length;
    await waitFor(`an append that is acknowledged in epoch ${epoch}`, () => {
      if (this.#error !== null) throw this.#error;
      return this.acknowledged.length > count && (this.acknowledged.at(-1)?.epoch ?? 0) >= epoch;
    });
  }

  /** Waits for the append that is being made, and ends. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
    if (this.#error !== null) throw this.#error;
  }

  async #write(): Promise<void> {
    for (let number = 1; !this.#isStopped; number += 1) {
      const message = `message ${number}`;
      const { seq, epoch } = await this.#append(message);
      const now = performance.now();
      this.#longestMs = Math.max(this.#longestMs, now - this.#lastAt);
      this.#lastAt = now;
      this.acknowledged.push({ message, seq, epoch });
      await sleep(PACE_MS);
    }
  }

  /** Repeats the append until it is acknowledged. */
  async #append(message: string): Promise<{ seq: number; epoch: number }> {
    for (;;) {
      const answer = await this.#attempt(message);
      if (answer?.status === 201 || answer?.status === 200) return answer.body;
      const isFinal = answer !== null && answer.status < 500 && ![202, 421].includes(answer.status);
      if (isFinal) {
        throw new Error(`an append was answered ${answer.status} ${JSON.stringify(answer.body)}`);
      }
      const told: Id | undefined = answer?.status === 421 ? answer.body.master.id : undefined;
      const next = IDS[(IDS.indexOf(this.#target) + 1) % IDS.length] as Id;
      this.#target = told ?? next;
      await sleep(RETRY_MS);
    }
  }

  /** One attempt at one member; null if it does not answer. */
  // biome-ignore lint/suspicious/noExplicitAny: receipts and problems
  async #attempt(message: string): Promise<{ status: number; body: any } | null> {
    const timeUp = AbortSignal.timeout(ATTEMPT_MS);
    const ask = async () => {
      const response = await fetch(`${this.#cluster.url(this.#target)}/messages`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'idempotency-key': JSON.stringify(message),
        },
        body: JSON.stringify({ message, w: 'majority' }),
        signal: timeUp,
      });
      return { status: response.status, body: await response.json() };
    };
    // Node 20 can lose a connection that is reset: such a request never ends.
    const never = sleep(2 * ATTEMPT_MS, null, { ref: false });
    return Promise.race([ask().catch(() => null), never]);
  }
}
