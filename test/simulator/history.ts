/**
 * The history of a simulation, as an observer who sees everything: which entry was written
 * where by whom, what was acknowledged and which nodes held it then, which recovery adopted which log.
 * From this follows what must still be there: an acknowledged entry may be missing from the log a
 * recovery goes on with only if each node that held it lost its memory or did not answer it.
 */

import type { Accepted } from '../../src/lib/core/appends.ts';
import type { KeyIndex } from '../../src/lib/core/log/idempotency.ts';
import type { Log } from '../../src/lib/core/log/log.ts';
import type { Ack, Frame, Heartbeat, Prepare } from '../../src/lib/core/protocol.ts';
import type { Ballot } from '../../src/lib/core/recovery/ballot.ts';
import type { Client } from './client.ts';
import type { Host } from './host.ts';
import { must, mustEqual } from './invariant-ids.ts';
import { hasLog, type MasterHost } from './master-host.ts';
import { type Heard, isNewer, majorityOf, mayTakeOver, nodesAskedFor, startOf } from './oracle.ts';
import { PromiseWatch } from './promise.ts';
import type { SecondaryHost } from './secondary-host.ts';
import type { Simulation } from './simulation.ts';

/** An entry as it was placed: by which incarnation of a master, behind which other entry. */
export interface Placed {
  readonly text: string;
  readonly key: string | null;
  readonly before: string;
}

interface Acknowledged {
  readonly client: Client;
  readonly ids: readonly string[];
  readonly ballot: Ballot;
  readonly logId: string | null;
  /** The nodes that held it at that instant, and in which of their memories. */
  readonly holders: readonly { readonly host: Host; readonly memory: number }[];
  /** Whether a recovery has rightly gone on without it. */
  isGivenUp: boolean;
}

interface Recovered {
  readonly host: MasterHost;
  readonly ballot: Ballot;
  readonly logId: string | null;
  readonly log: Log;
  /** The memories of the nodes that answered it, with its own. */
  readonly memories: ReadonlyMap<Host, number>;
}

/** The newest ballot of whose beginning a node has everything. */
function newestMarkOf({ prepareReply }: Heartbeat): Ballot {
  return { epoch: prepareReply?.lastEpoch ?? 0, writer: prepareReply?.lastWriter ?? '' };
}

const NO_LOG = { logId: null, newest: { epoch: 0, writer: '' } };

/** Names an entry: its place, and the incarnation of the master that put it there. */
export function idAt(log: Log, seq: number): string {
  if (seq === 0) return 'beginning';
  const start = startOf(log.epochs, seq);
  return `${seq}/${start?.epoch}/${start?.writer}`;
}

export function holdsEntry(log: Log, id: string): boolean {
  const seq = Number(id.split('/')[0]);
  return seq <= log.length && idAt(log, seq) === id;
}

export class History {
  readonly placed = new Map<string, Placed>();
  /** How many messages the append with a key has. */
  readonly counts = new Map<string, number>();
  readonly acknowledged: Acknowledged[] = [];
  readonly recoveries: Recovered[] = [];
  /** Which interesting things have happened at all. */
  readonly states = new Set<string>();
  readonly promise: PromiseWatch;
  readonly #simulation: Simulation;
  readonly #logs = new Map<string, { readonly log: Log; readonly keys: KeyIndex }>();

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    this.promise = new PromiseWatch(simulation);
  }

  reached(state: string): void {
    this.states.add(state);
  }

  // --- what happens ----------------------------------------------------------------------------

  refused(host: MasterHost, lengthBefore: number): void {
    mustEqual(
      'refused-is-not-appended',
      host.core.length,
      lengthBefore,
      'what is refused was not appended',
    );
  }

  appended(host: MasterHost, client: Client, accepted: Accepted): void {
    const { texts, key } = client;
    const { seq, count, isDuplicate, w } = accepted;
    mustEqual(
      'receipt-is-exact',
      count,
      texts.length,
      'an append gets as many places as it has messages',
    );
    mustEqual(
      'receipt-is-exact',
      w,
      nodesAskedFor(client.w, this.#simulation.nodes),
      `${client.w} means so many nodes`,
    );
    if (isDuplicate) {
      this.reached('duplicate');
      return;
    }
    if (key !== null) this.counts.set(key, count);
    for (const [index, text] of texts.entries()) {
      const id = idAt(host.core.log, seq + index);
      must(
        'total-order',
        !this.placed.has(id),
        `no place is given twice under one epoch; ${id} is`,
      );
      this.placed.set(id, { text, key, before: idAt(host.core.log, seq + index - 1) });
    }
  }

  /** What this incarnation of a master has written; undefined if it never recovered. */
  logOf(writer: string): Log | undefined {
    return this.#logs.get(writer)?.log;
  }

  /** A secondary makes a statement of fact. */
  acked(host: SecondaryHost, frame: Frame, ack: Ack): void {
    mustEqual(
      'ack-is-a-fact',
      ack.length,
      host.core.length,
      `${host.id}: an ack tells what the node shows`,
    );
    const sender = this.#logs.get(frame.writer);
    // Before the whole list of epochs has come, nothing was compared, and the length does not count.
    if (sender === undefined || frame.part?.hasMore) return;
    must(
      'ack-is-a-fact',
      ack.length <= sender.log.length,
      `${host.id}: an ack is never beyond the sender's log`,
    );
    const [its, ours] = [idAt(host.core.log, ack.length), idAt(sender.log, ack.length)];
    mustEqual('ack-is-a-fact', its, ours, `${host.id}: what an ack counts is the sender's log`);
    const start = sender.log.epochs.at(-1);
    if (start === undefined || ack.length < start.firstSeq - 1) return;
    const newest = host.core.log.epochs.at(-1);
    mustEqual(
      'ack-is-a-fact',
      `${newest?.epoch}/${newest?.writer}`,
      `${start.epoch}/${start.writer}`,
      `${host.id}: who has all that a master took over is as new as that master`,
    );
  }

  /** A client is told that its write concern holds. */
  answered(host: MasterHost, client: Client): void {
    const { seq, w } = client.place as { seq: number; w: number };
    const holders = this.#holders(host, seq);
    const isHere = host.core.holders(seq).acked.includes(host.id);
    must(
      'w-is-held',
      isHere,
      `${client.name} at ${seq} was acked, but ${host.id} does not hold it for good`,
    );
    must(
      'w-is-held',
      holders.length >= w,
      `${client.name} at ${seq} was acked at w=${w}, but ${holders.length} nodes hold it`,
    );
    const ids = client.texts.map((_, i) => idAt(host.core.log, seq - client.texts.length + 1 + i));
    const { logId } = host.core;
    const ballot = host.core.leadership as Prepare;
    const ack: Acknowledged = { client, ids, ballot, logId, holders, isGivenUp: false };
    this.acknowledged.push(ack);
    if (logId !== null && w >= majorityOf(this.#simulation.nodes))
      this.promise.acknowledged(logId, ids);
    this.reached('acked');
    if (w > 1) this.reached('acked-by-others');
    for (const recovery of this.recoveries) {
      if (isNewer(recovery.ballot, ballot)) this.#mustHave(recovery, ack, 'a newer master');
    }
  }

  #holders(host: MasterHost, seq: number): { host: Host; memory: number }[] {
    const holders: { host: Host; memory: number }[] = [];
    // A secondary counts once it has all entries that the master had when it took over.
    const takenOver = (host.core.log.epochs.at(-1)?.firstSeq ?? 1) - 1;
    // The master is always one of them; its word is checked by what is there after its next crash.
    holders.push({ host, memory: host.memory });
    // A node that answered under two names is one node. Its incarnation may be over by now, but what
    // it said was true then, of the memory it had then.
    const told = host.told.filter(({ length }) => length >= Math.max(seq, takenOver));
    for (const incarnation of new Set(told.map((one) => one.incarnation))) {
      const speaker = this.#simulation.secondaries.find(({ memoryOf }) =>
        memoryOf.has(incarnation),
      );
      if (speaker === undefined) continue;
      holders.push({ host: speaker, memory: speaker.memoryOf.get(incarnation) as number });
    }
    return holders;
  }

  /** A master has found the log it goes on with. */
  recovered(host: MasterHost, fields: Readonly<Record<string, unknown>>): void {
    const { core } = host;
    this.#checkPoll(host, fields.answered as string[]);
    must('complete-is-earned', core.isComplete, `${host.writer}: whoever takes over is complete`);
    this.#logs.set(host.writer, core);
    this.#checkBest(host, fields.answered as string[]);
    const memories = new Map<Host, number>([[host, host.memory]]);
    for (const id of fields.answered as string[]) {
      const secondary = this.#simulation.secondaries.find((one) => one.id === id) as SecondaryHost;
      memories.set(secondary, secondary.memory);
    }
    const { logId, log } = core;
    const recovery = { host, ballot: core.leadership as Prepare, logId, log, memories };
    for (const ack of this.acknowledged) this.#mustHave(recovery, ack, 'a recovery');
    this.promise.tookOver(host);
    this.recoveries.push(recovery);
    this.reached(core.length > 0 ? 'recovered-a-log' : 'recovered-nothing');
  }

  /** A master waits: the answers to its poll are not enough by any of the rules. */
  waits(host: MasterHost): void {
    const heard = this.#heardBy(host);
    must(
      'waits-only-if-it-must',
      !mayTakeOver(heard),
      `${host.writer} waits for nobody by whom it could gain; ${JSON.stringify(heard)}`,
    );
    this.reached('waits-for-memory');
  }

  /** A master asks for promises: the answers to its poll are enough by one of the rules. */
  prepares(host: MasterHost): void {
    const heard = this.#heardBy(host);
    must(
      'takeover-by-rule',
      !this.#simulation.weather.quorumAppend || mayTakeOver(heard),
      `${host.writer} prepares what it may take over; ${JSON.stringify(heard)}`,
    );
  }

  /** The answers to a master's poll. */
  #heardBy({ polled, own, refused }: MasterHost): Heard {
    const { secondaries, nodes } = this.#simulation;
    const said = secondaries.flatMap((_, index) => polled[index] ?? []);
    const logs = said
      .filter(hasLog)
      .map((one) => ({ logId: one.logId, newest: newestMarkOf(one) }));
    if (own.logId !== null) logs.push(own);
    const best = logs.reduce((a, b) => (isNewer(b.newest, a.newest) ? b : a), logs[0] ?? NO_LOG);
    const isOfBest = (one: Heartbeat) => hasLog(one) && one.logId === best.logId;
    const complete = said.filter((one) => isOfBest(one) && one.prepareReply?.isComplete).length;
    return {
      nodes,
      answered: 1 + said.length,
      complete: complete + (own.isComplete && own.logId === best.logId ? 1 : 0),
      hasAnybodyLog: logs.length > 0,
      silent: secondaries.filter((_, i) => polled[i] === undefined && !refused[i]).length,
    };
  }

  /** Only nodes that have answered count as heard, and they are enough by one of the rules. */
  #checkPoll(host: MasterHost, answered: string[]): void {
    const { core, writer, polled, own, refused } = host;
    const { secondaries, nodes, weather } = this.#simulation;
    let complete = own.isComplete && own.logId === core.logId ? 1 : 0;
    let hasAnybodyLog = own.logId !== null;
    for (const [index, { id }] of secondaries.entries()) {
      if (!answered.includes(id)) continue;
      const said = polled[index];
      const isForeign = hasLog(said) && said.logId !== core.logId;
      if (hasLog(said)) hasAnybodyLog = true;
      if (isForeign) continue;
      mustEqual(
        'takeover-by-rule',
        said?.logId,
        core.logId,
        `${writer} counts ${id}, which is with it`,
      );
      const seen = { epoch: said?.epoch ?? 0, writer: said?.prepareReply?.writer ?? '' };
      const isPromised = !isNewer(core.leadership as Prepare, seen);
      must(
        'takeover-by-rule',
        isPromised,
        `${writer} counts ${id}, which listens to no older master`,
      );
      const isOutbid = isNewer(seen, core.leadership as Prepare);
      must(
        'takeover-by-rule',
        !isOutbid,
        `${writer} does not take over once ${id} has promised a newer ballot`,
      );
      if (hasLog(said) && said.prepareReply?.isComplete) complete += 1;
    }
    const silent = secondaries.filter(({ id }, i) => !answered.includes(id) && !refused[i]).length;
    const heard = { nodes, answered: 1 + answered.length, complete, hasAnybodyLog, silent };
    const isEnough = !weather.quorumAppend || mayTakeOver(heard);
    must(
      'takeover-by-rule',
      isEnough,
      `${writer} has taken over by a rule; ${JSON.stringify(heard)}`,
    );
  }

  /** No node that answered has a better log than the one that was adopted. */
  #checkBest({ core, writer, own, polled }: MasterHost, answered: string[]): void {
    for (const [index, { id, core: secondary }] of this.#simulation.secondaries.entries()) {
      const said = polled[index];
      if (!answered.includes(id) || said?.bootId !== secondary.bootId || !said.prepareReply)
        continue;
      const { length } = said;
      if (length === 0 || secondary.writer !== writer || secondary.logId !== core.logId) continue;
      const newest = newestMarkOf(said);
      if (own.logId === core.logId) {
        const isLonger = length > own.length && !isNewer(own.newest, newest);
        if (!isLonger && !isNewer(newest, own.newest)) continue;
      }
      const best = this.#newestOf(polled, answered);
      if (isNewer(best, newest)) continue;
      const last = idAt(secondary.log, length);
      const isThere = holdsEntry(core.log, last);
      must(
        'best-log-wins',
        isThere,
        `${writer} goes on with the best log it was told of; ${id} has ${last}`,
      );
    }
  }

  #newestOf(polled: readonly (Heartbeat | undefined)[], answered: string[]): Ballot {
    let best: Ballot = { epoch: 0, writer: '' };
    for (const [index, { id }] of this.#simulation.secondaries.entries()) {
      const said = polled[index];
      if (!answered.includes(id) || said === undefined) continue;
      const newest = newestMarkOf(said);
      if (isNewer(newest, best)) best = newest;
    }
    return best;
  }

  /** Every acknowledged entry is there, or every node that held it has an excuse. */
  #mustHave(recovery: Recovered, ack: Acknowledged, who: string): void {
    if (this.#isOfAnotherLog(ack, recovery.logId)) return;
    if (ack.isGivenUp || ack.ids.every((id) => holdsEntry(recovery.log, id))) return;
    const keeper = ack.holders.find(({ host, memory }) => recovery.memories.get(host) === memory);
    // An older master that is late to start writes nothing that a newer one would have to know.
    if (keeper !== undefined && isNewer(ack.ballot, recovery.ballot)) return;
    must(
      'no-loss',
      keeper === undefined || this.hasForgotten(keeper.host),
      `${ack.client.name}, acknowledged at ${ack.ids[0]}, is missing from what ${who} of epoch ` +
        `${recovery.ballot.epoch} on ${recovery.host.id} goes on with, though ${keeper?.host.id} had it`,
    );
    ack.isGivenUp = true;
    this.reached('lost-within-the-promise');
  }

  /**
   * If all nodes with a log were away, a new log was begun. What to do with the other one is
   * for people to decide; the two are not mixed.
   */
  #isOfAnotherLog(ack: Acknowledged, logId: string | null): boolean {
    if (ack.logId === logId) return false;
    this.reached('two-logs');
    return true;
  }

  /** A disk that is not synced promises nothing across a crash. */
  hasForgotten(host: Host): boolean {
    return this.#simulation.weather.disk === 'never' && host.incarnation > 1;
  }
}
