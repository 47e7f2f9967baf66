/** What must be true after every event, each a named sentence. */
import assert from 'node:assert/strict';
import { HELD_MESSAGES_MAX } from '../../src/lib/core/hold-back.ts';
import type { Log } from '../../src/lib/core/log.ts';
import { sameBytes } from '../../src/lib/core/messages.ts';
import type { ClientView, World } from './world.ts';

const decoder = new TextDecoder();

/** The messages of a log, decoded. */
export function messagesOf(log: Log): string[] {
  return Array.from({ length: log.length }, (_, i) =>
    JSON.parse(decoder.decode(log.textAt(i + 1))),
  );
}

/** Checks a world; cheap enough for every event. Remembers what a transition may not undo. */
export class Invariants {
  readonly #world: World;
  /** For each life of a secondary, the length it showed last. */
  readonly #shown = new Map<object, number>();
  /** Clients that wait, and how many clients were looked at so far. */
  #open: ClientView[] = [];
  #seen = 0;

  constructor(world: World) {
    this.#world = world;
  }

  check = (): void => {
    const { master, nodes, clients } = this.#world;
    const known = master.secondaries(this.#world.now);
    for (const [index, { core, told }] of nodes.entries()) {
      const name = `s${index + 1}`;
      const acked = known[index]?.length ?? 0;
      assert(acked <= told.length, `${name}: the acked length is never more than its life told`);
      const shown = this.#shown.get(core) ?? 0;
      assert(core.log.length >= shown, `${name}: a life of a node never shows less than before`);
      assert(core.held <= HELD_MESSAGES_MAX, `${name}: what is held back is bounded`);
      if (core.log.length === shown) continue;
      this.#shown.set(core, core.log.length);
      for (let seq = shown + 1; seq <= core.log.length; seq += 1) {
        const isSame = sameBytes(core.log.textAt(seq), master.log.textAt(seq));
        assert(isSame, `${name} shows a prefix of the master's log; not so at ${seq}`);
      }
    }
    this.#open = this.#open.concat(clients.slice(this.#seen));
    this.#seen = clients.length;
    for (const client of this.#open) if (client.endedAt !== null) this.#checkAnswer(client);
    this.#open = this.#open.filter((client) => client.endedAt === null);
    assert.equal(master.waiting, this.#open.length, 'the master counts exactly who waits');
  };

  #checkAnswer({ seq, w, end, startedAt, endedAt }: ClientView): void {
    if (w === 1) assert.equal(endedAt, startedAt, 'a client with w=1 never waits');
    if (end !== 'holds') return;
    const { nodes } = this.#world;
    const holders = 1 + nodes.filter(({ told }) => told.length >= seq).length;
    assert(holders >= w, `seq ${seq} was acked at w=${w}, but only ${holders} nodes told so`);
  }

  /** What must be true once everything is healed and some time has passed. */
  checkConverged(): void {
    const { master, nodes, clients } = this.#world;
    const masterLog = messagesOf(master.log);
    assert.equal(new Set(masterLog).size, masterLog.length, 'every message is there exactly once');
    for (const [index, { core }] of nodes.entries()) {
      assert.deepEqual(messagesOf(core.log), masterLog, `s${index + 1} shows the master's log`);
      const keys = [...Array(masterLog.length).keys()].map(
        (i) => core.keys.within(i + 1, i + 1)[0]?.[1],
      );
      const expected = masterLog.map((text) => `key-${text}`);
      assert.deepEqual(keys, expected, `s${index + 1} has every entry's key`);
      assert.equal(core.held, 0, `s${index + 1} holds nothing back`);
    }
    for (const { seq, text } of clients) {
      if (seq > 0) assert.equal(masterLog[seq - 1], text, 'a message keeps its place');
    }
    assert.equal(master.waiting, 0, 'nobody waits any more');
    assert.equal(master.status(), 'ok', 'the cluster is ok');
  }
}
