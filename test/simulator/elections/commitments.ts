/**
 * What was promised to clients: who wrote which entry, what is committed, what was acknowledged at a majority. It sees the
 * real logs of all machines.
 */
import type { Log } from '../../../src/lib/core/log/log.ts';
import { type Ballot, compareBallots } from '../../../src/lib/core/recovery/ballot.ts';
import { holdsEntry, idAt } from '../history.ts';
import { must, mustEqual } from '../invariant-ids.ts';
import type { Machine } from './machine.ts';
import type { World } from './world.ts';

interface Seen {
  log: Log;
  cuts: number;
  length: number;
  committed: number;
}

export class Commitments {
  readonly #world: World;
  /** The text of each entry, and the entry before it. */
  readonly #texts = new Map<string, readonly [text: string, before: string]>();
  readonly #seen = new Map<Machine, Seen>();
  /** What some node has shown as committed, by seq. */
  readonly #committed: string[] = [];
  /** What was acknowledged at a majority, or shown as committed, and under which ballot first. */
  readonly #promised = new Map<string, Ballot>();

  constructor(world: World) {
    this.#world = world;
  }

  /** How many entries were shown as committed. */
  get length(): number {
    return this.#committed.length;
  }

  /** After each event on a machine: what it has now, and shows as committed. */
  look(machine: Machine): void {
    const { log, committed } = machine.node;
    let seen = this.#seen.get(machine);
    if (seen === undefined || seen.log !== log) {
      seen = { log, cuts: log.cuts, length: 0, committed: 0 };
      this.#seen.set(machine, seen);
    }
    if (seen.cuts !== log.cuts) {
      seen.length = Math.min(seen.length, log.lowestCutSince(seen.cuts));
      seen.committed = Math.min(seen.committed, seen.length);
      seen.cuts = log.cuts;
    }
    const [start, next] = log.epochs.slice(-2);
    if (start !== undefined && next !== undefined) {
      const isInOrder = compareBallots(start, next) < 0 && start.firstSeq <= next.firstSeq;
      must('epochs-in-order', isInOrder, `${machine.id} begins ${next.epoch} after ${start.epoch}`);
    }
    for (; seen.length < log.length; seen.length += 1) this.#place(log, seen.length + 1);
    for (; seen.committed < committed; seen.committed += 1) {
      this.#commit(machine, seen.committed + 1);
    }
  }

  #place(log: Log, seq: number): void {
    const id = idAt(log, seq);
    const placed = [textAt(log, seq), idAt(log, seq - 1)] as const;
    const known = this.#texts.get(id);
    if (known === undefined) this.#texts.set(id, placed);
    else mustEqual('total-order', placed, known, `${id} is the same entry everywhere`);
  }

  #commit(machine: Machine, seq: number): void {
    if (!this.#world.isPromised) return;
    const id = idAt(machine.node.log, seq);
    const known = this.#committed[seq - 1];
    if (known === undefined) {
      this.#committed[seq - 1] = id;
      const { epoch, secondary } = machine.node;
      this.#promise(id, { epoch, writer: secondary.writer });
    } else {
      const what = `${machine.id} shows ${id} as committed, and somebody has shown ${known}`;
      must('committed-is-final', id === known, what);
    }
  }

  #promise(id: string, ballot: Ballot): void {
    const known = this.#promised.get(id);
    if (known === undefined || compareBallots(ballot, known) < 0) this.#promised.set(id, ballot);
  }

  /** A client was told that a majority holds its entries. */
  acknowledged(machine: Machine, seq: number, texts: readonly string[]): void {
    const { log } = machine.node;
    const { leadership } = machine.node.master ?? {};
    for (const [i, text] of texts.entries()) {
      const found = seq + i <= log.length ? textAt(log, seq + i) : null;
      mustEqual('receipt-is-exact', found, text, `${machine.id}: what is at ${seq + i}`);
      const id = idAt(log, seq + i);
      if (leadership) this.#promise(id, leadership);
      if (!this.#world.isPromised) continue;
      const known = this.#committed[seq + i - 1];
      const what = `${machine.id} acknowledges ${id}, and somebody has shown ${known}`;
      must('one-acknowledges', known === undefined || known === id, what);
      for (const other of this.#world.machines) {
        const newer = other.isUp ? other.node.master?.leadership : null;
        if (!newer || !leadership || compareBallots(newer, leadership) <= 0) continue;
        const text = `${machine.id} acknowledges ${id}, which the newer master ${other.id} lacks`;
        must('one-acknowledges', holdsEntry(other.node.log, id), text);
      }
    }
  }

  /**
   * A member is the master now: its log has all that was promised, and nothing twice. A candidate that was paused may take
   * over after one with a newer ballot, which it does not know; nobody listens to it.
   */
  tookOver(machine: Machine): void {
    const { log, epoch, secondary } = machine.node;
    const own = { epoch, writer: secondary.writer };
    const texts = Array.from({ length: log.length }, (_, i) => textAt(log, i + 1));
    const twice = texts.find((text, i) => texts.indexOf(text) !== i);
    must('once-each', twice === undefined, `${machine.id} has ${twice} twice`);
    if (!this.#world.isPromised) return;
    for (const [id, ballot] of this.#promised) {
      if (compareBallots(ballot, own) > 0) continue;
      const what = `${id} was promised, and ${machine.id} goes on without it`;
      must('majority-survives', holdsEntry(log, id), what);
    }
  }

  /** Entries were lost, and an operator has accepted it. */
  forget(): void {
    this.#committed.length = 0;
    this.#promised.clear();
    this.#seen.clear();
  }
}

/** The text of an entry as a string. */
export function textAt(log: Log, seq: number): string {
  return JSON.parse(Buffer.from(log.textAt(seq)).toString());
}
