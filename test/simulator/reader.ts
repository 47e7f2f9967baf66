/**
 * A reader that follows the log as events, from node to node: the code that decides what a tail is sent, and a
 * judge that sees the real logs. A tail is never silently wrong: whenever it gets an event, all
 * entries that it got before, and that no reset took back, are in the log of that node. A tail of committed entries
 * is not reset while the promise holds.
 */

import { Follower } from '../../src/lib/core/concerns/follower.ts';
import { type ReadConcern, shownTo } from '../../src/lib/core/concerns/read-barrier.ts';
import type { LogPosition } from '../../src/lib/core/log/log-position.ts';
import { seededRandom } from '../../src/lib/runtime/random.ts';
import { holdsEntry, idAt } from './history.ts';
import { must, mustEqual } from './invariant-ids.ts';
import type { MasterHost } from './master-host.ts';
import { startOf } from './oracle.ts';
import type { SecondaryHost } from './secondary-host.ts';
import type { Simulation } from './simulation.ts';

type Node = MasterHost | SecondaryHost;

/** Names stand for themselves. */
const DIGESTS = { log: (name: string) => name, writer: (name: string) => name };

export class Reader {
  readonly #simulation: Simulation;
  readonly #concern: ReadConcern;
  readonly #random: () => number;
  /** The log by its events, as names of entries. */
  readonly #told: string[] = [];
  /** The id of that log. */
  #logId: string | null = null;
  /** The id that it sends to the next node. */
  #position: LogPosition | null = null;
  /** Up to where its entries were promised when it got them. */
  #promised = 0;
  #at: { readonly host: Node; readonly core: Node['core']; readonly follower: Follower } | null =
    null;

  constructor(simulation: Simulation, seed: number, concern: ReadConcern) {
    this.#simulation = simulation;
    this.#concern = concern;
    this.#random = seededRandom(seed);
  }

  /** Perhaps reads from its node now, or goes to another one. */
  observe(): void {
    if (this.#random() < 0.7) return;
    const { masters, secondaries } = this.#simulation;
    const at = this.#at;
    const isGone = at !== null && (!at.host.isUp || at.host.core !== at.core);
    if (at === null || isGone || this.#random() < 0.01) {
      const hosts = [...masters, ...secondaries].filter(({ isUp }) => isUp);
      const host = hosts[Math.floor(this.#random() * hosts.length)];
      if (host !== undefined) this.#goTo(host);
      return;
    }
    this.#look(1 + Math.floor(this.#random() * 20));
  }

  /** In the end it has the log as it is. */
  checkConverged(host: Node): void {
    this.#goTo(host);
    this.#look(Number.POSITIVE_INFINITY);
    this.#look(Number.POSITIVE_INFINITY);
    const { log, logId } = host.core;
    const length = shownTo(host.core, this.#concern);
    if (this.#at?.follower.last === 0 && this.#told.length > length) {
      // It got entries that are lost, under a ballot that no node remembers: to it the node seems to be behind.
      const { promise } = this.#simulation.history;
      must(
        'tail-is-true',
        !promise.holds(logId),
        `a tail does not wait for what is lost at ${host.id}`,
      );
      this.#simulation.history.reached('tail-waits');
      return;
    }
    const ids = Array.from({ length }, (_, index) => idAt(log, index + 1));
    mustEqual(
      'tail-is-true',
      this.#told.slice(0, length),
      ids,
      `a tail ends with the log of ${host.id}`,
    );
  }

  #goTo(host: Node): void {
    const { core } = host;
    const shown = () => shownTo(core, this.#concern);
    this.#at = {
      host,
      core,
      follower: new Follower(core, shown, this.#position ?? 1, DIGESTS, this.#concern),
    };
  }

  #look(entriesMax: number): void {
    const { host, core, follower } = this.#at as {
      host: Node;
      core: Node['core'];
      follower: Follower;
    };
    const reset = follower.look();
    if (reset !== null) {
      const { from, reason } = reset;
      this.#simulation.history.reached(`tail-${reason}`);
      const isPromised = this.#concern === 'majority' && reason === 'cut' && from <= this.#promised;
      const isKept = !isPromised || !this.#simulation.history.promise.holds(this.#logId);
      must(
        'committed-is-final',
        isKept,
        `a tail of what is committed is reset to ${from} by ${host.id}`,
      );
      must(
        'tail-is-true',
        from >= 1 && from <= this.#told.length,
        `a reset to ${from} takes something back`,
      );
      this.#told.length = from - 1;
      this.#promised = Math.min(this.#promised, from - 1);
      this.#position = from === 1 ? null : positionAt(core, from - 1);
    }
    const { next, last } = follower;
    const to = Math.min(last, next + entriesMax - 1);
    if (to < next) return;
    mustEqual('tail-is-true', next, this.#told.length + 1, 'a tail goes on where it was');
    for (let seq = next; seq <= to; seq += 1) this.#told.push(idAt(core.log, seq));
    follower.told(to);
    this.#check(core, reset !== null);
    this.#logId = core.logId;
    this.#position = positionAt(core, to);
    const { promise, reached } = this.#simulation.history;
    if (this.#concern === 'majority' && promise.holds(core.logId)) {
      this.#promised = to;
      reached.call(this.#simulation.history, 'tail-of-committed');
    }
  }

  /** All its entries are in this log. */
  #check({ log }: Node['core'], isThorough: boolean): void {
    const seqs = isThorough ? this.#told.keys() : [Math.floor(this.#random() * this.#told.length)];
    for (const index of seqs) {
      const id = this.#told[index] as string;
      must(
        'tail-is-true',
        holdsEntry(log, id),
        `a tail is not left with ${id}, which the log has not`,
      );
    }
  }
}

function positionAt({ log, logId }: Node['core'], seq: number): LogPosition {
  const start = startOf(log.epochs, seq);
  const firstSeq = start?.firstSeq ?? 1;
  const before = startOf(log.epochs, firstSeq - 1);
  const previous = { epoch: before?.epoch ?? 0, writer: before?.writer ?? '' };
  const { epoch = 0, writer = '' } = start ?? {};
  return { seq, log: logId as string, epoch, writer, firstSeq, previous };
}
