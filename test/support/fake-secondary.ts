/** A fake secondary that lies, hangs or breaks as a test requires. */
import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** One frame as it arrived. */
export interface SeenFrame {
  readonly logId: string;
  readonly epoch: number;
  readonly writer: string;
  readonly from: number;
  readonly epochs?: [epoch: number, firstSeq: number][];
  readonly writers?: (string | null)[];
  readonly messages: string[];
}

export interface Behaviour {
  /** Answers `GET /heartbeat`; the headers may carry a prepare. */
  heartbeat(res: ServerResponse, fake: FakeSecondary, headers: IncomingHttpHeaders): void;
  /** Answers `GET /replicate?from=N`. */
  fetch(res: ServerResponse, from: number): void;
  /** Answers one frame of `POST /replicate`. */
  frame(frame: SeenFrame, res: ServerResponse, fake: FakeSecondary): void;
  /** What it does when the master has ended the stream. */
  end(res: ServerResponse): void;
}

export class FakeSecondary {
  readonly frames: SeenFrame[] = [];
  heartbeats = 0;
  streams = 0;
  /** Streams that the master has ended, and those whose connection is closed. */
  ended = 0;
  closed = 0;
  /** The state that its answers report. */
  length = 0;
  bootId = 'incarnation-1';
  logId: string | null = null;
  epoch = 0;
  behaviour: Behaviour;
  readonly #server: Server;

  constructor(behaviour: Partial<Behaviour>) {
    this.behaviour = { ...HONEST, ...behaviour };
    this.#server = createServer((req, res) => this.#serve(req, res));
  }

  async listen(t: TestContext): Promise<this> {
    t.after(await this.open());
    return this;
  }

  /** Listens; returns a function that closes it again. */
  async open(): Promise<() => void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return () => {
      this.#server.closeAllConnections();
      this.#server.close();
    };
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** An honest answer to a heartbeat. */
  statement(): object {
    const { bootId, logId, epoch, length } = this;
    return { nodeId: 'fake', bootId, logId, epoch, length };
  }

  /** Writes an ack; `changes` are its false members. */
  ack(res: ServerResponse, frame: SeenFrame, changes: object = {}): void {
    const { logId, epoch } = frame;
    this.logId = logId;
    this.epoch = epoch;
    const ack = { bootId: this.bootId, logId, epoch, length: this.length, ...changes };
    res.write(`${JSON.stringify(ack)}\n`);
  }

  #serve(req: IncomingMessage, res: ServerResponse): void {
    req.on('error', () => {});
    if (req.url === '/heartbeat') {
      this.heartbeats += 1;
      this.behaviour.heartbeat(res, this, req.headers);
      return;
    }
    if (req.method === 'GET') {
      const { searchParams } = new URL(req.url ?? '', 'http://fake');
      this.behaviour.fetch(res, Number(searchParams.get('from')));
      return;
    }
    this.streams += 1;
    let rest = '';
    req.on('data', (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const frame: SeenFrame = JSON.parse(line);
        this.frames.push(frame);
        this.behaviour.frame(frame, res, this);
      }
    });
    res.on('close', () => {
      this.closed += 1;
    });
    req.on('end', () => {
      this.ended += 1;
      this.behaviour.end(res);
    });
  }
}

/** A correct secondary that does not know prepares, and has no log to export. */
export const HONEST: Behaviour = {
  heartbeat: (res, fake) => {
    res.end(JSON.stringify(fake.statement()));
  },
  fetch: (res) => {
    res.writeHead(404).end();
  },
  frame: (frame, res, fake) => {
    if (frame.from <= fake.length + 1) {
      fake.length = Math.max(fake.length, frame.from + frame.messages.length - 1);
    }
    fake.ack(res, frame);
  },
  end: (res) => {
    res.end();
  },
};
