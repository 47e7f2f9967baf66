/**
 * A closed loop: so many connections, each with one request on its way, the next one when the answer
 * is here. Written for the purpose, on sockets, because a client that costs as much as the server
 * would measure itself: this one takes about a fifth of what the server takes for a request.
 */
import { connect, type Socket } from 'node:net';
import type { Latencies } from './latencies.ts';
import type { Protocol } from './protocol.ts';

const READ_BYTES = 64 * 1024;

export interface LoopOptions {
  readonly port: number;
  /** Called for each connection. */
  readonly newProtocol: () => Protocol;
  readonly connections: number;
}

/** One connection of the loop. */
class Client {
  readonly #loop: ClosedLoop;
  readonly #protocol: Protocol;
  readonly #socket: Socket;
  /** The beginning of an answer whose end has not come. */
  #rest: Buffer | null = null;
  #sentAt = 0;
  #isBusy = false;

  constructor(loop: ClosedLoop, { port, newProtocol }: LoopOptions) {
    this.#loop = loop;
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
      this.send();
    });
    this.#socket.on('error', (error) => loop.fail(error));
    this.#socket.on('close', () => loop.closed(this.#isBusy));
  }

  send(): void {
    this.#isBusy = true;
    this.#sentAt = performance.now();
    this.#socket.write(this.#protocol.request);
  }

  end(): void {
    this.#socket.destroy();
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
    if (end !== all.length) this.#loop.fail(new Error('more came than was asked for'));
    else if (this.#loop.answered(performance.now() - this.#sentAt)) this.send();
    else this.end();
  }
}

export class ClosedLoop {
  readonly #clients: Client[];
  #latencies: Latencies | null = null;
  #isEnding = false;
  #open: number;
  #onOver!: (error: Error | null) => void;
  /** Resolves when all connections are gone; rejects at the first failure. */
  readonly over: Promise<void>;

  constructor(options: LoopOptions) {
    this.over = new Promise((resolve, reject) => {
      this.#onOver = (error) => (error === null ? resolve() : reject(error));
    });
    this.#open = options.connections;
    this.#clients = Array.from({ length: options.connections }, () => new Client(this, options));
  }

  /** From now on latencies go there; null for nowhere. */
  recordIn(latencies: Latencies | null): void {
    this.#latencies = latencies;
  }

  /** Sends nothing more; `over` resolves when every answer is here. */
  end(): void {
    this.#isEnding = true;
  }

  /** An answer is here. Returns whether to send the next request. */
  answered(ms: number): boolean {
    this.#latencies?.add(ms);
    return !this.#isEnding;
  }

  closed(wasBusy: boolean): void {
    this.#open -= 1;
    if (wasBusy) this.fail(new Error('the server closed a connection'));
    if (this.#open === 0) this.#onOver(null);
  }

  fail(error: Error): void {
    this.#onOver(error);
    for (const client of this.#clients) client.end();
  }
}
