/** The invariants, which must hold after every event. */

import { HELD_MESSAGES_MAX } from '../../src/lib/core/log/hold-back.ts';
import type { KeyIndex } from '../../src/lib/core/log/idempotency.ts';
import type { Log } from '../../src/lib/core/log/log.ts';
import { WINDOW_FRAMES_MAX } from '../../src/lib/core/replication/outgoing-stream.ts';
import type { Client } from './client.ts';
import { holdsEntry, idAt } from './history.ts';
import type { Host } from './host.ts';
import { must, mustEqual } from './invariant-ids.ts';
import { type MasterHost, TIMES, WAITING_MAX } from './master-host.ts';
import { majorityOf } from './oracle.ts';
import type { SecondaryHost } from './secondary-host.ts';
import type { Simulation } from './simulation.ts';

const decoder = new TextDecoder();
/** Events of one instant; more would be an endless loop. */
const EVENTS_AT_ONCE_MAX = 5000;
/** Time after the last answer: a pause between requests, the time-outs that it takes, and a margin. */
const DETECTION_MS =
  TIMES.unhealthyAfterMisses * Math.max(TIMES.heartbeatIntervalMs, TIMES.heartbeatTimeoutMs) +
  TIMES.heartbeatTimeoutMs +
  1000;

/** The last known state of one incarnation of a node, with which the next step is compared. */
interface Seen {
  logId: string | null;
  length: number;
  shown: number;
  cuts: number;
  epoch: number;
  /** Whether it has taken a frame of its log. */
  hasLog: boolean;
  texts: Map<string, number>;
  /** Its entries, in order. */
  ids: string[];
}

/** The messages of a log, decoded. */
export function messagesOf(log: Log): string[] {
  return Array.from({ length: log.length }, (_, i) => textAt(log, i + 1));
}

function textAt(log: Log, seq: number): string {
  return JSON.parse(decoder.decode(log.textAt(seq)));
}

/** Checks a simulation; cheap enough for every event. */
export class Invariants {
  readonly #simulation: Simulation;
  readonly #seen = new Map<object, Seen>();
  /** The last log of each incarnation of a node, and whether it was complete. */
  readonly #complete = new Map<object, { logId: string | null; isComplete: boolean }>();
  /** The acked lengths a master knew last, and of which incarnations. */
  readonly #acked = new Map<object, { incarnation: string; length: number }[]>();
  #instant = 0;
  #eventsAtOnce = 0;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  check = (): void => {
    const { masters, secondaries, now } = this.#simulation;
    this.#eventsAtOnce = now === this.#instant ? this.#eventsAtOnce + 1 : 0;
    this.#instant = now;
    must(
      'time-passes',
      this.#eventsAtOnce < EVENTS_AT_ONCE_MAX,
      'nothing happens for ever without time passing',
    );
    for (const host of secondaries) if (host.isUp) this.#checkSecondary(host);
    for (const host of masters) if (host.isUp) this.#checkMaster(host);
    for (const host of [...masters, ...secondaries]) if (host.isUp) this.#checkComplete(host);
    for (const client of this.#simulation.waiting) this.#checkWaiting(client);
    this.#simulation.history.promise.observe();
    for (const reader of this.#simulation.readers) reader.observe();
  };

  /** A node that begins a log is not complete, and one that is complete would still be so after a crash. */
  #checkComplete(host: MasterHost | SecondaryHost): void {
    const { core, id, disk } = host;
    const { logId, isComplete } = core;
    const before = this.#complete.get(core);
    this.#complete.set(core, { logId, isComplete });
    const hasBegun = before !== undefined && before.logId !== logId;
    // A secondary may take its first frame, and a master take over, in the moment in which it begins a log.
    const isRecovering = 'leadership' in core && core.leadership === null;
    must(
      'complete-is-earned',
      !(hasBegun && isComplete && isRecovering),
      `${id}: who begins a log is not complete`,
    );
    const isNew = before !== undefined && isComplete && !before.isComplete;
    if (!isNew || this.#simulation.weather.disk === 'none') return;
    must(
      'complete-is-earned',
      disk.load()?.isComplete,
      `${id}: that it is complete is on its disk`,
    );
  }

  /** Every client that waits has a reason to. */
  #checkWaiting({ host, place, name }: Client): void {
    if (host === null || place === null || !host.isUp) return;
    const { seq, w, until } = place;
    const { acked } = host.core.holders(seq);
    const isHeld = acked.length >= w && acked.includes(host.id);
    must(
      'waiters-are-answered',
      !isHeld,
      `${name} waits for w=${w} at ${seq} no longer than it must`,
    );
    const isLate =
      host.clock > until && !host.isPaused && this.#simulation.now >= host.excusedUntil;
    must('waiters-are-answered', !isLate, `${name} waits no longer than it wanted to`);
  }

  #checkSecondary(host: SecondaryHost): void {
    const { core, id } = host;
    this.#checkCut(host);
    const seen = this.#checkLog(host, core);
    must(
      'shown-never-shrinks',
      core.length <= core.log.length,
      `${id}: nothing is shown that is not there`,
    );
    must(
      'shown-never-shrinks',
      core.length >= seen.shown,
      `${id}: an incarnation never shows less than before, but for a cut`,
    );
    seen.shown = core.length;
    // Each log has epochs of its own; an empty log may have been replaced.
    const isSameLog = seen.logId === core.logId;
    const isNoLower = !isSameLog || core.epoch >= seen.epoch;
    must('epoch-never-falls', isNoLower, `${id}: a node never goes back to a lower epoch`);
    must(
      'no-second-log',
      isSameLog || !seen.hasLog,
      `${id}: who has a log takes no frame of another one`,
    );
    seen.epoch = core.epoch;
    seen.logId = core.logId;
    seen.hasLog = core.length > 0 || core.logEpoch > 0;
    must('bounded', core.held <= HELD_MESSAGES_MAX, `${id}: what is held back is bounded`);
  }

  /** A secondary cuts off only what its master does not have. */
  #checkCut({ core, id }: SecondaryHost): void {
    const { log, logId, writer } = core;
    const seen = this.#seen.get(core);
    const written = this.#simulation.history.logOf(writer);
    if (seen === undefined || seen.cuts === log.cuts || written === undefined) return;
    if (seen.logId !== logId) return;
    for (const entry of seen.ids) {
      const isKept = holdsEntry(log, entry) || !holdsEntry(written, entry);
      must(
        'cut-only-what-differs',
        isKept,
        `${id}: nothing is cut off that the master has; ${entry} is`,
      );
    }
  }

  /** A statement of an incarnation of a secondary stays true while that incarnation runs. */
  #checkAcked(host: MasterHost, lengths: readonly number[]): void {
    const { core, id } = host;
    const before = this.#acked.get(core);
    const { secondaries } = this.#simulation;
    const now = host.told.map(({ incarnation }, index) => {
      const secondary = secondaries[index];
      const isIt = secondary?.core.bootId === incarnation && secondary.core.logId === core.logId;
      return {
        incarnation: isIt && core.fencedBy === null ? incarnation : '',
        length: lengths[index] ?? 0,
      };
    });
    this.#acked.set(core, now);
    for (const [index, { incarnation, length }] of now.entries()) {
      if (incarnation === '' || host.wasAstray || before?.[index]?.incarnation !== incarnation)
        continue;
      const isThere = length >= (before[index]?.length ?? 0);
      must(
        'acked-length-is-told',
        isThere,
        `${id}: what ${incarnation} has acked is not forgotten while it runs`,
      );
    }
  }

  #checkMaster(host: MasterHost): void {
    const { core, id } = host;
    this.#checkLog(host, core);
    const known = core.secondaries(host.clock);
    for (const [index, told] of host.told.entries()) {
      const acked = known[index]?.length ?? 0;
      must(
        'acked-length-is-told',
        acked <= told.length,
        `${id}: an acked length is never more than was told`,
      );
      const inFlight = host.links[index]?.unanswered ?? 0;
      must('bounded', inFlight <= WINDOW_FRAMES_MAX, `${id}: the window is bounded`);
      const retryInMs = known[index]?.nextAttemptInMs ?? 0;
      must('bounded', retryInMs <= TIMES.backoffMaxMs, `${id}: the backoff is bounded`);
    }
    this.#checkAcked(
      host,
      known.map(({ length }) => length),
    );
    must('bounded', core.waiting <= WAITING_MAX, `${id}: who waits is bounded`);
    must(
      'fenced-for-good',
      core.fencedBy !== null || !host.hasMetNewer,
      `${id}: who met a newer master is fenced`,
    );
    must(
      'waiters-are-answered',
      core.fencedBy === null || core.waiting === 0,
      `${id}: nobody waits at a fenced master`,
    );
    this.#checkReadOnly(host);
  }

  /** Checks the new entries of a log. */
  #checkLog(host: Host, core: MasterHost['core'] | SecondaryHost['core']): Seen {
    const { log } = core;
    let seen = this.#seen.get(core);
    if (seen === undefined || seen.cuts !== log.cuts) {
      seen = {
        logId: core.logId,
        length: 0,
        shown: 0,
        cuts: log.cuts,
        epoch: 0,
        hasLog: false,
        texts: new Map(),
        ids: [],
      };
      this.#seen.set(core, seen);
    }
    for (let seq = seen.length + 1; seq <= log.length; seq += 1)
      this.#checkEntry(host, core, seq, seen);
    if (seen.length !== log.length) this.#checkEnd(host, core);
    seen.length = log.length;
    return seen;
  }

  #checkEntry(
    { id }: Host,
    { log, keys }: { readonly log: Log; readonly keys: KeyIndex },
    seq: number,
    { texts, ids }: Seen,
  ): void {
    const text = textAt(log, seq);
    const placed = this.#simulation.history.placed.get(idAt(log, seq));
    must(
      'total-order',
      placed !== undefined,
      `${id}: entry ${idAt(log, seq)} was placed by the master it names`,
    );
    mustEqual(
      'total-order',
      text,
      placed.text,
      `${id}: entry ${idAt(log, seq)} says what was placed there`,
    );
    mustEqual(
      'total-order',
      idAt(log, seq - 1),
      placed.before,
      `${id}: entry ${idAt(log, seq)} follows the entry it was placed behind; epochs never mix`,
    );
    mustEqual(
      'once-each',
      texts.get(text),
      undefined,
      `${id}: every message is there once; ${text} is not`,
    );
    texts.set(text, seq);
    ids.push(idAt(log, seq));
    const key = keys.within(seq, seq)[0]?.[1] ?? null;
    mustEqual('keys-travel', key, placed.key, `${id}: entry ${idAt(log, seq)} carries its key`);
    if (key === null) return;
    const run = keys.find(key);
    const isIn = run !== undefined && run.seq <= seq && seq < run.seq + run.count;
    must('keys-travel', isIn, `${id}: the key ${key} leads to its entries`);
  }

  #checkEnd({ id }: Host, { log, keys }: { readonly log: Log; readonly keys: KeyIndex }): void {
    const [, key] = keys.within(log.length, log.length)[0] ?? [];
    const count = key === undefined ? undefined : keys.find(key)?.count;
    const whole = key === undefined ? undefined : this.#simulation.history.counts.get(key);
    mustEqual(
      'keyed-append-is-whole',
      count,
      whole,
      `${id}: an append with a key is there whole, or not at all`,
    );
    const places = log.epochs.map(({ firstSeq }) => firstSeq);
    const isInOrder = places.every((place, i) => place > (places[i - 1] ?? 0));
    const isIn = (places.at(-1) ?? 1) <= log.length + 1;
    must(
      'epochs-in-order',
      isInOrder && isIn,
      `${id}: the list of epochs is in order and ends with the log`,
    );
  }

  /** A master that cannot have heard of a quorum for long refuses appends. */
  #checkReadOnly(host: MasterHost): void {
    const { core, id } = host;
    const { now, weather, nodes } = this.#simulation;
    if (!weather.quorumAppend || core.leadership === null || core.fencedBy !== null) return;
    if (host.isPaused || now < host.excusedUntil) return;
    const answering = host.misses.filter((misses) => misses < TIMES.unhealthyAfterMisses).length;
    if (!host.wasAstray && 1 + answering >= majorityOf(nodes)) {
      const isReadOnly = core.status() === 'read-only';
      must('quorum-decides', !isReadOnly, `${id}: with a quorum it is not read-only`);
    }
    const heard = host.answeredAt.filter((at) => at >= now - DETECTION_MS).length;
    if (1 + heard >= majorityOf(nodes)) return;
    this.#simulation.history.reached('read-only');
    mustEqual(
      'quorum-decides',
      core.status(),
      'read-only',
      `${id}: without a quorum it is read-only in time`,
    );
    must(
      'quorum-decides',
      core.writeRefusal() !== null,
      `${id}: without a quorum it appends nothing`,
    );
  }

  /** What must be true some time after the faults are over. */
  checkConverged(): void {
    const { masters, secondaries, clients, history } = this.#simulation;
    const [master, ...others] = masters.filter(({ isUp }) => isUp);
    must('convergence', master !== undefined && others.length === 0, 'one master is left');
    const { core } = master;
    mustEqual('convergence', core.status(), 'ok', 'the cluster is ok');
    const messages = messagesOf(core.log);
    for (const { id, core: secondary } of secondaries) {
      mustEqual('convergence', messagesOf(secondary.log), messages, `${id} shows the master's log`);
      mustEqual('convergence', secondary.length, messages.length, `${id} shows all of it`);
      const keys = secondary.keys.within(1, messages.length);
      mustEqual('convergence', keys, core.keys.within(1, messages.length), `${id} has every key`);
      mustEqual('convergence', secondary.held, 0, `${id} holds nothing back`);
    }
    for (const { name, state } of clients) {
      must(
        'convergence',
        state === 'acked' || state === 'gave-up',
        `${name} was answered; it is ${state}`,
      );
    }
    mustEqual('convergence', core.waiting, 0, 'nobody waits any more');
    for (const reader of this.#simulation.readers) reader.checkConverged(master);
    const hosts: readonly Host[] = [master, ...secondaries];
    for (const { ids, isGivenUp, client, logId, holders } of history.acknowledged) {
      // The nodes that held it have lost their memory, or are still away.
      const isExcused = holders.every(
        ({ host, memory }) =>
          history.hasForgotten(host) || !hosts.includes(host) || host.memory !== memory,
      );
      if (logId !== core.logId || isExcused) continue;
      const isThere = ids.every((id) => holdsEntry(core.log, id));
      must('no-loss', isThere || isGivenUp, `${client.name}, which was acknowledged, is there`);
    }
  }
}
