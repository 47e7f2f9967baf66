/** A reader of `text/event-stream`, as a browser's `EventSource` is one: it notes, and can come back. */
import { request } from 'node:http';
import { answersOf, eventsOf, headersOf } from './described.ts';
import { waitFor } from './wait.ts';

export interface ServerEvent {
  readonly id: string;
  readonly data: string;
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
    return this.events.map(({ data }) => JSON.parse(data).message);
  }

  /** The ids it has seen, in order. */
  get ids(): number[] {
    return this.events.map(({ id }) => Number(id));
  }

  async until(count: number): Promise<this> {
    await waitFor(`${count} events`, () => this.#sound() && this.events.length >= count);
    return this;
  }

  async closed(): Promise<this> {
    await waitFor('the end of the events', () => this.#sound() && this.isClosed);
    return this;
  }

  close(): void {
    this.#request.destroy();
  }

  /** What fails ends the reading, and every wait for more of it. */
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

  /** Notes what has come; gives the events and comments that are whole. */
  #read(text: string): string[] {
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop() as string;
    for (const block of blocks) {
      const lines = block.split('\n').map((line) => /^(\w*): ?(.*)$/.exec(line) ?? []);
      const field = (name: string) => lines.find(([, key]) => key === name)?.[2];
      const data = field('data');
      if (data === undefined) this.comments += 1;
      else this.events.push({ id: field('id') ?? '', data });
    }
    return blocks;
  }
}
