/**
 * How a starting master finds the log it goes on with, in three steps:
 *
 *   poll       ask every secondary what it holds; this changes nothing
 *   prepare    if the answers are enough to take over: promise the next epoch itself, then ask those who answered
 *              to promise it as well. After prepare, no older master can append
 *   take over  if the answers are enough again: fetch what is missing of the best log, and write on
 *
 * Whose answers are enough is in `completeness.ts`, which log is the best in `best-log.ts`.
 */

import type { Applier } from '../log/apply.ts';
import type { Replica } from '../log/replica.ts';
import type { Frame, Heartbeat, Prepare } from '../protocol.ts';
import type { LogEvent } from '../refusal.ts';
import { type Ballot, compareBallots, NO_BALLOT, newerBallot, nextBallot } from './ballot.ts';
import {
  ballotOf,
  bestLog,
  type Candidate,
  isDeaf,
  isForeign,
  logIdOf,
  logOf,
} from './best-log.ts';
import { type Member, mayBeElected, mayTakeOver, type Verdict } from './completeness.ts';

export interface RecoveryConfig {
  readonly nodeId: string;
  /** The names of the secondaries, in the order of the configuration. */
  readonly secondaries: readonly string[];
  /** The name of a log that is begun where nobody has one. */
  readonly newLogId: string;
  /** The name of this incarnation of the master. */
  readonly writer: string;
  /** Whether enough complete nodes are required; false: it takes over with whoever answers. */
  readonly needsQuorum: boolean;
  /** Whether this is the candidacy of a member that elects its master: a round ends as soon as its answers are enough. */
  readonly isElection?: boolean;
}

/** Which log was adopted, by which rule, and who answered; for the log line. */
export interface Adopted {
  /** Whose log it was; null if it is empty. */
  readonly adoptedFrom: string | null;
  readonly rule: string;
  readonly answered: readonly string[];
  /** Which of the nodes that answered, this one included, are incomplete. */
  readonly incomplete: readonly string[];
  readonly unanswered: readonly string[];
}

/** What a recovery asks of its environment. Secondaries are named by their index in the configuration. */
export interface RecoveryEffects {
  /** Ask a secondary what it holds, without or with a prepare; exactly one outcome follows. */
  poll(secondary: number, prepare: Prepare | null): void;
  /** Fetch its log from the entry `from` on; frames and one outcome come back with the number `fetch`. */
  fetchLog(secondary: number, fetch: number, from: number): void;
  /** The attempt failed: call `begin` again later. */
  retryLater(reason: string): void;
  /** The log is here; the master writes it under this ballot. */
  recovered(prepare: Prepare, adopted: Adopted): void;
  logEvent(event: LogEvent): void;
}

type Stage = 'waiting' | 'polling' | 'preparing' | 'fetching' | 'over';

const DISK_FULL = 'the disk is full';
const ANOTHER_STARTS = 'another master is starting';

export class Recovery {
  readonly #config: RecoveryConfig;
  readonly #replica: Replica;
  readonly #applier: Applier;
  readonly #effects: RecoveryEffects;
  #stage: Stage = 'waiting';
  /** By secondary: its answer in this round. */
  readonly #answers = new Map<number, Heartbeat>();
  /** Who has not answered yet in this round. */
  readonly #asked = new Set<number>();
  /** Who was found to be down in this attempt. */
  readonly #down = new Set<number>();
  /** By secondary: its answer to the poll. Only the incarnation that gave it is asked for a promise. */
  readonly #polled = new Map<number, Heartbeat>();
  #prepare: Prepare | null = null;
  /** The newest ballot that was prepared or met. A node that heard it may have forgotten it; this one has not. */
  #met: Ballot = NO_BALLOT;
  #best: Candidate | null = null;
  #adopted: Adopted | null = null;
  /** Whether our log was compared with the one that is being fetched. */
  #isCompared = false;
  #fetch = 0;
  /** The first seq of the running fetch. */
  #from = 1;

  constructor(
    config: RecoveryConfig,
    replica: Replica,
    applier: Applier,
    effects: RecoveryEffects,
  ) {
    this.#config = config;
    this.#replica = replica;
    this.#applier = applier;
    this.#effects = effects;
  }

  /** What the secondaries said last, by index. */
  get answers(): ReadonlyMap<number, Heartbeat> {
    return this.#answers;
  }

  /** Begins an attempt. */
  begin(): void {
    this.#prepare = null;
    this.#down.clear();
    this.#polled.clear();
    this.#ask('polling', [...this.#config.secondaries.keys()]);
  }

  /** A secondary has said what it holds. */
  answered(secondary: number, answer: Heartbeat): void {
    if (!this.#asked.delete(secondary)) return;
    this.#answers.set(secondary, answer);
    this.#concludeRound();
  }

  /** It did not answer, or with nonsense. `isDown`: no process is there that could answer. */
  failed(secondary: number, isDown: boolean): void {
    if (!this.#asked.delete(secondary)) return;
    if (isDown) this.#down.add(secondary);
    this.#concludeRound();
  }

  /** A part of the log that is being fetched. Returns whether to go on. */
  fetched(fetch: number, frame: Frame): boolean {
    if (fetch !== this.#fetch || this.#stage !== 'fetching') return false;
    const { from, messages } = frame;
    const problem = this.#problemOfSource(frame);
    if (problem !== null) {
      this.#retryLater(problem);
      return false;
    }
    const epochs = this.#applier.epochsIn(frame);
    const shared = epochs === null || from !== this.#from ? from : this.#replica.sharedWith(epochs);
    if (shared < from - 1) {
      // The two logs part before the place where the fetch began: begin it there.
      this.#startFetch(shared + 1);
      return false;
    }
    const refusal = this.#applier.take(this.#asOurs(frame));
    if (refusal !== null) {
      this.#retryLater(`the log of a secondary cannot be taken in: ${refusal.problem}`);
      return false;
    }
    this.#isCompared = !frame.part?.hasMore;
    if (this.#replica.log.length >= from + messages.ends.length - 1) return true;
    this.#retryLater('the secondary has left out a part of its log');
    return false;
  }

  /** The fetch is over; `reason` says why it broke, null if it was complete. */
  fetchOver(fetch: number, reason: string | null): void {
    if (fetch !== this.#fetch || this.#stage !== 'fetching') return;
    const best = this.#best as Candidate;
    if (this.#isCompared && this.#replica.log.length >= best.length) this.#takeOver();
    else this.#retryLater(reason ?? 'the secondary has sent less than it holds');
  }

  /** A fetch ends when its source promises a newer ballot, or is another incarnation than the one that promised. */
  #problemOfSource(frame: Frame): string | null {
    const { secondary } = this.#best as Candidate & { secondary: number };
    const isSame =
      frame.bootId === undefined || frame.bootId === this.#polled.get(secondary)?.bootId;
    if (!isSame) return `${this.#nameOf(secondary)} has restarted`;
    return compareBallots(frame, this.#prepare as Prepare) > 0 ? ANOTHER_STARTS : null;
  }

  /** The fetched frame for our own applier. A frame without a writer gets our ballot: its source may know no promises. */
  #asOurs({ bootId: _, ...frame }: Frame): Frame {
    const { epoch, writer } = this.#prepare as Prepare;
    return frame.writer === '' ? { ...frame, epoch, writer } : frame;
  }

  // --- rounds ----------------------------------------------------------------------------------

  #ask(stage: Stage, secondaries: readonly number[]): void {
    this.#stage = stage;
    this.#answers.clear();
    for (const secondary of secondaries) this.#asked.add(secondary);
    for (const secondary of secondaries) this.#effects.poll(secondary, this.#prepare);
    if (secondaries.length === 0) this.#concludeRound();
  }

  #concludeRound(): void {
    if (this.#asked.size > 0 && !this.#isDecided()) return;
    this.#asked.clear();
    if (this.#stage === 'polling') this.#concludePoll();
    else this.#concludePrepare();
  }

  /** Whether the answers of an election are enough without those that are missing: who is silent delays nobody. */
  #isDecided(): boolean {
    if (!this.#config.isElection) return false;
    const prepare = this.#stage === 'preparing' ? this.#prepare : null;
    const valid = [...this.#answers].filter(
      ([secondary, answer]) => prepare === null || !this.#isOld(secondary, answer, prepare),
    );
    const answers = new Map(valid);
    return this.#verdict(answers, bestLog(this.#replica, answers)).rule !== null;
  }

  /** Whether these answers are enough to go on with this log. */
  #verdict(answers: ReadonlyMap<number, Heartbeat>, best: Candidate | null): Verdict {
    const members = this.#members(answers);
    const { isElection, needsQuorum } = this.#config;
    if (isElection) return mayBeElected(members, logIdOf(best));
    return mayTakeOver(members, logIdOf(best), needsQuorum);
  }

  /** Prepares only if that can be enough, so that no epochs are used up while it waits. */
  #concludePoll(): void {
    const best = bestLog(this.#replica, this.#answers);
    const logId = logIdOf(best);
    const verdict = this.#verdict(this.#answers, best);
    if (verdict.rule === null) this.#retryLater(verdict.reason);
    else this.#beginPrepare(logId ?? this.#nameHeard() ?? this.#config.newLogId);
  }

  /** Promises the next epoch of this log, durably where there is a disk, and asks the others to. */
  #beginPrepare(logId: string): void {
    // Every attempt has a ballot of its own, so that answers to an earlier one are not taken for answers to this one.
    let seen = newerBallot(this.#replica.ballot, this.#met);
    for (const [secondary, answer] of this.#answers) {
      this.#polled.set(secondary, answer);
      const other = logOf(answer);
      if (other === null || other === logId) seen = newerBallot(seen, ballotOf(answer));
    }
    const prepare = { logId, ...nextBallot(seen, this.#config.writer) };
    this.#prepare = prepare;
    this.#met = prepare;
    if (this.#promiseOwn(prepare)) this.#ask('preparing', [...this.#answers.keys()]);
    else this.#retryLater(DISK_FULL);
  }

  /** "A new epoch, promised by itself first, durably where there is a disk." False if there is no room. */
  #promiseOwn(prepare: Prepare): boolean {
    const replica = this.#replica;
    const isElsewhere = !replica.hasLog && replica.logId !== prepare.logId;
    if (isElsewhere && !replica.begin(prepare.logId)) return false;
    this.#applier.lead(prepare);
    return compareBallots(replica.durableBallot, prepare) === 0;
  }

  /** Takes the best log of all answers, if they are enough. */
  #concludePrepare(): void {
    const prepare = this.#prepare as Prepare;
    const isOutbid = this.#forgetOldAnswers(prepare);
    const best = bestLog(this.#replica, this.#answers);
    const verdict = this.#verdict(this.#answers, best);
    const isAnother = best !== null && best.logId !== prepare.logId;
    if (isOutbid || isAnother) this.#retryLater(ANOTHER_STARTS);
    else if (verdict.rule === null) this.#retryLater(verdict.reason);
    else {
      this.#adopted = this.#adoptedFrom(best, verdict.rule, this.#members(this.#answers));
      this.#adopt(best);
    }
  }

  /** Forgets answers that may not stay true. Returns whether somebody has promised a newer ballot than ours. */
  #forgetOldAnswers(prepare: Prepare): boolean {
    let isOutbid = false;
    for (const [secondary, answer] of this.#answers) {
      if (this.#isOld(secondary, answer, prepare)) this.#answers.delete(secondary);
      else if (!isForeign(answer, prepare) && compareBallots(ballotOf(answer), prepare) > 0) {
        this.#met = newerBallot(this.#met, ballotOf(answer));
        isOutbid = true;
      }
    }
    return isOutbid;
  }

  /** Whether it may still listen to older masters, or is another incarnation than the one that we asked. */
  #isOld(secondary: number, answer: Heartbeat, prepare: Prepare): boolean {
    return answer.bootId !== this.#polled.get(secondary)?.bootId || isDeaf(answer, prepare);
  }

  #adopt(best: Candidate | null): void {
    const { logId } = this.#prepare as Prepare;
    if (this.#replica.logId !== logId && !this.#joinLog(logId)) return;
    this.#best = best;
    if (best === null || best.secondary === null) {
      this.#takeOver();
      return;
    }
    this.#stage = 'fetching';
    this.#isCompared = false;
    this.#startFetch(Math.min(this.#replica.log.length, best.length) + 1);
  }

  #adoptedFrom(best: Candidate | null, rule: string, members: readonly Member[]): Adopted {
    const from = best?.secondary == null ? this.#config.nodeId : this.#nameOf(best.secondary);
    const answered = members.filter(({ state }) => state === 'answered');
    const logId = logIdOf(best);
    const isWhole = (one: Member) => one.isComplete && one.logId === logId;
    return {
      adoptedFrom: best === null || best.length === 0 ? null : from,
      rule,
      answered: answered.slice(1).map(({ id }) => id),
      incomplete: answered.filter((one) => !isWhole(one)).map(({ id }) => id),
      unanswered: members.filter(({ state }) => state !== 'answered').map(({ id }) => id),
    };
  }

  #startFetch(from: number): void {
    const { secondary } = this.#best as Candidate & { secondary: number };
    this.#fetch += 1;
    this.#from = from;
    this.#effects.fetchLog(secondary, this.#fetch, from);
  }

  /** This node first, then the secondaries in their order. */
  #members(answers: ReadonlyMap<number, Heartbeat>): Member[] {
    const { nodeId, secondaries } = this.#config;
    const { logId, hasLog, isComplete } = this.#replica;
    const own = {
      id: nodeId,
      state: 'answered',
      logId: hasLog ? logId : null,
      isComplete,
    } as const;
    const others = secondaries.map((id, index): Member => {
      const answer = answers.get(index);
      const isAway = answer === undefined;
      // A node that had a log when it was polled counts as silent when it goes down: no other log takes its place.
      const polled = this.#polled.get(index);
      const isDown = this.#down.has(index) && (polled === undefined || logOf(polled) === null);
      const state = isAway ? (isDown ? 'down' : 'silent') : 'answered';
      return {
        id,
        state,
        logId: isAway ? null : logOf(answer),
        isComplete: answer?.prepareReply?.isComplete ?? false,
      };
    });
    return [own, ...others];
  }

  /** The name of a log that never began, if somebody has heard of one; all masters that start must take the same name. */
  #nameHeard(): string | null {
    const names = [this.#replica.logId, ...[...this.#answers.values()].map(({ logId }) => logId)];
    return names.filter((name) => name !== null).sort()[0] ?? null;
  }

  #joinLog(logId: string): boolean {
    const { logId: other, log } = this.#replica;
    const fields = { logId: other, length: log.length, adopted: logId };
    this.#effects.logEvent({ level: 'warn', event: 'own-log-set-aside', fields });
    if (this.#replica.begin(logId)) return true;
    this.#retryLater(DISK_FULL);
    return false;
  }

  /** "Whoever takes over is complete": the mark first, then the flag. */
  #takeOver(): void {
    const prepare = this.#prepare as Prepare;
    if (!this.#replica.beginEpoch(prepare) || !this.#replica.becomeComplete()) {
      this.#retryLater(DISK_FULL);
      return;
    }
    this.#stage = 'over';
    this.#effects.recovered(prepare, this.#adopted as Adopted);
  }

  #nameOf(secondary: number): string {
    return this.#config.secondaries[secondary] as string;
  }

  #retryLater(reason: string): void {
    this.#stage = 'waiting';
    this.#fetch += 1;
    this.#effects.retryLater(reason);
  }
}
