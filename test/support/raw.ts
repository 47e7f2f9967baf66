/** A TCP connection, for bytes that no HTTP client would send. */
import { connect, type Socket } from 'node:net';
import { waitFor } from './wait.ts';

export class RawConnection {
  received = '';
  isClosed = false;
  readonly #socket: Socket;

  /** @param allowHalfOpen whether it goes on when the other side has ended */
  constructor(port: number, allowHalfOpen = false) {
    this.#socket = connect({ port, host: '127.0.0.1', allowHalfOpen });
    this.#socket.on('data', (chunk) => {
      this.received += chunk;
    });
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.isClosed = true;
    });
  }

  /** Its own port, once it is connected. */
  get localPort(): number {
    return this.#socket.localPort as number;
  }

  send(bytes: string | Uint8Array): this {
    this.#socket.write(bytes);
    return this;
  }

  /** Sends, and resolves when the system has taken it or the connection is gone. */
  sendAll(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.once('close', resolve);
      this.#socket.write(bytes, () => {
        this.#socket.removeListener('close', resolve);
        resolve();
      });
    });
  }

  /** Stops reading. */
  pause(): this {
    this.#socket.pause();
    return this;
  }

  resume(): this {
    this.#socket.resume();
    return this;
  }

  /** Waits until what was received has this text. */
  async until(text: string): Promise<string> {
    await waitFor(`'${text}' on a connection`, () => this.received.includes(text));
    return this.received;
  }

  /** Waits until the other side has closed; returns all it sent. */
  async closed(): Promise<string> {
    await waitFor('the connection to be closed', () => this.isClosed);
    return this.received;
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** The bytes of a POST to `/messages`. */
export function rawAppend(body: object): string {
  const text = JSON.stringify(body);
  const head = 'POST /messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
  return `${head}Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}
