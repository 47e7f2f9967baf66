/**
 * A TCP proxy that breaks the bytes between two nodes, as a network would, or worse. A fault counts
 * for all connections, the present and the new; `heal` ends it, and with it every connection that
 * lived under it, for a stream that lost bytes must not go on as if it had not.
 *
 * TCP without TLS has no integrity of its own: a flipped bit could turn one frame into another frame
 * just as good, and no protocol on top of it could tell. So garbage here is made of bytes that are
 * never valid UTF-8 (0xff, 0xfe): what they touch is neither JSON nor HTTP any more, whatever it was.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { reset } from '../support/reset.ts';

/** What the proxy can do to connections. */
export const LINK_FAULTS = [
  'delay',
  'cut',
  'half-open',
  'drip',
  'reset',
  'garbage',
  'one-way-there',
  'one-way-back',
] as const;
export type LinkFault = (typeof LINK_FAULTS)[number];

/** How strong a fault is; each kind looks at its own number. */
export interface Strength {
  /** `delay`: how late every byte arrives, in ms. */
  readonly delayMs: number;
  /** `drip`: so many bytes every `DRIP_INTERVAL_MS`. */
  readonly dripBytes: number;
  /** `garbage`: how many of the chunks of bytes are spoiled, 0..1. */
  readonly garbageRate: number;
}

export const DEFAULT_STRENGTH: Strength = { delayMs: 200, dripBytes: 3, garbageRate: 0.5 };
const DRIP_INTERVAL_MS = 5;
/** Never part of UTF-8, whatever stands around them. */
const GARBAGE = Buffer.from([0xff, 0xfe, 0xff, 0xff]);

type Direction = 'there' | 'back';

/** One connection: the accepted socket and the one towards the target. */
interface Pair {
  readonly near: Socket;
  readonly far: Socket;
}

export class FaultyProxy {
  readonly #targetPort: number;
  readonly #random: () => number;
  readonly #pairs = new Set<Pair>();
  readonly #server: Server;
  #fault: LinkFault | null = null;
  #strength = DEFAULT_STRENGTH;

  /** @param random draws which chunks are spoiled, and how */
  constructor(targetPort: number, random: () => number = Math.random) {
    this.#targetPort = targetPort;
    this.#random = random;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get fault(): LinkFault | null {
    return this.#fault;
  }

  /** How many connections pass through now. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** Switches a fault on, in the place of another. */
  disturb(fault: LinkFault, strength: Partial<Strength> = {}): void {
    this.#fault = fault;
    this.#strength = { ...DEFAULT_STRENGTH, ...strength };
    if (fault === 'cut' || fault === 'reset') for (const pair of this.#pairs) this.#end(pair);
  }

  /** Ends the fault and the connections it had. */
  heal(): void {
    if (this.#fault === null) return;
    for (const pair of this.#pairs) this.#end(pair);
    this.#fault = null;
  }

  async close(): Promise<void> {
    for (const pair of this.#pairs) this.#end(pair);
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(near: Socket): void {
    near.on('error', () => {});
    if (this.#fault === 'cut') {
      near.destroy();
      return;
    }
    if (this.#fault === 'reset') {
      reset(near);
      return;
    }
    const far = connect({ port: this.#targetPort, host: '127.0.0.1', allowHalfOpen: true });
    far.on('error', () => reset(near));
    const pair = { near, far };
    this.#pairs.add(pair);
    this.#join(near, far, 'there');
    this.#join(far, near, 'back');
    const end = () => {
      this.#pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    near.once('close', end);
    far.once('close', end);
  }

  /** Carries the bytes of one direction, in order. */
  #join(from: Socket, to: Socket, direction: Direction): void {
    let carried = Promise.resolve();
    let waiting = 0;
    const carry = (work: () => void | Promise<void>) => {
      waiting += 1;
      if (waiting > 64) from.pause();
      carried = carried.then(work).finally(() => {
        waiting -= 1;
        if (waiting <= 64 && !from.destroyed) from.resume();
      });
    };
    from.on('data', (chunk: Buffer) => {
      const arrivedAt = performance.now();
      carry(() => this.#pass(chunk, arrivedAt, to, direction));
    });
    from.on('end', () => carry(() => this.#passEnd(to, direction)));
  }

  /** Passes one chunk as the fault of this moment has it. */
  async #pass(chunk: Buffer, arrivedAt: number, to: Socket, direction: Direction): Promise<void> {
    if (this.#swallows(direction)) return;
    if (this.#fault === 'delay') {
      await sleep(arrivedAt + this.#strength.delayMs - performance.now());
    }
    if (this.#fault === 'drip') {
      await this.#drip(chunk, to);
    } else if (!to.destroyed) {
      const isSpoiled = this.#fault === 'garbage' && this.#random() < this.#strength.garbageRate;
      await write(to, isSpoiled ? this.#spoiled(chunk) : chunk);
    }
  }

  #passEnd(to: Socket, direction: Direction): void {
    if (!this.#swallows(direction) && !to.destroyed) to.end();
  }

  #swallows(direction: Direction): boolean {
    const fault = this.#fault;
    if (fault === 'half-open') return true;
    return direction === 'there' ? fault === 'one-way-back' : fault === 'one-way-there';
  }

  async #drip(chunk: Buffer, to: Socket): Promise<void> {
    let sent = 0;
    while (sent < chunk.length && !to.destroyed) {
      const isOver = this.#fault !== 'drip';
      const end = isOver ? chunk.length : sent + this.#strength.dripBytes;
      await write(to, chunk.subarray(sent, end));
      sent = end;
      if (sent < chunk.length) await sleep(DRIP_INTERVAL_MS);
    }
  }

  /** The chunk with garbage somewhere in it: put between its bytes, or in their place. */
  #spoiled(chunk: Buffer): Buffer {
    const at = Math.floor(this.#random() * chunk.length);
    const skipped = this.#random() < 0.5 ? 0 : GARBAGE.length;
    return Buffer.concat([chunk.subarray(0, at), GARBAGE, chunk.subarray(at + skipped)]);
  }

  #end({ near, far }: Pair): void {
    if (this.#fault === 'reset') {
      reset(near);
      reset(far);
    } else {
      near.destroy();
      far.destroy();
    }
  }
}

/** Writes; resolves when there is room for more, or nobody there any more. */
function write(to: Socket, bytes: Buffer): void | Promise<void> {
  if (to.write(bytes) || to.destroyed) return;
  return new Promise((resolve) => {
    const done = () => {
      to.removeListener('drain', done).removeListener('close', done);
      resolve();
    };
    to.on('drain', done).on('close', done);
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
