/**
 * A machine that runs a master, and its end of the network: streams that behave like TCP (in
 * order, until they break or hang), heartbeats and fetches that get one outcome each.
 */

import { Replica } from '../../src/lib/core/log/replica.ts';
import { Master, type MasterEffects } from '../../src/lib/core/master.ts';
import type {
  Ack,
  Frame,
  Heartbeat,
  HeartbeatRequest,
  OutgoingFrame,
  Prepare,
} from '../../src/lib/core/protocol.ts';
import type { Ballot } from '../../src/lib/core/recovery/ballot.ts';
import type { LogEvent } from '../../src/lib/core/refusal.ts';
import { LINGER, type Linger } from '../../src/lib/core/replication/linger.ts';
import type { SecondaryHealth } from '../../src/lib/core/replication/peer-ports.ts';
import type { FrameAnswer } from '../../src/lib/core/secondary.ts';
import { FRAME_EPOCHS_MAX, frameOf } from './frames.ts';
import { Host } from './host.ts';
import { must, mustEqual } from './invariant-ids.ts';
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
  newest: { epoch: 0, writer: '' },
  length: 0,
  isComplete: false,
};

/** The log of a master when it began to ask others. */
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
  readonly masterIncarnation: number;
  readonly secondaryIncarnation: number;
  isBroken: boolean;
  /** Whether the master has ended it; what is on its way to the master still arrives. */
  isAborted: boolean;
  /** Whether it hangs: nothing passes, and no end learns of it. */
  isHung: boolean;
  /** When the last message in each direction arrives; none overtakes it. */
  toSecondaryAt: number;
  toMasterAt: number;
  /** Frames without an answer. */
  unanswered: number;
}

/** What this incarnation of the master has heard of a secondary: the model of what it should know. */
export interface Told {
  incarnation: string;
  incarnations: number;
  length: number;
}

export class MasterHost extends Host implements MasterEffects {
  core!: Master;
  writer = '';
  told: Told[] = [];
  /** What each secondary said last while this incarnation was recovering. */
  polled: (Heartbeat | undefined)[] = [];
  /** When each secondary last answered a heartbeat, on the simulation's clock. */
  answeredAt: number[] = [];
  /** How many heartbeats in a row each secondary has missed, as seen from outside. */
  misses: number[] = [];
  /** Whether an answer named a newer master to it. */
  hasMetNewer = false;
  /** Until when its own pauses and clock jumps excuse a late judgement of others. */
  excusedUntil = 0;
  /** Whether an address has led it to another machine. */
  wasAstray = false;
  links: (Link | null)[] = [];
  /** What it prepared last in this run. */
  prepared: Prepare | null = null;
  own: Own = NOTHING;
  /** Whether its last request, while it recovers, was a poll. */
  isPolling = false;
  /** The secondaries that were down at the last request of this attempt to recover. */
  refused: boolean[] = [];
  /** Whether the list of epochs of the log that is fetched has come. */
  #fetchCompared = false;
  /** How often this machine's masters have met a new incarnation of a secondary. */
  restartsSeen = 0;

  protected boot(): void {
    const { weather, secondaries } = this.simulation;
    this.writer = `${this.id}/${this.incarnation}`;
    this.told = secondaries.map(() => ({ incarnation: '', incarnations: 0, length: 0 }));
    this.answeredAt = secondaries.map(() => Number.NEGATIVE_INFINITY);
    this.misses = secondaries.map(() => Number.POSITIVE_INFINITY);
    this.hasMetNewer = false;
    this.wasAstray = false;
    this.prepared = null;
    this.own = NOTHING;
    this.links = secondaries.map(() => null);
    this.polled = [];
    this.refused = [];
    this.simulation.history.promise.masterStarts(this);
    const { journal, restored } = this.openDisk(() => this.core.synced());
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
      linger: this.simulation.lingers ? LINGER : AT_ONCE,
    };
    this.core = new Master(config, this, new Replica(journal, restored));
  }

  protected tick(): void {
    this.core.tick(this.clock, this.simulation.random);
  }

  protected nextWakeAt(): number {
    return this.core.nextWakeAt();
  }

  crash(isWiped: boolean): void {
    this.isUp = false;
    const restored = this.crashDisk(isWiped);
    const isForgetful = this.simulation.weather.disk === 'never';
    if (isForgetful && restored !== null && restored < this.core.length) this.memory += 1;
    this.simulation.say(
      `${this.id}: crashes at length ${this.core.length}, epoch ${this.core.epoch}`,
    );
    this.simulation.onCrash(this);
  }

  // --- streams -------------------------------------------------------------------------------

  openStream(secondary: number, stream: number): void {
    const host = this.simulation.at(this, secondary);
    const at = this.simulation.now + this.simulation.latency();
    const link: Link = {
      host,
      stream,
      masterIncarnation: this.incarnation,
      secondaryIncarnation: host.incarnation,
      isBroken: false,
      isAborted: false,
      isHung: !this.simulation.passes(this, host) || this.simulation.isGray(this, host),
      toSecondaryAt: at,
      toMasterAt: at,
      unanswered: 0,
    };
    this.links[secondary] = link;
    if (!host.isUp && !link.isHung) this.#break(secondary, link, 'refused', null);
  }

  sendFrame(secondary: number, outgoing: OutgoingFrame): void {
    const { simulation } = this;
    const link = this.links[secondary] as Link;
    const { host } = link;
    const { log, keys, from, to, epochs, part, ...origin } = outgoing;
    const frame = frameOf(
      { log, keys },
      origin,
      epochs,
      from,
      to,
      epochs === null ? undefined : part,
    );
    const incarnationsWhenAsked = (this.told[secondary] as Told).incarnations;
    link.unanswered += 1;
    if (simulation.chance('hangRate') || !simulation.passes(this, host)) link.isHung = true;
    if (simulation.chance('breakRate')) this.#break(secondary, link, 'reset', null);
    if (simulation.chance('replayRate')) simulation.replay(host, frame);
    if (link.isBroken || link.isHung) return;
    link.toSecondaryAt = Math.max(simulation.now + simulation.latency(), link.toSecondaryAt);
    const incarnation = host.incarnation;
    host.later(link.toSecondaryAt - simulation.now, () => {
      if (host.incarnation !== incarnation || link.secondaryIncarnation !== incarnation) return;
      host.receive(frame, (answer) => {
        this.#answered(secondary, link, frame, answer, incarnationsWhenAsked);
      });
    });
  }

  closeStream(secondary: number): void {
    this.links[secondary] = null;
  }

  abortStream(secondary: number): void {
    const link = this.links[secondary];
    if (link) link.isAborted = true;
    if (link) link.isBroken = true;
    this.links[secondary] = null;
  }

  /** The secondary has an answer for the stream. */
  #answered(
    secondary: number,
    link: Link,
    frame: Frame,
    answer: FrameAnswer,
    incarnationsWhenAsked: number,
  ): void {
    const { simulation } = this;
    const { host } = link;
    if (answer.kind === 'ack') simulation.history.acked(host, frame, answer.ack);
    if (link.isBroken || link.isHung || this.incarnation !== link.masterIncarnation) return;
    if (host.incarnation !== link.secondaryIncarnation) return;
    if (!simulation.passes(host, this)) {
      link.isHung = true;
      return;
    }
    if (answer.kind === 'refused') {
      const staleBy = answer.problem === 'stale-epoch' ? answer.epoch : null;
      const isRestarted = answer.problem === 'boot-mismatch';
      this.#break(secondary, link, answer.problem, staleBy, isRestarted);
      return;
    }
    if (simulation.chance('ackLossRate')) {
      this.#break(secondary, link, 'the ack is lost', null);
      return;
    }
    link.toMasterAt = Math.max(simulation.now + simulation.latency(), link.toMasterAt);
    this.later(link.toMasterAt - simulation.now, () => {
      if (link.isBroken && !link.isAborted) return;
      if (simulation.mischief(0.02)) this.#tellOtherwise(secondary, link, answer.ack);
      this.#ackArrived(secondary, link, frame, answer.ack, incarnationsWhenAsked);
    });
  }

  #ackArrived(
    secondary: number,
    link: Link,
    frame: Frame,
    ack: Ack,
    incarnationsWhenAsked: number,
  ): void {
    link.unanswered -= 1;
    const told = this.told[secondary] as Told;
    const { restartsSeen } = this;
    // Before the whole list has come, nothing was compared, and no length counts.
    const length = frame.part?.hasMore ? 0 : ack.length;
    if (!link.isAborted) tell(told, ack.bootId, length, incarnationsWhenAsked);
    this.simulation.say(`${this.id}: ack of ${ack.bootId}, length ${ack.length}`);
    const { random } = this.simulation;
    this.core.acked(secondary, link.stream, ack, this.clock, random());
    this.later(0, () => this.core.flush(this.clock));
    const hasLanded =
      !frame.part?.hasMore && ack.length >= frame.from + frame.messages.ends.length - 1;
    // A new incarnation gets an attempt at once instead of a backoff.
    const isNewIncarnation = this.restartsSeen !== restartsSeen;
    if (!hasLanded || isNewIncarnation || this.links[secondary] !== link || link.isBroken) return;
    const failures = this.core.secondaries(this.clock)[secondary]?.failures;
    mustEqual(
      'retried-in-time',
      failures,
      0,
      `${this.id}: an ack that lands ends the count of failures`,
    );
  }

  /** A false ack: for another log or epoch, or with too large a length. */
  #tellOtherwise(secondary: number, link: Link, ack: Ack): void {
    const { length } = this.core;
    const lies = [
      { ...ack, logId: 'another-log', length },
      { ...ack, epoch: ack.epoch - 1, length },
      { ...ack, length: length + 1 },
    ];
    const lie = lies[length % lies.length] as Ack;
    this.simulation.say(`${this.id}: told otherwise ${JSON.stringify(lie)}`);
    this.simulation.history.reached('told-otherwise');
    this.core.acked(secondary, link.stream, lie, this.clock, 0.5);
  }

  /** Ends the stream; the master learns of it unless its network is cut. */
  #break(
    secondary: number,
    link: Link,
    reason: string,
    staleBy: number | null,
    isRestarted = false,
  ): void {
    if (link.isBroken || link.isHung || this.incarnation !== link.masterIncarnation) return;
    link.isBroken = true;
    this.later(this.simulation.latency(), () => {
      this.simulation.say(`${this.id}: stream with ${link.host.id} fails: ${reason}`);
      const { random } = this.simulation;
      if (staleBy !== null && !link.isAborted) this.hasMetNewer = true;
      const failure = { reason, staleBy, isRestarted };
      this.core.streamFailed(secondary, link.stream, failure, this.clock, random());
    });
  }

  /** The other end of a stream has crashed. */
  secondaryCrashed(host: SecondaryHost): void {
    if (!this.isUp) return;
    for (const [index, link] of this.links.entries()) {
      if (link?.host !== host) continue;
      if (this.simulation.passes(host, this)) this.#break(index, link, 'connection reset', null);
      else link.isHung = true;
    }
  }

  // --- heartbeats ------------------------------------------------------------------------------

  askHeartbeat(secondary: number, request: HeartbeatRequest, timeoutMs: number): void {
    const { simulation } = this;
    const { prepare } = request;
    const host =
      this.core.leadership !== null ? simulation.at(this, secondary) : this.#secondary(secondary);
    this.#checkPrepare(prepare);
    // Another attempt to recover begins with another poll.
    if (this.core.leadership === null) this.isPolling = prepare === null;
    if (prepare === null && this.core.leadership === null) {
      this.polled[secondary] = undefined;
      this.#recordOwn();
    }
    const incarnationsWhenAsked = (this.told[secondary] as Told).incarnations;
    const { incarnation } = this;
    let isOver = false;
    const miss = (reason: string, isDown: boolean) => {
      if (isOver) return;
      isOver = true;
      this.refused[secondary] = isDown;
      this.misses[secondary] = (this.misses[secondary] as number) + 1;
      this.core.heartbeatMissed(secondary, reason, isDown, this.clock);
    };
    this.later(timeoutMs, () => miss('no answer in time', false));
    if (simulation.chance('lossRate') || !simulation.passes(this, host)) return;
    if (!host.isUp) {
      this.later(simulation.latency(), () => miss('refused', true));
      return;
    }
    host.later(simulation.latency(), () => {
      const answer = host.heartbeat(request);
      if (!simulation.passes(host, this) || this.incarnation !== incarnation) return;
      this.later(simulation.latency(), () => {
        if (isOver) return;
        isOver = true;
        this.#heartbeatArrived(secondary, answer, prepare, incarnationsWhenAsked);
      });
    });
  }

  #recordOwn(): void {
    const { log, logId, isComplete } = this.core;
    const newest = log.epochs.at(-1);
    this.own = newest === undefined ? NOTHING : { logId, newest, length: log.length, isComplete };
  }

  /** "A new epoch, promised by itself first, durably where there is a disk." */
  #checkOwnPromise(prepare: Prepare): void {
    if (this.simulation.weather.disk === 'none') return;
    const promised = this.disk.load()?.ballot;
    const isPromised = promised !== undefined && !isNewer(prepare, promised);
    must('promised-before-asked', isPromised, `${this.writer} asks for what it has not promised`);
  }

  /** Every attempt to recover prepares an epoch of its own. */
  #checkPrepare(prepare: Prepare | null): void {
    const { prepared } = this;
    if (prepare === null || prepare === prepared) return;
    this.#checkOwnPromise(prepare);
    this.#fetchCompared = false;
    this.simulation.history.prepares(this);
    const isHigher = prepare.epoch > (prepared?.epoch ?? 0);
    // It may have begun the log in an earlier attempt, and find it again at a node that heard of that.
    const found = this.polled
      .map((said) => (hasLog(said) ? said.logId : null))
      .filter((logId) => logId !== null);
    const isOld = prepared?.logId === prepare.logId || found.includes(prepare.logId);
    const isBegun = prepare.logId === `log-of-${this.writer}` && !isOld;
    const isNobodys = found.length === 0;
    must(
      'no-second-log',
      !isBegun || isNobodys,
      `${this.writer}: a log is begun only where nobody has one`,
    );
    const seen = this.polled.map((said) => (said?.logId === prepare.logId ? said.epoch : 0));
    const isNext = prepare.epoch > Math.max(0, ...seen);
    must(
      'epoch-is-new',
      isNext,
      `${this.writer}: an epoch is prepared above all that were told of`,
    );
    must(
      'epoch-is-new',
      isHigher,
      `${this.writer}: no epoch is prepared by two attempts; ${prepare.epoch} is`,
    );
    this.prepared = prepare;
  }

  #heartbeatArrived(
    secondary: number,
    answer: Heartbeat,
    prepare: Prepare | null,
    incarnationsWhenAsked: number,
  ): void {
    const isLogMatched = prepare !== null && answer.prepareReply?.isLogMatched === true;
    if (this.core.leadership === null) this.polled[secondary] = answer;
    const counted = isLogMatched && this.core.leadership !== null ? answer.length : 0;
    tell(this.told[secondary] as Told, answer.bootId, counted, incarnationsWhenAsked);
    const { logId, leadership: written } = this.core;
    const isOurs = !hasLog(answer) || answer.logId === (written ?? prepare)?.logId;
    if (isOurs || written === null) this.answeredAt[secondary] = this.simulation.now;
    const isNamed = answer.nodeId === this.#secondary(secondary).id;
    this.misses[secondary] = isOurs && isNamed ? 0 : Number.POSITIVE_INFINITY;
    const statusBefore = this.core.secondaries(this.clock)[secondary]?.status;
    this.core.heartbeatAnswered(secondary, answer, this.clock);
    if (written === null || answer.logId !== logId) return;
    const { epoch, prepareReply } = answer;
    if (isNewer({ epoch, writer: prepareReply?.writer ?? '' }, written)) this.hasMetNewer = true;
    if (this.core.fencedBy !== null || this.wasAstray) return;
    const known = this.core.secondaries(this.clock)[secondary] as SecondaryHealth;
    const isRetried = known.lag === 0 || (known.nextAttemptInMs ?? 0) === 0;
    const isBack = statusBefore !== 'Healthy' && known.status === 'Healthy';
    must('retried-in-time', !isBack || isRetried, `${this.id}: who is back is pushed to at once`);
    const isKnown = isLogMatched && (this.told[secondary] as Told).incarnation === answer.bootId;
    const isRepaired = !isKnown || known.length >= answer.length;
    must('retried-in-time', isRepaired, `${this.id}: a heartbeat repairs a lost ack`);
  }

  // --- recovery --------------------------------------------------------------------------------

  fetchLog(secondary: number, fetch: number, from: number): void {
    const { simulation } = this;
    const host = this.#secondary(secondary);
    const { incarnation } = this;
    let isOver = false;
    const end = (reason: string | null) => {
      if (isOver) return;
      isOver = true;
      this.core.fetchOver(fetch, reason, this.clock);
    };
    const part = (frames: Frame[]) => {
      if (this.incarnation !== incarnation) return;
      this.later(TIMES.recoveryTimeoutMs, () => end('nothing came in time'));
      if (simulation.chance('lossRate') || simulation.mischief(0.4)) return;
      if (!simulation.passes(host, this)) return;
      this.later(simulation.latency(), () => {
        if (isOver) return;
        const [frame, ...rest] = frames;
        if (frame === undefined) end(null);
        else if (!this.core.fetched(fetch, frame)) isOver = true;
        else {
          const isOutbid = isNewer(frame, this.prepared as Prepare);
          must(
            'fetched-log-is-compared',
            !isOutbid,
            `${this.writer} goes on with a fetch though it is outbid`,
          );
          if (frame.epochs !== null && !frame.part?.hasMore) this.#fetchCompared = true;
          part(rest);
        }
      });
    };
    simulation.say(`${this.id}: fetches the log of ${host.id} from ${from}`);
    this.later(TIMES.recoveryTimeoutMs, () => end('nothing came in time'));
    if (!simulation.passes(this, host)) return;
    host.later(simulation.latency(), () => part(host.export(from)));
  }

  logEvent(event: LogEvent): void {
    this.simulation.logEventOf(this.id)(event);
    if (event.event === 'secondary-restarted') this.restartsSeen += 1;
    const isWaiting =
      event.event === 'recovery-unfinished' && /not answer/.test(`${event.fields.reason}`);
    if (isWaiting && this.isPolling) this.simulation.history.waits(this);
    if (event.event === 'recovered') {
      const { adoptedFrom } = event.fields;
      const isCompared = adoptedFrom === null || adoptedFrom === this.id || this.#fetchCompared;
      must(
        'fetched-log-is-compared',
        isCompared,
        `${this.writer} takes over a log it has not seen`,
      );
      this.simulation.history.recovered(this, event.fields);
    }
  }

  #secondary(index: number): SecondaryHost {
    return this.simulation.secondaries[index] as SecondaryHost;
  }
}

/** Whether a secondary says that it has taken a frame of some log. */
export function hasLog(said: Heartbeat | undefined): said is Heartbeat {
  return said !== undefined && (said.length > 0 || (said.prepareReply?.lastEpoch ?? 0) > 0);
}

/** Records what a master is about to be told. */
function tell(told: Told, bootId: string, length: number, incarnationsWhenAsked: number): void {
  if (bootId === told.incarnation) {
    told.length = Math.max(told.length, length);
  } else if (incarnationsWhenAsked === told.incarnations) {
    told.incarnation = bootId;
    told.incarnations += 1;
    told.length = length;
  }
}
