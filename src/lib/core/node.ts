/**
 * A node: one replica, and over it a secondary, a candidate or a master. Without `MEMBERS` its role is for good. A member
 * of a cluster that elects its master changes it: the secondary is there for as long as the node runs, and answers other
 * nodes; a candidate or a master is an object of its own, which is thrown away when that is over. A change of role is
 * one synchronous step; see docs/adr/0040.
 *
 *   secondary -> candidate   it has heard no master for long enough, or the master is gone, or has handed over
 *   candidate -> master      enough complete members have promised its ballot, and it has the best of their logs
 *   either    -> secondary   a newer ballot was met, too few answered, or no majority has answered for so long
 */
import { Election, type ElectionConfig, type KnownMaster } from './election/election.ts';
import { Handover, type HandoverEnd } from './election/handover.ts';
import { Applier } from './log/apply.ts';
import { Replica } from './log/replica.ts';
import { Master, type MasterConfig, type MasterEffects } from './master.ts';
import type { Frame, Heartbeat, HeartbeatRequest, Sender } from './protocol.ts';
import { type Ballot, compareBallots } from './recovery/ballot.ts';
import type { Refusal } from './refusal.ts';
import { Role } from './role.ts';
import { type FaultDraws, type Faults, type FrameAnswer, Secondary } from './secondary.ts';

export interface Member {
  readonly id: string;
  readonly url: string;
}

export interface NodeConfig {
  readonly nodeId: string;
  readonly bootId: string;
  /** The artificial faults of a secondary. */
  readonly faults: Faults;
  /** What it is configured with as a master; null for a secondary that never becomes one. */
  readonly master: Omit<MasterConfig, 'writer' | 'election' | 'handover' | 'isElection'> | null;
  /** Draws a name that no other candidacy has. */
  readonly drawWriter: () => string;
  /** Null: it has its role for good. */
  readonly election: MembersConfig | null;
}

export interface MembersConfig extends ElectionConfig {
  /** All members, this one included. */
  readonly members: readonly Member[];
  /** A digest of that list, by which two lists are compared. */
  readonly membersDigest: string;
}

/** What a node asks of its environment. What a master asks comes back to `master` as it is when it asks. */
export interface NodeEffects extends MasterEffects {
  /** Poll the member of this id; one `probed` follows. */
  probe(member: string): void;
}

/** What a member says of the master, for clients and people. */
export interface MasterFacts extends Member {
  readonly epoch: number;
}

/** Why a node stands. */
type Standing =
  | { readonly why: 'no-master' | 'accept-loss' }
  | { readonly why: 'handover'; readonly of: Ballot };

/** So many nodes with other lists are remembered; then all are news again. */
const STRANGERS_MAX = 100;

export class Node extends Role {
  readonly secondary: Secondary;
  readonly #config: NodeConfig;
  readonly #effects: NodeEffects;
  readonly #applier: Applier;
  readonly #election: Election | null;
  #master: Master | null = null;
  #handover: Handover | null = null;
  /** The ballot of the master by whose handover it stands; undefined if it does not. */
  #standsBy: Ballot | undefined;
  /** Who waits for the outcome of a candidacy that accepts the loss of entries. */
  #onAccepted: ((outcome: MasterFacts | string) => void) | null = null;
  /** The last time and random numbers that were given, for what follows from an event in the same step. */
  #now = 0;
  #random: () => number = () => 0.5;
  #lastFailure: string | null = null;
  #hasHeardMaster = false;
  readonly #elections = { won: 0, lost: 0 };
  readonly #handovers = { done: 0, failed: 0 };
  #withoutMs = 0;
  #lookedAt = 0;
  #isWithout = false;
  #isStopping = false;
  /** Nodes with another list of members that have asked: their names and lists. */
  readonly #strangers = new Set<string>();

  constructor(config: NodeConfig, effects: NodeEffects, replica = new Replica()) {
    super(replica);
    this.#config = config;
    this.#effects = effects;
    const logEvent = effects.logEvent.bind(effects);
    this.#applier = new Applier(replica, config.bootId, logEvent);
    this.secondary = new Secondary(config, logEvent, replica, this.#applier);
    this.#election = config.election && new Election(config.election);
    if (this.#election === null && config.master !== null) {
      const own = { ...config.master, writer: config.drawWriter() };
      this.#master = new Master(own, effects, replica, this.#applier);
    }
    // A log is begun as soon as all members answer.
    if (this.#beginsLog) this.#election?.gone(0, 0);
  }

  // --- what it is --------------------------------------------------------------------------------

  /** Its candidate or master; null while it is a secondary. */
  get master(): Master | null {
    return this.#master;
  }

  /** Its master while its role is that; null while it is a candidate or a secondary. */
  get activeMaster(): Master | null {
    return this.role === 'master' ? this.#master : null;
  }

  get role(): 'master' | 'secondary' | 'candidate' {
    if (this.#master === null) return 'secondary';
    return this.#election === null || this.#master.leadership !== null ? 'master' : 'candidate';
  }

  get length(): number {
    return this.role === 'master' ? this.log.length : this.secondary.length;
  }

  get bootId(): string {
    return this.#config.bootId;
  }

  /** All members, in a cluster that elects its master; null in others. */
  get members(): readonly Member[] | null {
    return this.#config.election?.members ?? null;
  }

  /** Whether a master was heard in this run, or this node was it. */
  get hasHeardMaster(): boolean {
    return this.#election === null ? this.secondary.hasHeardMaster : this.#hasHeardMaster;
  }

  /** Whether it is the master of a cluster that elects its master, and another member could take over. */
  get mayHandOver(): boolean {
    const isElected = this.#election !== null && this.role === 'master';
    return isElected && (this.#master as Master).hasSuccessor;
  }

  /** How often it was elected or not, and handed over or not, in this run. */
  get counts(): {
    readonly elections: { readonly won: number; readonly lost: number };
    readonly handovers: { readonly done: number; readonly failed: number };
  } {
    return { elections: { ...this.#elections }, handovers: { ...this.#handovers } };
  }

  /** How long it has known of no master in this run, in ms. */
  withoutMasterMs(now: number): number {
    this.#countWithout(now);
    return this.#withoutMs;
  }

  /** Adds the time since it was looked at last, if there was no master then. */
  #countWithout(now: number): void {
    if (this.#isWithout) this.#withoutMs += now - this.#lookedAt;
    this.#lookedAt = now;
    this.#isWithout = this.#election !== null && this.masterAt(now) === null;
  }

  /** Why it was not elected when it stood last, for people; null if it was, or did not stand. */
  get lastFailure(): string | null {
    return this.#lastFailure;
  }

  /** The master as far as this node knows; null if it knows of none. */
  masterAt(now: number): MasterFacts | null {
    if (this.role === 'master') return this.#factsOf(this.#config.nodeId, this.epoch);
    const known = this.#election?.masterAt(now) ?? null;
    return known && this.#factsOf(known.id, known.epoch);
  }

  #factsOf(id: string, epoch: number): MasterFacts {
    const url = this.members?.find((member) => member.id === id)?.url ?? '';
    return { id, url, epoch };
  }

  /** Whether appends wait for the end of a handover. */
  get isHandingOver(): boolean {
    return this.#handover !== null;
  }

  /** Why it takes no append now; null if it does. */
  writeRefusal(now: number): Refusal | null {
    const { activeMaster } = this;
    if (activeMaster !== null) return activeMaster.writeRefusal();
    if (this.#isStopping) return { kind: 'refused', problem: 'shutting-down' };
    return this.notMaster(now);
  }

  /** What a client is told that came with an append. */
  notMaster(now: number): Refusal {
    const master = this.masterAt(now);
    if (master === null)
      return { kind: 'refused', problem: 'no-master', reason: this.#lastFailure };
    return { kind: 'refused', problem: 'not-master', master };
  }

  // --- other nodes ---------------------------------------------------------------------------------

  /** Answers a heartbeat, a poll or a prepare; null if somebody asks who is no node. */
  heartbeat(
    request: HeartbeatRequest | null,
    now: number,
    random: () => number,
  ): Heartbeat | Refusal {
    this.#at(now, random);
    const { election } = this.#config;
    if (election === null) return this.secondary.heartbeat(request);
    const { membersDigest: members } = election;
    if (request === null) return { ...this.secondary.heartbeat(null), members };
    const refusal = this.#refuseStranger(request, election);
    if (refusal !== null) return refusal;
    const isLook = request.prepare === null && request.sender === undefined;
    const heard = isLook || request.isCandidate ? this.#heardInsteadOf(request) : null;
    if (heard !== null) {
      const poll = { ...request, prepare: null };
      const { id, epoch } = heard;
      return { ...this.secondary.heartbeat(poll), members, master: { id, epoch } };
    }
    const { prepare } = request;
    if (prepare !== null && this.#isFor(request)) this.#yieldTo(prepare, prepare.logId);
    const answer = this.secondary.heartbeat(request);
    const isPromised = prepare !== null && compareBallots(prepare, this.replica.ballot) === 0;
    if (isPromised && this.#isFor(request)) {
      // An older master is not listened to any more, so it is not the master for this node.
      if (request.isCandidate) this.#election?.promised(now, random());
      else this.#hear(request, prepare);
    }
    return { ...answer, members };
  }

  /** A node with another list of members, or a master without one, is refused. */
  #refuseStranger(
    { sender, prepare }: HeartbeatRequest,
    { members: all, membersDigest: members }: MembersConfig,
  ): Refusal | null {
    if (sender === undefined ? prepare === null : sender.members === members) return null;
    const list = all.map(({ id, url }) => `${id}=${url}`).join(',');
    const fields = { sender: sender?.id ?? null, theirs: sender?.members ?? null, ours: members };
    // It asks with every heartbeat, and is news once.
    const stranger = `${fields.sender} ${fields.theirs}`;
    const isKnown = this.#strangers.has(stranger);
    if (this.#strangers.size >= STRANGERS_MAX) this.#strangers.clear();
    this.#strangers.add(stranger);
    if (!isKnown) this.#effects.logEvent({ level: 'warn', event: 'members-mismatch', fields });
    return { kind: 'refused', problem: 'members-mismatch', members: list };
  }

  /** A prepare for another incarnation of this node changes nothing. */
  #isFor({ bootId }: HeartbeatRequest): boolean {
    return bootId === null || bootId === this.#config.bootId;
  }

  /** The master for whose sake a candidate is not listened to; null if it is. */
  #heardInsteadOf({ sender, handover }: HeartbeatRequest): KnownMaster | null {
    if (this.role === 'master') {
      const { leadership } = this.#master as Master;
      const own = { ...(leadership as Ballot), id: this.#config.nodeId, bootId: this.bootId };
      const isSuccessor = this.#handover?.isOfferedTo(sender?.id ?? null) === true;
      return isSuccessor && isSameBallot(handover, own) ? null : own;
    }
    const known = this.#election?.masterAt(this.#now) ?? null;
    if (known === null || isSameBallot(handover, known)) return null;
    // Another run of the master asks: it may have been started anew, or this has come late from a run before.
    const isAnotherRun = sender?.id === known.id && sender.bootId !== known.bootId;
    if (isAnotherRun) this.#election?.probeSoon(this.#now);
    return known;
  }

  /** A master of a newer ballot has come, or a candidate that is listened to: this node is a secondary then. */
  #yieldTo(ballot: Ballot, logId: string): void {
    if (this.#master === null || compareBallots(ballot, this.replica.ballot) <= 0) return;
    // A master of another log is refused.
    if (this.replica.hasLog && logId !== this.logId) return;
    this.#master.stepDown('it has met a newer ballot');
  }

  /** A heartbeat of a master: if this node listens to it, it is the master that is known. */
  #hear({ sender, handover }: HeartbeatRequest, prepare: Ballot): void {
    // A master that names no sender was refused.
    const { id, bootId } = sender as Sender;
    const { epoch, writer } = prepare;
    const before = this.#election?.masterAt(this.#now);
    this.#hearInTime({ id, bootId, epoch, writer });
    this.#lastFailure = null;
    this.#hasHeardMaster = true;
    this.#handover?.heard(this.#factsOf(id, epoch));
    if (before?.id !== id || before.epoch !== epoch) {
      const fields = { master: id, epoch };
      this.#effects.logEvent({ level: 'info', event: 'master-heard', fields });
    }
    const isSuccessor = isSameBallot(handover, prepare) && this.isComplete && this.#master === null;
    if (isSuccessor) this.#stand({ why: 'handover', of: prepare });
  }

  /** Who stands and hears a master before it has prepared stands no more, unless that master hands over to it. */
  #hearInTime(master: KnownMaster): void {
    if (!isSameBallot(this.#standsBy, master)) this.#master?.stepDown('it hears a master');
    this.#election?.heard(master, this.#now);
  }

  /** A frame arrived; see `Secondary.receive`. */
  receive(
    frame: Frame,
    draws: FaultDraws,
    now: number,
    onAnswer: (answer: FrameAnswer) => void,
  ): void {
    this.#now = now;
    if (this.#election === null) {
      this.secondary.receive(frame, draws, now, onAnswer);
      return;
    }
    const isForThis = frame.bootId === undefined || frame.bootId === this.#config.bootId;
    if (isForThis) this.#yieldTo(frame, frame.logId);
    this.secondary.receive(frame, draws, now, onAnswer);
    const isHeard = isForThis && isSameBallot(this.replica.ballot, frame);
    const known = isHeard ? this.#election.masterOf(frame) : null;
    if (known !== null) this.#hearInTime(known);
  }

  /** A stream of frames to this node has ended. */
  streamEnded(now: number): void {
    this.#election?.probeSoon(now);
  }

  /** The outcome of a probe: which run of the member answers, or whether nobody is there. */
  probed(
    member: string,
    outcome: { readonly bootId: string } | { readonly isDown: boolean },
    now: number,
    random: number,
  ): void {
    const election = this.#election as Election;
    const known = election.masterAt(now);
    if (known === null || known.id !== member) return;
    const isGone = 'bootId' in outcome ? outcome.bootId !== known.bootId : outcome.isDown;
    if (!isGone) return;
    this.#effects.logEvent({ level: 'warn', event: 'master-gone', fields: { master: member } });
    election.gone(now, random);
  }

  // --- roles ---------------------------------------------------------------------------------------

  #stand(standing: Standing): void {
    if (this.#isStopping) return;
    const { membersDigest: members, timeoutMs } = this.#config.election as MembersConfig;
    const isElection = standing.why !== 'accept-loss';
    const config: MasterConfig = {
      ...(this.#config.master as MasterConfig),
      writer: this.#config.drawWriter(),
      needsAdmission: true,
      election: { members, timeoutMs },
      isElection,
      quorumAppend: isElection,
      ...(standing.why === 'handover' ? { handover: standing.of } : {}),
    };
    const master: Master = new Master(config, this.#effects, this.replica, this.#applier, {
      tookOver: () => this.#tookOver(),
      over: (reason) => this.#over(master, reason),
    });
    this.#master = master;
    this.#standsBy = config.handover;
    master.tick(this.#now, this.#random);
  }

  #tookOver(): void {
    this.#election?.won();
    this.#elections.won += 1;
    this.#hasHeardMaster = true;
    this.#lastFailure = null;
    const { epoch } = this;
    this.#effects.logEvent({ level: 'info', event: 'elected', fields: { epoch } });
    this.#answerAccepted(this.#factsOf(this.#config.nodeId, epoch));
  }

  #over(master: Master, reason: string): void {
    const wasMaster = master.leadership !== null;
    this.#master = null;
    if (wasMaster) this.#handover?.steppedDown();
    const isNews = reason !== this.#lastFailure;
    this.#lastFailure = reason;
    if (!wasMaster) this.#elections.lost += 1;
    if (wasMaster) this.#election?.steppedDown(this.#now, this.#random());
    else this.#election?.lost(this.#now, this.#random(), !this.replica.hasLog);
    this.#effects.logEvent({
      level: wasMaster || isNews ? 'warn' : 'debug',
      event: wasMaster ? 'stepped-down' : 'not-elected',
      fields: { reason, epoch: this.epoch },
    });
    this.#answerAccepted(reason);
  }

  #answerAccepted(outcome: MasterFacts | string): void {
    const onAccepted = this.#onAccepted;
    this.#onAccepted = null;
    onAccepted?.(outcome);
  }

  /** Whether it may stand: a complete node, or the first member while it has no log. */
  get #mayStand(): boolean {
    return this.isComplete || this.#beginsLog;
  }

  /** One member alone begins a log where nobody has one, so that no two compete for it. */
  get #beginsLog(): boolean {
    const [first] = (this.members ?? []).map(({ id }) => id).sort();
    return !this.replica.hasLog && first === this.#config.nodeId;
  }

  /**
   * Takes over with those who answer, though acknowledged messages may be lost ("POST /recovery"). `onEnd` is called
   * once: with the master that this node is then, or a few words why it is not.
   */
  acceptLoss(now: number, random: () => number, onEnd: (end: MasterFacts | string) => void): void {
    this.#at(now, random);
    const master = this.masterAt(now);
    if (master !== null) {
      onEnd(`there is a master: ${master.id}`);
      return;
    }
    this.#master?.stepDown('it was told to accept the loss of messages');
    this.#onAccepted = onEnd;
    this.#effects.logEvent({ level: 'error', event: 'loss-accepted', fields: {} });
    this.#stand({ why: 'accept-loss' });
  }

  /**
   * The master hands over to another member; null for the best one. `onEnd` is called once: with the new master, or a
   * few words why there is none.
   */
  handOver(to: string | null, now: number, onEnd: (end: HandoverEnd) => void): void {
    this.#now = now;
    const master = this.#master;
    const { election } = this.#config;
    if (master === null || election === null || this.role !== 'master') {
      onEnd('this node is not the master');
      return;
    }
    if (this.#handover !== null) {
      onEnd('it is handing over already');
      return;
    }
    this.#handover = new Handover(master, to, now + election.timeoutMs, (end) => {
      this.#handover = null;
      master.withdrawHandover();
      this.#handovers[typeof end === 'string' ? 'failed' : 'done'] += 1;
      const level = typeof end === 'string' ? 'warn' : 'info';
      const fields = typeof end === 'string' ? { reason: end } : { to: end.id, epoch: end.epoch };
      this.#effects.logEvent({ level, event: 'handover-over', fields });
      onEnd(end);
    });
    this.#effects.logEvent({ level: 'info', event: 'handing-over', fields: { to } });
  }

  // --- time ------------------------------------------------------------------------------------------

  synced(): void {
    this.secondary.synced();
    this.#master?.synced();
  }

  tick(now: number, random: () => number): void {
    this.#at(now, random);
    this.secondary.tick(now);
    this.#master?.tick(now, random);
    this.#handover?.tick(now);
    this.#countWithout(now);
    if (this.#master === null && this.#election !== null) this.#elect(this.#election);
  }

  /** Stands if it is time, or probes the master. */
  #elect(election: Election): void {
    const now = this.#now;
    if (now >= election.standAt(now, this.#random)) {
      if (this.#mayStand) this.#stand({ why: 'no-master' });
      else election.lost(now, this.#random(), false);
      return;
    }
    const probed = election.takeProbe(now);
    if (probed !== null) this.#effects.probe(probed.id);
  }

  nextWakeAt(): number {
    const never = Number.POSITIVE_INFINITY;
    // A node that stops does not stand.
    const standsAt = this.#isStopping ? never : (this.#election?.nextWakeAt ?? never);
    const own = this.#master?.nextWakeAt() ?? standsAt;
    return Math.min(own, this.secondary.nextWakeAt(), this.#handover?.nextWakeAt ?? never);
  }

  /** It stands no more, and stops being the master after `graceMs`. */
  stop(now: number, graceMs: number): void {
    this.#isStopping = true;
    this.#master?.stop(now, graceMs);
  }

  /** Whether nothing is left to do before it stops. */
  get isDrained(): boolean {
    return this.activeMaster?.isDrained ?? true;
  }

  #at(now: number, random: () => number): void {
    this.#now = now;
    this.#random = random;
  }
}

function isSameBallot(a: Ballot | undefined, b: Ballot): boolean {
  return a !== undefined && compareBallots(a, b) === 0;
}
