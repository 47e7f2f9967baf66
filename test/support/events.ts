/** A reader of `text/event-stream`, as a browser's `EventSource` is one: it notes, and can come back. */
import { request } from 'node:http';
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
  readonly #request;

  constructor(url: string, headers: Record<string, string> = {}) {
    this.#request = request(url, { headers: { accept: 'text/event-stream', ...headers } });
    this.#request.on('response', (response) => {
      this.status = response.statusCode ?? 0;
      this.headers = response.headers;
      response.setEncoding('utf8');
      response.on('data', (text: string) => this.#read(text));
      response.on('error', () => {});
      response.on('close', () => {
        this.isClosed = true;
      });
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
    await waitFor(`${count} events`, () => this.events.length >= count);
    return this;
  }

  async closed(): Promise<this> {
    await waitFor('the end of the events', () => this.isClosed);
    return this;
  }

  close(): void {
    this.#request.destroy();
  }

  #read(text: string): void {
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop() as string;
    for (const block of blocks) {
      const lines = block.split('\n').map((line) => /^(\w*): ?(.*)$/.exec(line) ?? []);
      const field = (name: string) => lines.find(([, key]) => key === name)?.[2];
      const data = field('data');
      if (data === undefined) this.comments += 1;
      else this.events.push({ id: field('id') ?? '', data });
    }
  }
}
