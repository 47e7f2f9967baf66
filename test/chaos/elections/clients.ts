/** The clients of an elected cluster under faults: writers, readers and tails, who record what they see. */
import { request } from 'node:http';
import type { Dice } from '../../lib/support.ts';
import { call, sleep } from '../http.ts';
import type { Append, History, Read, Tail } from './history.ts';
import type { Members } from './members.ts';

/** How long a client waits for an answer before it tries another member, in ms. */
const ANSWER_MS = 2000;

export class Clients {
  readonly #members: Members;
  readonly #history: History;
  /** No new appends and reads; those that were begun go on. */
  isClosing = false;
  /** Tails end as well. */
  isOver = false;
  #texts = 0;

  constructor(members: Members, history: History) {
    this.#members = members;
    this.#history = history;
  }

  now(): number {
    return performance.now();
  }

  /** Appends one after the other, each until it is acknowledged. */
  async write(name: string, dice: Dice): Promise<void> {
    let at = dice.pick(this.#members.ids);
    while (!this.isClosing) {
      this.#texts += 1;
      const text = `${name}-${this.#texts}`;
      const w = dice.pick(['majority', 'majority', 'majority', 2, 1, 'all'] as const);
      const append: Append = { text, w, sentAt: this.now(), ack: null };
      this.#history.appends.push(append);
      at = await this.#append(append, at, dice);
      await sleep(dice.integer(0, 40));
    }
  }

  /** Tries members until one acknowledges; returns which. */
  async #append(append: Append, first: string, dice: Dice): Promise<string> {
    const { ids } = this.#members;
    let at = first;
    for (;;) {
      try {
        const { status, body } = await call(`${this.#members.url(at)}/messages`, {
          method: 'POST',
          headers: { 'idempotency-key': `"${append.text}"` },
          body: { message: append.text, w: append.w },
          timeoutMs: ANSWER_MS,
        });
        if (status === 200 || status === 201) {
          const { seq, epoch } = body;
          append.ack = { at: this.now(), seq, epoch, node: at, isOwn: status === 201 };
          return at;
        }
        if (status === 421 && ids.includes(body.master.id) && body.master.id !== at) {
          at = body.master.id;
          continue;
        }
        if (status < 500 && status !== 421) {
          const detail = `${at} answers ${status}: ${JSON.stringify(body)}`;
          this.#history.findings.push({ name: 'unexpected answer', detail });
        }
      } catch {
        // Refused, reset or late: another member may answer.
      }
      if (this.isOver) return at;
      at = dice.pick(ids);
      await sleep(dice.integer(5, 50));
    }
  }

  /** Reads whole lists at any member. */
  async read(dice: Dice): Promise<void> {
    while (!this.isClosing) {
      const node = dice.pick(this.#members.ids);
      const concern = dice.pick(['majority', 'linearizable', 'linearizable'] as const);
      await this.#readOnce(node, concern);
      await sleep(dice.integer(10, 150));
    }
  }

  async #readOnce(node: string, concern: Read['concern']): Promise<void> {
    const sentAt = this.now();
    try {
      const url = `${this.#members.url(node)}/messages?readConcern=${concern}`;
      const { status, body } = await call(url, { headers: { prefer: 'wait=1' }, timeoutMs: 3000 });
      if (status !== 200) return;
      this.#history.reads.push({ node, concern, sentAt, at: this.now(), texts: body });
    } catch {
      // The member is down, frozen or busy.
    }
  }

  /** Follows what is committed, at one member after the other. */
  async follow(reader: string, dice: Dice): Promise<void> {
    const tail: Tail = { reader, told: [], resets: 0 };
    this.#history.tails.push(tail);
    let lastId: string | null = null;
    while (!this.isOver) {
      const url = `${this.#members.url(dice.pick(this.#members.ids))}/messages?readConcern=majority`;
      lastId = await this.#connect(url, lastId, tail, dice.integer(200, 3000));
      await sleep(20);
    }
  }

  /** One connection of a tail, for so long; resolves with the last id. */
  #connect(url: string, lastId: string | null, tail: Tail, forMs: number): Promise<string | null> {
    return new Promise((resolve) => {
      let id = lastId;
      let text = '';
      const headers = {
        accept: 'text/event-stream',
        ...(id === null ? {} : { 'last-event-id': id }),
      };
      const req = request(url, { headers, agent: false });
      const timer = setTimeout(() => req.destroy(), forMs);
      const end = () => {
        clearTimeout(timer);
        resolve(id);
      };
      req.on('error', end);
      req.on('response', (response) => {
        response.setEncoding('utf8');
        response.on('error', end);
        response.on('close', end);
        response.on('data', (chunk: string) => {
          text += chunk;
          const events = text.split('\n\n');
          text = events.pop() ?? '';
          for (const event of events) id = takeEvent(event, tail) ?? id;
        });
      });
      req.end();
    });
  }
}

/** Records an event; returns its id. */
function takeEvent(event: string, tail: Tail): string | null {
  const fields = new Map(
    event.split('\n').map((line) => {
      const at = line.indexOf(':');
      return [line.slice(0, at), line.slice(at + 1).trimStart()] as const;
    }),
  );
  const [id, data] = [fields.get('id'), fields.get('data')];
  if (id === undefined || data === undefined) return null;
  if (fields.get('event') === 'reset') tail.resets += 1;
  else {
    const { seq, message } = JSON.parse(data) as { seq: number; message: string };
    tail.told.push({ seq, text: message });
  }
  return id;
}
