/** A reader of `text/event-stream`, as a browser's `EventSource` is one: it records, and can reconnect. */
import { request } from 'node:http';
import { answersOf, eventsOf, headersOf } from './described.ts';
import { waitFor } from './wait.ts';

export interface ServerEvent {
  readonly id: string;
  /** Its type; default `message`. */
  readonly type: string;
  readonly data: string;
}

/** The data of a `reset`. */
export interface ResetData {
  readonly from: number;
  readonly logId: string;
  readonly reason: 'cut' | 'other-log';
}

export class EventReader {
  readonly events: ServerEvent[] = [];
  comments = 0;
  status = 0;
  headers: Record<string, unknown> = {};
  isClosed = false;
  #rest = '';
  #failure: unknown = null;
  readonly #request;

  constructor(url: string, headers: Record<string, string> = {}) {
    this.#request = request(url, { headers: { accept: 'text/event-stream', ...headers } });
    const { port, pathname, search } = new URL(url);
    const target = `${pathname}${search}`;
    const hold = { answer: answersOf(Number(port)), events: eventsOf(Number(port)) };
    this.#request.on('response', (response) => {
      const { statusCode: status = 0 } = response;
      const answered = { method: 'GET', target, status, headers: headersOf(response) };
      this.status = status;
      this.headers = response.headers;
      response.setEncoding('utf8');
      response.on('error', () => {});
      response.on('close', () => {
        this.isClosed = true;
      });
      if (response.headers['content-type'] === 'text/event-stream') {
        const holdEvent = this.#guarded(() => hold.events(answered));
        response.on('data', (text: string) => {
          for (const block of this.#read(text)) this.#guarded(() => holdEvent?.(block));
        });
      } else {
        let body = '';
        response.on('data', (text: string) => {
          body += text;
        });
        response.on('end', () => this.#guarded(() => hold.answer(answered, body)));
      }
    });
    this.#request.on('error', () => {
      this.isClosed = true;
    });
    this.#request.end();
  }

  /** The messages it has seen, in order. */
  get messages(): string[] {
    return this.#ofType('message').map(({ data }) => JSON.parse(data).message);
  }

  /** The seqs that the ids of messages begin with, in order. */
  get seqs(): number[] {
    return this.#ofType('message').map(({ id }) => Number.parseInt(id, 10));
  }

  /** The data of all resets. */
  get resets(): ResetData[] {
    return this.#ofType('reset').map(({ data }) => JSON.parse(data));
  }

  /** The `Last-Event-ID` of the next connection; empty before the first event. */
  get lastId(): string {
    return this.events.at(-1)?.id ?? '';
  }

  /** The log by its events: all entries, without those that a reset took back. */
  get log(): string[] {
    const log: string[] = [];
    for (const { type, id, data } of this.events) {
      if (type === 'reset') log.length = JSON.parse(data).from - 1;
      else log[Number.parseInt(id, 10) - 1] = JSON.parse(data).message;
    }
    return log;
  }

  async until(count: number): Promise<this> {
    await waitFor(`${count} events`, () => this.#sound() && this.events.length >= count);
    return this;
  }

  /** Waits until this is the log by its events. */
  async untilLog(log: readonly string[]): Promise<this> {
    const isThere = () => this.log.length === log.length && this.log.every((m, i) => m === log[i]);
    await waitFor(`the log ${log}`, () => this.#sound() && isThere());
    return this;
  }

  async closed(): Promise<this> {
    await waitFor('the end of the events', () => this.#sound() && this.isClosed);
    return this;
  }

  close(): void {
    this.#request.destroy();
  }

  #ofType(wanted: string): ServerEvent[] {
    return this.events.filter(({ type }) => type === wanted);
  }

  /** A failure ends the reading and every wait. */
  #guarded<Value>(check: () => Value): Value | undefined {
    try {
      return check();
    } catch (error) {
      this.#failure ??= error;
      this.close();
      return undefined;
    }
  }

  #sound(): true {
    if (this.#failure !== null) throw this.#failure;
    return true;
  }

  /** Records a chunk; returns the events and comments that are complete. */
  #read(text: string): string[] {
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop() as string;
    for (const block of blocks) {
      const lines = block.split('\n').map((line) => /^(\w*): ?(.*)$/.exec(line) ?? []);
      const field = (name: string) => lines.find(([, key]) => key === name)?.[2];
      const data = field('data');
      if (data === undefined) this.comments += 1;
      else {
        const { id: last } = this.events.at(-1) ?? { id: '' };
        this.events.push({ id: field('id') ?? last, type: field('event') ?? 'message', data });
      }
    }
    return blocks;
  }
}
