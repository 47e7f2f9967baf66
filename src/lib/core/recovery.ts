/**
 * How a starting master finds the log it goes on with. In plain words: ask every secondary what it
 * holds (the survey); when a quorum has answered, tell those who did which log and epoch it is going
 * to write (the claim), so that they listen to no older master from then on; of what they say then,
 * take the best log, fetch what is missing here, and write on from there.
 *
 * The best log is the one that is written on under the highest epoch, and of those the longest (the
 * rule of Raft and of Viewstamped Replication). Because of the claim nothing can be added behind our back to what a node has just said.
 */
import { type Ballot, compareBallots, NO_BALLOT, newerBallot, nextBallot } from './ballot.ts';
import type { Intake } from './intake.ts';
import type { Claim, Frame, Heartbeat } from './protocol.ts';
import type { Note } from './refusal.ts';
import type { Replica } from './replica.ts';

export interface RecoveryConfig {
  /** The name of a log that is begun where nobody has one. */
  readonly newLogId: string;
  /** The name of this life of the master. */
  readonly writer: string;
  /** How many nodes must have answered, the master included. */
  readonly nodesRequired: number;
}

/** What a recovery asks of the world. Secondaries are named by their index in the configuration. */
export interface RecoveryEffects {
  /** Ask what it holds, and make the claim if there is one; exactly one outcome follows. */
  survey(secondary: number, claim: Claim | null): void;
  /** Fetch its log from the entry `from` on; frames and one outcome come back with this number. */
  fetchLog(secondary: number, fetch: number, from: number): void;
  /** The attempt came to nothing: call `begin` again after a while. */
  rest(reason: string): void;
  /** The log is here, `from` a secondary or our own, and is to be written under this claim. */
  recovered(claim: Claim, from: number | null): void;
  note(note: Note): void;
}

type Stage = 'resting' | 'surveying' | 'claiming' | 'fetching' | 'over';

/** A log that could be gone on with; `secondary` is null for our own. */
interface Candidate {
  readonly secondary: number | null;
  readonly logId: string;
  /** The newest ballot of whose beginning it has everything. */
  readonly newest: Ballot;
  readonly length: number;
}

export class Recovery {
  readonly #config: RecoveryConfig;
  readonly #replica: Replica;
  readonly #intake: Intake;
  readonly #effects: RecoveryEffects;
  readonly #count: number;
  #stage: Stage = 'resting';
  /** By secondary: what it said in this round, and who has not said anything yet. */
  readonly #answers = new Map<number, Heartbeat>();
  readonly #asked = new Set<number>();
  /** Who held another log when it was asked first. */
  readonly #foreign = new Set<number>();
  /** Who has answered in this round, but does not count. */
  readonly #uncounted = new Set<number>();
  #claim: Claim | null = null;
  /** By log: the newest ballot that was claimed or met. Who heard it may have forgotten it, we have not. */
  readonly #met = new Map<string, Ballot>();
  #best: Candidate | null = null;
  /** Whether our log was compared with the one that is being fetched. */
  #isCompared = false;
  #fetch = 0;
  /** Where the fetch under way begins. */
  #from = 1;

  /** @param count how many secondaries are configured */
  constructor(
    config: RecoveryConfig,
    count: number,
    replica: Replica,
    intake: Intake,
    effects: RecoveryEffects,
  ) {
    this.#config = config;
    this.#count = count;
    this.#replica = replica;
    this.#intake = intake;
    this.#effects = effects;
  }

  /** Whether this secondary was one of those whose answers were counted. */
  isCounted(secondary: number): boolean {
    return this.#answers.has(secondary) && !this.#uncounted.has(secondary);
  }

  /** What the secondaries said last, by index. */
  get answers(): ReadonlyMap<number, Heartbeat> {
    return this.#answers;
  }

  /** Begins an attempt. */
  begin(): void {
    this.#claim = null;
    this.#ask(
      'surveying',
      Array.from({ length: this.#count }, (_, index) => index),
    );
  }

  /** A secondary has said what it holds. */
  answered(secondary: number, answer: Heartbeat): void {
    if (!this.#asked.delete(secondary)) return;
    this.#answers.set(secondary, answer);
    this.#concludeRound();
  }

  /** It has not, or nonsense. */
  failed(secondary: number): void {
    if (this.#asked.delete(secondary)) this.#concludeRound();
  }

  /** A part of the log that is being fetched. Returns whether to go on. */
  fetched(fetch: number, frame: Frame): boolean {
    if (fetch !== this.#fetch || this.#stage !== 'fetching') return false;
    const { from, messages } = frame;
    const epochs = this.#intake.epochsIn(frame);
    const shared = epochs === null || from !== this.#from ? from : this.#replica.sharedWith(epochs);
    if (shared < from - 1) {
      // The two logs part before the place where the fetch began: begin it there.
      this.#startFetch(shared + 1);
      return false;
    }
    const refusal = this.#intake.take(frame);
    if (refusal !== null) {
      this.#rest(`the log of a secondary cannot be taken in: ${refusal.problem}`);
      return false;
    }
    this.#isCompared = !frame.part?.hasMore;
    if (this.#replica.log.length >= from + messages.ends.length - 1) return true;
    this.#rest('the secondary has left out a part of its log');
    return false;
  }

  /** The fetch is over; `reason` says why it broke, null if it was complete. */
  fetchOver(fetch: number, reason: string | null): void {
    if (fetch !== this.#fetch || this.#stage !== 'fetching') return;
    const best = this.#best as Candidate;
    if (this.#isCompared && this.#replica.log.length >= best.length) this.#takeOver();
    else this.#rest(reason ?? 'the secondary has sent less than it holds');
  }

  // --- rounds ----------------------------------------------------------------------------------

  #ask(stage: Stage, secondaries: readonly number[]): void {
    this.#stage = stage;
    this.#answers.clear();
    this.#uncounted.clear();
    for (const secondary of secondaries) this.#asked.add(secondary);
    for (const secondary of secondaries) this.#effects.survey(secondary, this.#claim);
    if (secondaries.length === 0) this.#concludeRound();
  }

  #concludeRound(): void {
    if (this.#asked.size > 0) return;
    if (!this.#isQuorum()) return;
    if (this.#stage === 'surveying') this.#makeClaim();
    else this.#adoptBest();
  }

  #isQuorum(): boolean {
    const nodes = 1 + this.#answers.size - this.#uncounted.size;
    const { nodesRequired } = this.#config;
    if (nodes >= nodesRequired) return true;
    this.#rest(`${nodes} of ${nodesRequired} required nodes have answered, the master included`);
    return false;
  }

  /** Takes the next epoch of the best log there is, or begins one where nobody has any. */
  #makeClaim(): void {
    const { newLogId, writer } = this.#config;
    const logId = bestLog(this.#candidates()) ?? newLogId;
    let seen = this.#replica.logId === logId ? this.#replica.ballot : NO_BALLOT;
    // Who asks anew claims anew: what was said to the last claim must not be taken for this one's.
    seen = newerBallot(seen, this.#met.get(logId) ?? NO_BALLOT);
    this.#foreign.clear();
    for (const [secondary, answer] of this.#answers) {
      if (answer.logId === logId) seen = newerBallot(seen, ballotOf(answer));
      else if (answer.logId !== null) this.#foreign.add(secondary);
    }
    this.#claim = { logId, ...nextBallot(seen, writer) };
    this.#met.set(logId, this.#claim);
    this.#ask('claiming', [...this.#answers.keys()]);
  }

  #adoptBest(): void {
    const claim = this.#claim as Claim;
    for (const [secondary, answer] of this.#answers) {
      // One that holds another log cannot tell what became of this one; and one that has heard the
      // claim and could not take it in may hear others: what it says may not be so for long.
      const isForeign = isOfAnother(answer, claim) && this.#foreign.has(secondary);
      if (isForeign || isDeaf(answer, claim)) this.#uncounted.add(secondary);
      else if (isOfAnother(answer, claim) || compareBallots(ballotOf(answer), claim) > 0) {
        if (!isOfAnother(answer, claim)) this.#met.set(claim.logId, ballotOf(answer));
        this.#rest('another master is starting');
        return;
      }
    }
    if (!this.#isQuorum()) return;
    const candidates = this.#candidates().filter(({ logId }) => logId === claim.logId);
    const best = bestOf(candidates);
    if (this.#replica.logId !== claim.logId && !this.#begin(claim.logId)) return;
    this.#best = best?.length === 0 ? null : best;
    if (best === null || best.secondary === null || best.length === 0) {
      this.#takeOver();
      return;
    }
    this.#stage = 'fetching';
    this.#isCompared = false;
    this.#startFetch(Math.min(this.#replica.log.length, best.length) + 1);
  }

  #startFetch(from: number): void {
    const { secondary } = this.#best as Candidate & { secondary: number };
    this.#fetch += 1;
    this.#from = from;
    this.#effects.fetchLog(secondary, this.#fetch, from);
  }

  #candidates(): Candidate[] {
    const { logId, log, newest } = this.#replica;
    const candidates: Candidate[] = [];
    if (logId !== null) {
      candidates.push({ secondary: null, logId, newest, length: log.length });
    }
    for (const [secondary, answer] of this.#answers) {
      if (answer.logId === null) continue;
      const { length, epoch, standing } = answer;
      // An empty log has no newest entry, however many masters it has seen.
      const seen = { epoch: length === 0 ? 0 : epoch, writer: null };
      const newest =
        standing === null ? seen : { epoch: standing.lastEpoch, writer: standing.lastWriter };
      candidates.push({ secondary, logId: answer.logId, newest, length });
    }
    return candidates;
  }

  #begin(logId: string): boolean {
    const { logId: other, log } = this.#replica;
    if (other !== null) {
      const fields = { logId: other, length: log.length, adopted: logId };
      this.#effects.note({ level: 'warn', event: 'own-log-set-aside', fields });
    }
    if (this.#replica.begin(logId)) return true;
    this.#rest('the disk is full');
    return false;
  }

  #takeOver(): void {
    const claim = this.#claim as Claim;
    this.#replica.promise(claim);
    if (!this.#replica.beginEpoch(claim)) {
      this.#rest('the disk is full');
      return;
    }
    this.#stage = 'over';
    this.#effects.recovered(claim, this.#best?.secondary ?? null);
  }

  #rest(reason: string): void {
    this.#stage = 'resting';
    this.#fetch += 1;
    this.#effects.rest(reason);
  }
}

/** Which log to go on with, where there are several: that of the highest epoch, then the longest. */
function bestLog(candidates: readonly Candidate[]): string | null {
  const order = (a: Candidate, b: Candidate) =>
    b.newest.epoch - a.newest.epoch ||
    b.length - a.length ||
    // No better than each other: everybody who starts now must take the same.
    Number(a.logId > b.logId) - Number(a.logId < b.logId);
  return candidates.toSorted(order)[0]?.logId ?? null;
}

/** Who has the most of one log; of equals we ourselves, so that nothing need be fetched. */
function bestOf(candidates: readonly Candidate[]): Candidate | null {
  const rank = ({ secondary }: Candidate) => secondary ?? -1;
  const order = (a: Candidate, b: Candidate) =>
    compareBallots(b.newest, a.newest) || b.length - a.length || rank(a) - rank(b);
  return candidates.toSorted(order)[0] ?? null;
}

/** Whether the secondary has heard the claim and still listens to older masters. */
function isDeaf(answer: Heartbeat, claim: Claim): boolean {
  if (answer.standing === null || isOfAnother(answer, claim)) return false;
  return answer.logId === null || compareBallots(ballotOf(answer), claim) < 0;
}

function isOfAnother(answer: Heartbeat, claim: Claim): boolean {
  return answer.logId !== null && answer.logId !== claim.logId;
}

/** The newest ballot that a secondary has seen, as far as it says. */
export function ballotOf({ epoch, standing }: Heartbeat): Ballot {
  return { epoch, writer: standing?.writer ?? null };
}
