/**
 * A machine that runs a master, and its end of the network: streams that behave like TCP (in
 * order, until they break or hang), heartbeats and fetches that get one outcome each.
 */
import assert from 'node:assert/strict';
import { Master, type MasterEffects } from '../../src/lib/core/master.ts';
import type {
  Ack,
  Claim,
  Frame,
  Heartbeat,
  HeartbeatRequest,
  StreamStart,
} from '../../src/lib/core/protocol.ts';
import type { Ballot } from '../../src/lib/core/recovery/ballot.ts';
import type { Note } from '../../src/lib/core/refusal.ts';
import { LINGER, type Linger } from '../../src/lib/core/replication/linger.ts';
import type { SecondaryHealth } from '../../src/lib/core/replication/peer.ts';
import type { FrameAnswer } from '../../src/lib/core/secondary.ts';
import { FRAME_EPOCHS_MAX, frameOf } from './frames.ts';
import { Host } from './host.ts';
import { isNewer } from './oracle.ts';
import type { SecondaryHost } from './secondary-host.ts';

export const TIMES = {
  heartbeatIntervalMs: 1000,
  heartbeatTimeoutMs: 1000,
  unhealthyAfterMisses: 3,
  replicationTimeoutMs: 3000,
  recoveryTimeoutMs: 1000,
  backoffMaxMs: 2000,
} as const;
export const WAITING_MAX = 20;
const FRAME_BYTES_MAX = 64;

const AT_ONCE: Linger = { awaitedMs: 0, unawaitedMs: 0 };
const NOTHING: Own = {
  logId: null,
  newest: { epoch: 0, writer: null },
  length: 0,
  isComplete: false,
};

/** What a master had of its own when it began to ask. */
interface Own {
  /** Which log; null if it had none. */
  readonly logId: string | null;
  readonly newest: Ballot;
  readonly length: number;
  readonly isComplete: boolean;
}

interface Link {
  readonly host: SecondaryHost;
  readonly stream: number;
  readonly masterLife: number;
  readonly secondaryLife: number;
  isBroken: boolean;
  /** The master has turned away from it; what is on its way to the master arrives all the same. */
  isDropped: boolean;
  /** Nothing passes any more, and nobody says so. */
  isHung: boolean;
  /** When the last thing sent in each direction arrives: nothing overtakes it. */
  toSecondaryAt: number;
  toMasterAt: number;
  /** Frames without an answer. */
  unanswered: number;
}

/** What this life of the master was told of a secondary: the dumb twin of what it should know. */
export interface Told {
  life: string;
  lives: number;
  length: number;
}

export class MasterHost extends Host implements MasterEffects {
  core!: Master;
  writer = '';
  told: Told[] = [];
  /** What each secondary said last while this life was recovering. */
  surveyed: (Heartbeat | undefined)[] = [];
  /** When each secondary last answered a heartbeat, on the world's clock. */
  answeredAt: number[] = [];
  /** How many heartbeats in a row each secondary has missed, as far as one can tell from outside. */
  misses: number[] = [];
  /** Whether it was told of a newer master, in so many words. */
  hasMetNewer = false;
  /** Until when its own pauses and jumps excuse it from judging others in time. */
  excusedUntil = 0;
  /** Whether some address has led it to another machine. */
  wasAstray = false;
  links: (Link | null)[] = [];
  /** What it claimed last in this life. */
  claimed: Claim | null = null;
  own: Own = NOTHING;
  /** Whether its last question, while it recovers, was one of a poll. */
  isPolling = false;
  /** Who has refused the last question of this attempt to recover: nobody is there. */
  refused: boolean[] = [];
  /** How often this machine's masters have met a new life of a secondary. */
  restartsSeen = 0;

  protected boot(): void {
    const { weather, secondaries } = this.world;
    this.writer = `${this.id}/${this.life}`;
    this.told = secondaries.map(() => ({ life: '', lives: 0, length: 0 }));
    this.answeredAt = secondaries.map(() => Number.NEGATIVE_INFINITY);
    this.misses = secondaries.map(() => Number.POSITIVE_INFINITY);
    this.hasMetNewer = false;
    this.wasAstray = false;
    this.claimed = null;
    this.own = NOTHING;
    this.links = secondaries.map(() => null);
    this.surveyed = [];
    this.refused = [];
    this.world.history.promise.masterStarts(this);
    const { journal, kept } = this.openDisk(() => this.core.synced());
    const config = {
      nodeId: this.id,
      writer: this.writer,
      newLogId: `log-of-${this.writer}`,
      recoveryTimeoutMs: TIMES.recoveryTimeoutMs,
      secondaries: secondaries.map(({ id }) => ({ id, url: '' })),
      quorumAppend: weather.quorumAppend,
      heartbeat: { intervalMs: TIMES.heartbeatIntervalMs, timeoutMs: TIMES.heartbeatTimeoutMs },
      failureDetector: {
        suspectedAfterMisses: 1,
        unhealthyAfterMisses: TIMES.unhealthyAfterMisses,
      },
      replicationTimeoutMs: TIMES.replicationTimeoutMs,
      backoffBaseMs: 50,
      backoffMaxMs: TIMES.backoffMaxMs,
      logBytesMax: 0,
      waitingMax: WAITING_MAX,
      frameBytesMax: FRAME_BYTES_MAX,
      frameEpochsMax: FRAME_EPOCHS_MAX,
      linger: this.world.lingers ? LINGER : AT_ONCE,
    };
    this.core = new Master(config, this, journal, kept);
  }

  protected tick(): void {
    this.core.tick(this.clock, this.world.random);
  }

  protected nextWakeAt(): number {
    return this.core.nextWakeAt();
  }

  crash(isWiped: boolean): void {
    this.isUp = false;
    const kept = this.crashDisk(isWiped);
    const isForgetful = this.world.weather.disk === 'never';
    if (isForgetful && kept !== null && kept < this.core.length) this.memory += 1;
    this.world.say(`${this.id}: crashes at length ${this.core.length}, epoch ${this.core.epoch}`);
    this.world.onCrash(this);
  }

  // --- streams -------------------------------------------------------------------------------

  openStream(secondary: number, stream: number): void {
    const host = this.world.at(this, secondary);
    const at = this.world.now + this.world.latency();
    const link: Link = {
      host,
      stream,
      masterLife: this.life,
      secondaryLife: host.life,
      isBroken: false,
      isDropped: false,
      isHung: !this.world.passes(this, host) || this.world.isGray(this, host),
      toSecondaryAt: at,
      toMasterAt: at,
      unanswered: 0,
    };
    this.links[secondary] = link;
    if (!host.isUp && !link.isHung) this.#break(secondary, link, 'refused', null);
  }

  sendFrame(secondary: number, from: number, to: number, start: StreamStart | null): void {
    const { world } = this;
    const link = this.links[secondary] as Link;
    const { host } = link;
    const { epochs = null, part, ...addressee } = start ?? {};
    const { claim, committed } = this.core;
    const origin = { ...(claim as Claim), ...addressee, committed };
    const frame = frameOf(this.core, origin, epochs, from, to, part);
    const livesWhenAsked = (this.told[secondary] as Told).lives;
    link.unanswered += 1;
    if (world.chance('hangRate') || !world.passes(this, host)) link.isHung = true;
    if (world.chance('breakRate')) this.#break(secondary, link, 'reset', null);
    if (world.chance('replayRate')) world.replay(host, frame);
    if (link.isBroken || link.isHung) return;
    link.toSecondaryAt = Math.max(world.now + world.latency(), link.toSecondaryAt);
    const life = host.life;
    host.later(link.toSecondaryAt - world.now, () => {
      if (host.life !== life || link.secondaryLife !== life) return;
      host.receive(frame, (answer) => {
        this.#answered(secondary, link, frame, answer, livesWhenAsked);
      });
    });
  }

  closeStream(secondary: number): void {
    this.links[secondary] = null;
  }

  abortStream(secondary: number): void {
    const link = this.links[secondary];
    if (link) link.isDropped = true;
    if (link) link.isBroken = true;
    this.links[secondary] = null;
  }

  /** The secondary's end of the stream has an answer. */
  #answered(
    secondary: number,
    link: Link,
    frame: Frame,
    answer: FrameAnswer,
    livesWhenAsked: number,
  ): void {
    const { world } = this;
    const { host } = link;
    if (answer.kind === 'ack') world.history.acked(host, frame, answer.ack);
    if (link.isBroken || link.isHung || this.life !== link.masterLife) return;
    if (host.life !== link.secondaryLife) return;
    if (!world.passes(host, this)) {
      link.isHung = true;
      return;
    }
    if (answer.kind === 'refused') {
      const staleBy = answer.problem === 'stale-epoch' ? answer.epoch : null;
      const isRestarted = answer.problem === 'boot-mismatch';
      this.#break(secondary, link, answer.problem, staleBy, isRestarted);
      return;
    }
    if (world.chance('ackLossRate')) {
      this.#break(secondary, link, 'the ack is lost', null);
      return;
    }
    link.toMasterAt = Math.max(world.now + world.latency(), link.toMasterAt);
    this.later(link.toMasterAt - world.now, () => {
      if (link.isBroken && !link.isDropped) return;
      if (world.mischief(0.02)) this.#tellOtherwise(secondary, link, answer.ack);
      this.#ackArrived(secondary, link, frame, answer.ack, livesWhenAsked);
    });
  }

  #ackArrived(secondary: number, link: Link, frame: Frame, ack: Ack, livesWhenAsked: number): void {
    link.unanswered -= 1;
    const told = this.told[secondary] as Told;
    const { restartsSeen } = this;
    // Before the whole list is there, nothing was compared, and no length counts.
    const length = frame.part?.hasMore ? 0 : ack.length;
    if (!link.isDropped) tell(told, ack.bootId, length, livesWhenAsked);
    this.world.say(`${this.id}: ack of ${ack.bootId}, length ${ack.length}`);
    const { random } = this.world;
    this.core.acked(secondary, link.stream, ack, this.clock, random());
    this.later(0, () => this.core.flush(this.clock));
    const hasLanded =
      !frame.part?.hasMore && ack.length >= frame.from + frame.messages.ends.length - 1;
    // A life that was not met before is worth an attempt, not a new backoff.
    const isNewLife = this.restartsSeen !== restartsSeen;
    if (!hasLanded || isNewLife || this.links[secondary] !== link || link.isBroken) return;
    const failures = this.core.secondaries(this.clock)[secondary]?.failures;
    assert.equal(failures, 0, `${this.id}: an ack that lands ends the count of failures`);
  }

  /** Something that looks like an ack but is none: for another log or epoch, or of too much. */
  #tellOtherwise(secondary: number, link: Link, ack: Ack): void {
    const { length } = this.core;
    const lies = [
      { ...ack, logId: 'another-log', length },
      { ...ack, epoch: ack.epoch - 1, length },
      { ...ack, length: length + 1 },
    ];
    const lie = lies[length % lies.length] as Ack;
    this.world.say(`${this.id}: told otherwise ${JSON.stringify(lie)}`);
    this.world.history.reached('told-otherwise');
    this.core.acked(secondary, link.stream, lie, this.clock, 0.5);
  }

  /** Ends the stream; the master hears of it, unless nothing reaches it. */
  #break(
    secondary: number,
    link: Link,
    reason: string,
    staleBy: number | null,
    isRestarted = false,
  ): void {
    if (link.isBroken || link.isHung || this.life !== link.masterLife) return;
    link.isBroken = true;
    this.later(this.world.latency(), () => {
      this.world.say(`${this.id}: stream with ${link.host.id} fails: ${reason}`);
      const { random } = this.world;
      if (staleBy !== null && !link.isDropped) this.hasMetNewer = true;
      const failure = { reason, staleBy, isRestarted };
      this.core.streamFailed(secondary, link.stream, failure, this.clock, random());
    });
  }

  /** The other end of a stream has crashed. */
  secondaryCrashed(host: SecondaryHost): void {
    if (!this.isUp) return;
    for (const [index, link] of this.links.entries()) {
      if (link?.host !== host) continue;
      if (this.world.passes(host, this)) this.#break(index, link, 'connection reset', null);
      else link.isHung = true;
    }
  }

  // --- heartbeats ------------------------------------------------------------------------------

  askHeartbeat(secondary: number, request: HeartbeatRequest, timeoutMs: number): void {
    const { world } = this;
    const { claim } = request;
    const host = this.core.claim !== null ? world.at(this, secondary) : this.#secondary(secondary);
    this.#checkClaim(claim);
    // Another attempt to recover begins with another survey.
    if (this.core.claim === null) this.isPolling = claim === null;
    if (claim === null && this.core.claim === null) {
      this.surveyed[secondary] = undefined;
      this.#noteOwn();
    }
    const livesWhenAsked = (this.told[secondary] as Told).lives;
    const { life } = this;
    let isOver = false;
    const miss = (reason: string, isDown: boolean) => {
      if (isOver) return;
      isOver = true;
      this.refused[secondary] = isDown;
      this.misses[secondary] = (this.misses[secondary] as number) + 1;
      this.core.heartbeatMissed(secondary, reason, isDown, this.clock);
    };
    this.later(timeoutMs, () => miss('no answer in time', false));
    if (world.chance('lossRate') || !world.passes(this, host)) return;
    if (!host.isUp) {
      this.later(world.latency(), () => miss('refused', true));
      return;
    }
    host.later(world.latency(), () => {
      const answer = host.heartbeat(request);
      if (!world.passes(host, this) || this.life !== life) return;
      this.later(world.latency(), () => {
        if (isOver) return;
        isOver = true;
        this.#heartbeatArrived(secondary, answer, claim, livesWhenAsked);
      });
    });
  }

  #noteOwn(): void {
    const { log, logId, isComplete } = this.core;
    const newest = log.epochs.at(-1);
    this.own = newest === undefined ? NOTHING : { logId, newest, length: log.length, isComplete };
  }

  /** Every attempt to recover claims an epoch of its own. */
  #checkClaim(claim: Claim | null): void {
    const { claimed } = this;
    if (claim === null || claim === claimed) return;
    const isHigher = claim.epoch > (claimed?.epoch ?? 0);
    // It may have begun it in an earlier attempt, and find it again at one who heard of that.
    const found = this.surveyed
      .map((said) => (hasLog(said) ? said.logId : null))
      .filter((logId) => logId !== null);
    const isOld = claimed?.logId === claim.logId || found.includes(claim.logId);
    const isBegun = claim.logId === `log-of-${this.writer}` && !isOld;
    const isNobodys = found.length === 0;
    assert(!isBegun || isNobodys, `${this.writer}: a log is begun only where nobody has one`);
    const seen = this.surveyed.map((said) => (said?.logId === claim.logId ? said.epoch : 0));
    const isNext = claim.epoch > Math.max(0, ...seen);
    assert(isNext, `${this.writer}: an epoch is claimed above all that were told of`);
    assert(isHigher, `${this.writer}: no epoch is claimed by two attempts; ${claim.epoch} is`);
    this.claimed = claim;
  }

  #heartbeatArrived(
    secondary: number,
    answer: Heartbeat,
    claim: Claim | null,
    livesWhenAsked: number,
  ): void {
    const isAgreed = claim !== null && answer.standing?.isAgreed === true;
    if (this.core.claim === null) this.surveyed[secondary] = answer;
    const counted = isAgreed && this.core.claim !== null ? answer.length : 0;
    tell(this.told[secondary] as Told, answer.bootId, counted, livesWhenAsked);
    const { logId, claim: written } = this.core;
    const isOurs = !hasLog(answer) || answer.logId === (written ?? claim)?.logId;
    if (isOurs || written === null) this.answeredAt[secondary] = this.world.now;
    const isNamed = answer.nodeId === this.#secondary(secondary).id;
    this.misses[secondary] = isOurs && isNamed ? 0 : Number.POSITIVE_INFINITY;
    const statusBefore = this.core.secondaries(this.clock)[secondary]?.status;
    this.core.heartbeatAnswered(secondary, answer, this.clock);
    if (written === null || answer.logId !== logId) return;
    const { epoch, standing } = answer;
    if (isNewer({ epoch, writer: standing?.writer ?? null }, written)) this.hasMetNewer = true;
    if (this.core.fencedBy !== null || this.wasAstray) return;
    const known = this.core.secondaries(this.clock)[secondary] as SecondaryHealth;
    const isRetried = known.lag === 0 || (known.nextAttemptInMs ?? 0) === 0;
    const isBack = statusBefore !== 'Healthy' && known.status === 'Healthy';
    assert(!isBack || isRetried, `${this.id}: who is back is pushed to at once`);
    const isKnown = isAgreed && (this.told[secondary] as Told).life === answer.bootId;
    const isRepaired = !isKnown || known.length >= answer.length;
    assert(isRepaired, `${this.id}: a heartbeat repairs a lost ack`);
  }

  // --- recovery --------------------------------------------------------------------------------

  fetchLog(secondary: number, fetch: number, from: number): void {
    const { world } = this;
    const host = this.#secondary(secondary);
    const { life } = this;
    let isOver = false;
    const end = (reason: string | null) => {
      if (isOver) return;
      isOver = true;
      this.core.fetchOver(fetch, reason, this.clock);
    };
    const part = (frames: Frame[]) => {
      if (this.life !== life) return;
      this.later(TIMES.recoveryTimeoutMs, () => end('nothing came in time'));
      if (world.chance('lossRate') || world.mischief(0.2)) return;
      if (!world.passes(host, this)) return;
      this.later(world.latency(), () => {
        if (isOver) return;
        const [frame, ...rest] = frames;
        if (frame === undefined) end(null);
        else if (!this.core.fetched(fetch, frame)) isOver = true;
        else part(rest);
      });
    };
    world.say(`${this.id}: fetches the log of ${host.id} from ${from}`);
    this.later(TIMES.recoveryTimeoutMs, () => end('nothing came in time'));
    if (!world.passes(this, host)) return;
    host.later(world.latency(), () => part(host.export(from)));
  }

  note(note: Note): void {
    this.world.noteOf(this.id)(note);
    if (note.event === 'secondary-restarted') this.restartsSeen += 1;
    const isWaiting =
      note.event === 'recovery-unfinished' && /not answer/.test(`${note.fields.reason}`);
    if (isWaiting && this.isPolling) this.world.history.waits(this);
    if (note.event === 'recovered') this.world.history.recovered(this, note.fields);
  }

  #secondary(index: number): SecondaryHost {
    return this.world.secondaries[index] as SecondaryHost;
  }
}

/** Whether a secondary says that it has taken a frame of some log. */
export function hasLog(said: Heartbeat | undefined): said is Heartbeat {
  return said !== undefined && (said.length > 0 || (said.standing?.lastEpoch ?? 0) > 0);
}

/** Notes what a master is about to learn. */
function tell(told: Told, bootId: string, length: number, livesWhenAsked: number): void {
  if (bootId === told.life) {
    told.length = Math.max(told.length, length);
  } else if (livesWhenAsked === told.lives) {
    told.life = bootId;
    told.lives += 1;
    told.length = length;
  }
}
