/**
 * A closed loop: each connection sends its next request when the last one is answered. It uses sockets, because a
 * client that takes as much CPU as the server would measure itself. This one takes about a fifth of it.
 */
import { connect, type Socket } from 'node:net';
import type { Latencies } from './latencies.ts';
import type { Protocol } from './protocol.ts';

const READ_BYTES = 64 * 1024;
/**
 * A busy server accepts few new connections, and one beyond its backlog is tried again a second later. So a few
 * connect at a time and send one request, and none sends a second one before all have connected.
 */
const CONNECTING_MAX = 64;

interface LoopOptions {
  readonly port: number;
  /** Called for each connection. */
  readonly newProtocol: () => Protocol;
  readonly connections: number;
  /** The least time from one request of a connection to its next; default 0. */
  readonly everyMs?: number;
}

/** One connection of the loop. */
class Client {
  readonly #loop: ClosedLoop;
  readonly #protocol: Protocol;
  readonly #socket: Socket;
  readonly #everyMs: number;
  /** The first part of an unfinished answer. */
  #rest: Buffer | null = null;
  #sentAt = 0;
  #isBusy = false;
  #hasBegun = false;

  constructor(loop: ClosedLoop, { port, newProtocol, everyMs = 0 }: LoopOptions) {
    this.#loop = loop;
    this.#everyMs = everyMs;
    const protocol = newProtocol();
    this.#protocol = protocol;
    const onread = {
      buffer: Buffer.allocUnsafe(READ_BYTES),
      callback: (bytes: number, buffer: Uint8Array) => {
        this.#read(buffer as Buffer, bytes);
        return true;
      },
    };
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true, onread });
    this.#socket.on('connect', () => {
      if (protocol.greeting.length > 0) this.#socket.write(protocol.greeting);
      this.#send();
    });
    this.#socket.on('error', (error) => loop.fail(error));
    this.#socket.on('close', () => loop.closed(this.#isBusy));
  }

  end(): void {
    this.#socket.destroy();
  }

  /** Starts the loop. */
  begin(): void {
    this.#hasBegun = true;
    this.#next();
  }

  #send(): void {
    this.#isBusy = true;
    this.#sentAt = performance.now();
    this.#socket.write(this.#protocol.request);
  }

  #next(): void {
    if (this.#loop.isEnding) this.end();
    else this.#send();
  }

  #read(buffer: Buffer, bytes: number): void {
    const part = buffer.subarray(0, bytes);
    const all = this.#rest === null ? part : Buffer.concat([this.#rest, part]);
    let end: number;
    try {
      end = this.#protocol.answerEnd(all, 0, all.length);
    } catch (error) {
      this.#loop.fail(error as Error);
      return;
    }
    if (end < 0) {
      this.#rest = this.#rest === null ? Buffer.from(part) : all;
      return;
    }
    this.#rest = null;
    this.#isBusy = false;
    if (end !== all.length) {
      this.#loop.fail(new Error('more came than was asked for'));
      return;
    }
    const ms = performance.now() - this.#sentAt;
    this.#loop.answered(ms);
    if (!this.#hasBegun) this.#loop.arrived();
    else if (ms < this.#everyMs) setTimeout(() => this.#next(), this.#everyMs - ms);
    else this.#next();
  }
}

export class ClosedLoop {
  readonly #options: LoopOptions;
  readonly #clients: Client[] = [];
  #latencies: Latencies | null = null;
  #arrived = 0;
  #closed = 0;
  #onBegun!: () => void;
  #onOver!: (error: Error | null) => void;
  /** Whether no more requests are sent. */
  isEnding = false;
  /** Resolves when all connections send requests. */
  readonly begun: Promise<void>;
  /** Resolves when all connections are closed; rejects at the first failure. */
  readonly over: Promise<void>;

  constructor(options: LoopOptions) {
    this.#options = options;
    this.begun = new Promise((resolve) => {
      this.#onBegun = resolve;
    });
    this.over = new Promise((resolve, reject) => {
      this.#onOver = (error) => (error === null ? resolve() : reject(error));
    });
    for (let i = 0; i < CONNECTING_MAX; i += 1) this.#connectOne();
  }

  /** Records latencies there; null for nowhere. */
  recordIn(latencies: Latencies | null): void {
    this.#latencies = latencies;
  }

  /** Sends no more requests; `over` resolves when all are answered. */
  end(): void {
    this.isEnding = true;
  }

  answered(ms: number): void {
    this.#latencies?.add(ms);
  }

  /** Called when a connection has its first answer. */
  arrived(): void {
    this.#arrived += 1;
    if (this.#arrived < this.#options.connections) {
      this.#connectOne();
      return;
    }
    for (const client of this.#clients) client.begin();
    this.#onBegun();
  }

  closed(wasBusy: boolean): void {
    this.#closed += 1;
    if (wasBusy) this.fail(new Error('the server closed a connection'));
    if (this.#closed === this.#clients.length) this.#onOver(null);
  }

  fail(error: Error): void {
    this.isEnding = true;
    this.#onOver(error);
    for (const client of this.#clients) client.end();
  }

  #connectOne(): void {
    if (this.isEnding || this.#clients.length === this.#options.connections) return;
    this.#clients.push(new Client(this, this.#options));
  }
}
