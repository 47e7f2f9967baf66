/** The client against real members that elect their master: what was acknowledged is there once, in one order. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import {
  type LogReset,
  type Receipt,
  ReplicatedLogClient,
  type TailEntry,
} from '../../src/client.ts';
import { messages, request } from '../support/client.ts';
import { type Member, type Members, startMembers } from '../support/members.ts';
import { range } from '../support/range.ts';
import { waitFor } from '../support/wait.ts';

const PAUSES = { backoffBaseMs: 10, backoffMaxMs: 200 };

/** A client whose calls end with the test, also where it fails. */
function clientOf(t: TestContext, nodes: readonly string[]): ReplicatedLogClient {
  const end = new AbortController();
  t.after(() => end.abort());
  const { signal } = end;
  return new ReplicatedLogClient({ nodes, signal, timeoutMs: 2000, tailCheckMs: 500, ...PAUSES });
}

/** Appends texts of its own, several at a time and without end. */
class Writer {
  readonly acknowledged: { readonly text: string; readonly receipt: Receipt }[] = [];
  readonly #running: Promise<unknown>;
  #isStopped = false;
  #count = 0;

  constructor(name: string, client: ReplicatedLogClient) {
    this.#running = Promise.all(range(1, 3).map(() => this.#write(name, client)));
    this.#running.catch(() => {}); // `stop` tells it.
  }

  async #write(name: string, client: ReplicatedLogClient): Promise<void> {
    while (!this.#isStopped) {
      this.#count += 1;
      const text = `${name}-${this.#count}`;
      this.acknowledged.push({ text, receipt: await client.append(text) });
    }
  }

  /** Waits until appends that were sent from now on are acknowledged, by the master of now. */
  async goesOn(): Promise<void> {
    const before = this.acknowledged.length;
    await waitFor('appends to go on', () => this.acknowledged.length > before + 10);
  }

  /** Resolves when the last append is acknowledged; rejects if one has failed. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }
}

/** Follows the log until it is told to stop, and keeps what is valid of it. */
class Follower {
  readonly #entries: TailEntry[] = [];
  readonly #abort = new AbortController();
  readonly #following: Promise<void>;

  constructor(client: ReplicatedLogClient, readConcern: 'local' | 'majority') {
    this.#following = this.#follow(client, readConcern);
    this.#following.catch(() => {}); // `until` tells it.
  }

  async #follow(client: ReplicatedLogClient, readConcern: 'local' | 'majority'): Promise<void> {
    const { signal } = this.#abort;
    // What is committed is never taken back: such a tail would end with an error.
    const onReset = ({ from }: LogReset) => this.#entries.splice(from - 1);
    const options = readConcern === 'local' ? { readConcern, onReset } : { readConcern };
    for await (const entry of client.tail({ ...options, signal })) {
      assert.equal(entry.seq, this.#entries.length + 1, 'no entry is left out or repeated');
      this.#entries.push(entry);
    }
  }

  /** Waits for this entry, and stops; resolves with the texts up to it. */
  async until(seq: number): Promise<string[]> {
    await Promise.race([
      this.#following,
      waitFor(`seq ${seq} of a tail`, () => this.#entries.length >= seq),
    ]);
    this.#abort.abort(new Error('the test has seen enough'));
    await assert.rejects(this.#following, /seen enough/);
    return this.#entries.slice(0, seq).map(({ message }) => message);
  }
}

/** Two clients write unique texts and follow the log, while `disturb` is at work. */
async function runAppends(
  t: TestContext,
  disturb: (members: Members, goOn: () => Promise<unknown>) => Promise<void>,
): Promise<void> {
  const members = await startMembers(t);
  const clients = [clientOf(t, members.urls), clientOf(t, [...members.urls].reverse())] as const;
  const followers = clients.flatMap((client) => [
    new Follower(client, 'local'),
    new Follower(client, 'majority'),
  ]);
  const writers = clients.map((client, index) => new Writer(`w${index}`, client));
  const goOn = () => Promise.all(writers.map((writer) => writer.goesOn()));
  await goOn();
  await disturb(members, goOn);
  await goOn();
  await Promise.all(writers.map((writer) => writer.stop()));
  await members.whole();
  await checkLogs(members, writers, followers);
}

/** Every acknowledged text is at its seq on every member, once, and every tail saw each entry once. */
async function checkLogs(
  members: Members,
  writers: readonly Writer[],
  followers: readonly Follower[],
): Promise<void> {
  const acknowledged = writers.flatMap((writer) => writer.acknowledged);
  const last = Math.max(...acknowledged.map(({ receipt }) => receipt.seq));
  const logs: string[][] = [];
  for (const member of members.list) {
    await waitFor(`${member.id} to show all`, async () => (await messages(member)).length >= last);
    logs.push(await messages(member));
  }
  const [log = [], ...others] = logs;
  for (const other of others) assert.deepEqual(other, log);
  assert.equal(new Set(log).size, log.length, 'no text is there twice');
  for (const { text, receipt } of acknowledged) assert.equal(log[receipt.seq - 1], text);
  for (const follower of followers) {
    assert.deepEqual(await follower.until(last), log.slice(0, last));
  }
}

describe('appends of a client ride over', () => {
  it('the death of the master', async (t) => {
    await runAppends(t, async (members, goOn) => {
      for (const _ of range(1, 2)) {
        const master = await members.master();
        await master.kill();
        await goOn();
        await master.restart();
        await members.whole();
      }
    });
  });

  it('a master that hangs and comes back', async (t) => {
    await runAppends(t, async (members, goOn) => {
      const master = await members.master();
      master.pause();
      await goOn();
      master.wake();
      await goOn();
    });
  });

  it('handovers, and a master that stops in order', async (t) => {
    await runAppends(t, async (members, goOn) => {
      for (const _ of range(1, 3)) {
        await members.changeMaster();
        await goOn();
      }
      const master = await members.whole();
      assert.equal(await master.stop(), 0);
      await goOn();
      await master.restart();
    });
  });
});

describe('a client of real members', () => {
  it('asks the master who holds an entry, whoever that is', async (t) => {
    const members = await startMembers(t);
    const client = clientOf(t, members.urls);
    await client.append('one');
    const master = await members.master();
    const [other] = members.others(master) as [Member];
    await waitFor('a refusal that names the master', async () => {
      const { status, body } = await request(`${other.url}/messages/1?w=2`);
      assert.notEqual(status, 400);
      return status === 421 && body.master.id === master.id;
    });
    assert.equal((await client.get(1, { w: 2 })).message, 'one');
    await members.changeMaster(other);
    const held = await client.get(1, { w: 'all' });
    assert.deepEqual([held.message, held.acked.length], ['one', 3]);
  });
});
