/**
 * THE PROMISE, as an observer who sees everything judges it: an entry acknowledged at `majority` or more
 * keeps its place and its text in the log of every later master, as long as never more than m-1 members
 * are incomplete at once since the log was born, and one master process runs at a time. A node that is slow,
 * paused or cut off is no excuse.
 *
 * A log is *forming* until at most m-1 members are incomplete for the first time (at its birth nobody but
 * its master has it), then the promise *holds*. It is *void* for good once its conditions are broken: too
 * many members lost their memory, two masters ran at once, or a disk that was replaced came back.
 */

import { holdsEntry, idAt } from './history.ts';
import type { Host } from './host.ts';
import { must, mustEqual } from './invariant-ids.ts';
import type { MasterHost } from './master-host.ts';
import { majorityOf } from './oracle.ts';
import type { SecondaryHost } from './secondary-host.ts';
import type { Simulation } from './simulation.ts';

interface Tracked {
  state: 'forming' | 'holds' | 'void';
  /** Entries that were acknowledged, or shown as committed, while the promise held; by seq. */
  readonly committed: Map<number, string>;
  /** The last one of them. */
  last: { readonly seq: number; readonly id: string } | null;
}

export class PromiseWatch {
  readonly #simulation: Simulation;
  readonly #logs = new Map<string, Tracked>();
  /** The machine whose master ran last; another machine is another member, unless its disk is wiped. */
  #lastMaster: MasterHost | null = null;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  /** Whether the promise holds for this log now. */
  holds(logId: string | null): boolean {
    return logId !== null && this.#logs.get(logId)?.state === 'holds';
  }

  /** Whether this machine may lose its memory now without breaking the promise. */
  mayLose(host: MasterHost | SecondaryHost): boolean {
    const most = majorityOf(this.#simulation.nodes) - 1;
    for (const [logId, { state }] of this.#logs) {
      if (state !== 'holds') continue;
      // A machine that is no longer a member has nothing to lose.
      const isMember =
        this.#simulation.secondaries.includes(host as SecondaryHost) || host === this.#lastMaster;
      const more = isMember && isComplete(host, logId) ? 1 : 0;
      if (this.incompleteOf(logId) + more > most) return false;
    }
    return true;
  }

  /** The machine that runs the master, or did last. */
  get lastMaster(): MasterHost | null {
    return this.#lastMaster;
  }

  /** A machine begins to run a master. */
  masterStarts(host: MasterHost): void {
    const hasOldDisk = this.#lastMaster !== host && host.disk.load() !== null;
    if (this.#lastMaster !== null && hasOldDisk) this.#void('a replaced disk came back');
    this.#lastMaster = host;
  }

  /** After every event: who is incomplete, and what is committed. */
  observe(): void {
    const { masters, nodes } = this.#simulation;
    const running = masters.filter(({ isUp }) => isUp);
    if (running.length > 1) this.#void('two masters run');
    for (const { core } of running) {
      if (core.leadership === null || core.logId === null || this.#logs.has(core.logId)) continue;
      // Without QUORUM_APPEND a master takes over with any answers, so nothing is promised.
      const state = this.#simulation.weather.quorumAppend ? 'forming' : 'void';
      this.#logs.set(core.logId, { state, committed: new Map(), last: null });
    }
    for (const [logId, tracked] of this.#logs) {
      if (tracked.state === 'void') continue;
      const isWithin = this.incompleteOf(logId) <= majorityOf(nodes) - 1;
      if (isWithin && tracked.state === 'forming') {
        tracked.state = 'holds';
        this.#simulation.history.reached('promise-holds');
      } else if (!isWithin && tracked.state === 'holds') {
        this.#simulation.say(`the promise for ${logId} is void: too many have lost their memory`);
        tracked.state = 'void';
      }
    }
    for (const { core, id } of running) this.#checkCommitted(core, id);
    for (const { core, id, isUp } of this.#simulation.secondaries)
      if (isUp) this.#checkCommitted(core, id);
  }

  /** How many members have lost something of this log, or never had all of it. */
  incompleteOf(logId: string): number {
    const { secondaries } = this.#simulation;
    const others = secondaries.filter((host) => !isComplete(host, logId)).length;
    const master = this.#lastMaster;
    return others + (master !== null && isComplete(master, logId) ? 0 : 1);
  }

  /** A client got the answer that a majority or more holds its entries. */
  acknowledged(logId: string, ids: readonly string[]): void {
    const tracked = this.#logs.get(logId);
    if (tracked?.state !== 'holds') return;
    for (const id of ids) this.#record(tracked, Number(id.split('/')[0]), id);
  }

  /** A master has taken over: checks that what was promised is there. */
  tookOver({ core, id }: MasterHost): void {
    for (const [logId, tracked] of this.#logs) {
      if (tracked.state !== 'holds' || tracked.committed.size === 0) continue;
      mustEqual(
        'majority-survives',
        core.logId,
        logId,
        `${id}: no other log takes the place of one with a promise`,
      );
      this.#simulation.history.reached('promise-kept');
      for (const entry of tracked.committed.values()) {
        must(
          'majority-survives',
          holdsEntry(core.log, entry),
          `${id}, epoch ${core.epoch}: ${entry} was acknowledged at majority, and is missing`,
        );
      }
    }
  }

  /** What a node shows as committed is the same on all nodes, and never changes. */
  #checkCommitted(core: MasterHost['core'] | SecondaryHost['core'], id: string): void {
    const { logId, committed, log, length } = core;
    must('committed-is-final', committed <= length, `${id}: what is committed is shown`);
    const tracked = logId === null ? undefined : this.#logs.get(logId);
    if (tracked?.state !== 'holds' || committed === 0) return;
    const { last } = tracked;
    const isPrefix = last === null || last.seq > committed || holdsEntry(log, last.id);
    must(
      'committed-is-final',
      isPrefix,
      `${id} shows ${committed} entries as committed, without ${last?.id}`,
    );
    this.#record(tracked, committed, idAt(log, committed));
  }

  #record(tracked: Tracked, seq: number, id: string): void {
    const known = tracked.committed.get(seq);
    must(
      'committed-is-final',
      known === undefined || known === id,
      `${id} is committed where ${known} was`,
    );
    tracked.committed.set(seq, id);
    if (seq > (tracked.last?.seq ?? 0)) tracked.last = { seq, id };
  }

  #void(why: string): void {
    for (const [logId, tracked] of this.#logs) {
      if (tracked.state === 'void') continue;
      tracked.state = 'void';
      this.#simulation.say(`the promise for ${logId} is void: ${why}`);
    }
  }
}

/** Whether this machine has all that it could have acknowledged of the log: in its memory, or on its disk. */
function isComplete(host: MasterHost | SecondaryHost, logId: string): boolean {
  if (host.isUp) return host.core.isComplete && host.core.logId === logId;
  const restored = (host as Host).disk.load();
  return restored?.isComplete === true && restored.logId === logId;
}
