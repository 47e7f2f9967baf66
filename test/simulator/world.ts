/**
 * A whole cluster in one deterministic process: the cores that run in the nodes, under a virtual
 * clock and a network drawn from a seed. Exchanges behave like TCP (in order, until they break or
 * hang), frames of broken ones may still arrive late, secondaries crash and come back empty.
 */
import { type Accepted, Master, type MasterEffects } from '../../src/lib/core/master.ts';
import { packMessages } from '../../src/lib/core/messages.ts';
import type { Frame } from '../../src/lib/core/protocol.ts';
import { type FrameAnswer, Secondary } from '../../src/lib/core/secondary.ts';
import type { Waiter, WriteConcern } from '../../src/lib/core/write-concern.ts';
import { seededRandom } from '../../src/lib/runtime/random.ts';

const HEARTBEAT = { intervalMs: 1000, timeoutMs: 1000 };
const REPLICATION_TIMEOUT_MS = 3000;
const FRAME_BYTES_MAX = 64;

/** What the seed draws: how bad this world is. Probabilities are for one event each. */
interface Weather {
  readonly secondaries: number;
  readonly latencyMs: number;
  readonly breakRate: number;
  readonly hangRate: number;
  readonly heartbeatLossRate: number;
  readonly crashRate: number;
  readonly lateReplayRate: number;
  readonly delayMs: number;
  readonly errorRate: number;
  readonly errorAfterApplyRate: number;
}

/** An append as its client saw it. */
export interface ClientView {
  readonly text: string;
  readonly seq: number;
  readonly w: number;
  readonly startedAt: number;
  endedAt: number | null;
  end: 'holds' | 'time-is-up' | 'left' | null;
}

interface Link {
  readonly exchange: number;
  readonly bootId: string;
  isBroken: boolean;
  /** Nothing passes any more, and nobody says so. */
  isHung: boolean;
  /** When the last thing sent in each direction arrives: nothing overtakes it. */
  toSecondaryAt: number;
  toMasterAt: number;
}

interface Node {
  core: Secondary;
  isUp: boolean;
  lives: number;
  link: Link | null;
  /** What the master was told of it, by the newest life it has heard of. */
  readonly told: { life: string; lives: number; length: number };
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class World implements MasterEffects {
  now = 0;
  readonly trace: string[] = [];
  readonly clients: ClientView[] = [];
  readonly master: Master;
  readonly nodes: Node[] = [];
  readonly weather: Weather;
  isCalm = false;
  readonly #random: () => number;
  readonly #queue: Event[] = [];
  #orders = 0;
  /** When the master's alarm rings; like the real one, it is only ever moved forward. */
  #masterAlarmAt = Number.POSITIVE_INFINITY;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.weather = this.#drawWeather();
    const count = this.weather.secondaries;
    const secondaries = Array.from({ length: count }, (_, i) => ({ id: `s${i + 1}`, url: '' }));
    for (const { id } of secondaries) this.nodes.push(this.#newNode(id));
    this.master = new Master(
      {
        nodeId: 'master',
        logId: 'L',
        epoch: 1,
        secondaries,
        quorumAppend: this.#chance(0.5),
        heartbeat: HEARTBEAT,
        failureDetector: { suspectedAfterMisses: 1, unhealthyAfterMisses: 3 },
        replicationTimeoutMs: REPLICATION_TIMEOUT_MS,
        backoffBaseMs: 50,
        backoffMaxMs: 2000,
        logBytesMax: 0,
        waitingMax: 1000,
        frameBytesMax: FRAME_BYTES_MAX,
      },
      this,
    );
    this.#masterTick();
  }

  #drawWeather(): Weather {
    const upTo = (max: number) => (this.#chance(0.5) ? 0 : this.#random() * max);
    return {
      secondaries: 1 + Math.floor(this.#random() * 4),
      latencyMs: 1 + this.#random() * 200,
      breakRate: upTo(0.3),
      hangRate: upTo(0.1),
      heartbeatLossRate: upTo(0.5),
      crashRate: upTo(0.02),
      lateReplayRate: upTo(1),
      delayMs: upTo(5000),
      errorRate: upTo(0.5),
      errorAfterApplyRate: upTo(0.5),
    };
  }

  // --- time ------------------------------------------------------------------------------------

  /** Runs events until `until`, calling `check` after each. */
  run(until: number, check: () => void): void {
    for (;;) {
      const next = this.#takeNext(until);
      if (next === undefined) break;
      this.now = next.at;
      next.run();
      check();
    }
    this.now = until;
  }

  /** Does `run` in `delayMs`. */
  after(delayMs: number, run: () => void): void {
    this.#orders += 1;
    this.#queue.push({ at: this.now + delayMs, order: this.#orders, run });
  }

  #takeNext(until: number): Event | undefined {
    let best = -1;
    for (const [i, event] of this.#queue.entries()) {
      const first = this.#queue[best];
      const isEarlier =
        !first || event.at < first.at || (event.at === first.at && event.order < first.order);
      if (event.at <= until && isEarlier) best = i;
    }
    return best < 0 ? undefined : this.#queue.splice(best, 1)[0];
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #latency(): number {
    return this.isCalm ? 1 : this.#random() * this.weather.latencyMs;
  }

  #say(text: string): void {
    this.trace.push(`${this.now.toFixed(1)} ${text}`);
  }

  #masterTick(): void {
    this.master.tick(this.now, this.#random);
    this.#armMaster();
  }

  #armMaster(): void {
    const at = this.master.nextWakeAt();
    if (at >= this.#masterAlarmAt) return;
    this.#masterAlarmAt = at;
    this.after(Math.max(0, at - this.now), () => {
      if (this.#masterAlarmAt !== at) return;
      this.#masterAlarmAt = Number.POSITIVE_INFINITY;
      this.#masterTick();
    });
  }

  // --- clients ---------------------------------------------------------------------------------

  /** Appends one message of a text of its own; some clients are impatient, some leave. */
  append(): void {
    const text = `m${this.clients.length + 1}`;
    const choices: WriteConcern[] = [
      'all',
      'majority',
      1,
      1 + Math.floor(this.#random() * this.master.nodes),
    ];
    const w = choices[Math.floor(this.#random() * choices.length)] as WriteConcern;
    const isImpatient = this.#chance(0.2);
    const deadline = isImpatient ? this.now + this.#random() * 3000 : Number.POSITIVE_INFINITY;
    const request = { messages: packMessages([text]), key: `key-${text}`, w, deadline };
    const outcome = this.master.append(request, this.now, (end) => {
      this.#say(`client ${text} ${end}`);
      view.end = end === 'stopping' ? null : end;
      view.endedAt = this.now;
    });
    if (outcome.kind === 'refused') {
      this.#say(`append ${text} refused: ${outcome.problem}`);
      this.clients.push({
        text,
        seq: 0,
        w: 0,
        startedAt: this.now,
        endedAt: this.now,
        end: 'left',
      });
      return;
    }
    const view = this.#viewOf(text, outcome);
    this.clients.push(view);
    this.#say(`append ${text} w=${outcome.w} -> ${outcome.seq}`);
    this.after(0, () => this.master.flush(this.now));
    const { wait } = outcome;
    if (typeof wait === 'object' && this.#chance(0.05)) {
      this.after(this.#random() * 2000, () => this.#leave(view, wait));
    }
    this.#armMaster();
  }

  #viewOf(text: string, { seq, w, wait }: Accepted): ClientView {
    const end = wait === 'holds' || wait === 'time-is-up' ? wait : null;
    return { text, seq, w, startedAt: this.now, endedAt: end === null ? null : this.now, end };
  }

  #leave(view: ClientView, waiter: Waiter): void {
    if (view.end !== null) return;
    view.end = 'left';
    view.endedAt = this.now;
    this.master.cancel(waiter);
    this.#say(`client ${view.text} left`);
  }

  // --- secondaries -----------------------------------------------------------------------------

  #newNode(id: string): Node {
    const told = { life: '', lives: 0, length: 0 };
    return { core: this.#newLife(id, 1, true), isUp: true, lives: 1, link: null, told };
  }

  #newLife(id: string, life: number, hasFaults: boolean): Secondary {
    const { delayMs, errorRate, errorAfterApplyRate } = this.weather;
    const faults = hasFaults
      ? { delayMs, errorRate, errorAfterApplyRate }
      : { delayMs: 0, errorRate: 0, errorAfterApplyRate: 0 };
    return new Secondary({ nodeId: id, bootId: `${id}-boot-${life}`, faults }, () => {});
  }

  /** Ends a life of the node; it comes back empty, sometimes before anybody can notice. */
  crash(index: number): void {
    const node = this.nodes[index] as Node;
    if (!node.isUp || !this.#chance(this.weather.crashRate)) return;
    this.#say(`s${index + 1} crashes at length ${node.core.log.length}`);
    node.isUp = false;
    this.#breakLink(index, 'connection reset');
    this.after(this.#random() * (this.#chance(0.5) ? 50 : 8000), () => this.#restart(index));
  }

  #restart(index: number): void {
    const node = this.nodes[index] as Node;
    if (node.isUp) return;
    node.lives += 1;
    node.core = this.#newLife(`s${index + 1}`, node.lives, !this.isCalm);
    node.isUp = true;
    this.#say(`s${index + 1} starts, life ${node.lives}`);
  }

  /** From now on nothing goes wrong any more. */
  calm(): void {
    this.isCalm = true;
    for (const [index, node] of this.nodes.entries()) {
      this.#restart(index);
      node.core.setFaults({ delayMs: 0, errorRate: 0, errorAfterApplyRate: 0 });
      node.core.tick(this.now);
    }
  }

  // --- the network -----------------------------------------------------------------------------

  openExchange(secondary: number, exchange: number): void {
    const node = this.nodes[secondary] as Node;
    const bootId = node.core.bootId;
    const at = this.now + this.#latency();
    node.link = {
      exchange,
      bootId,
      isBroken: false,
      isHung: false,
      toSecondaryAt: at,
      toMasterAt: at,
    };
    if (!node.isUp) this.#breakLink(secondary, 'refused');
  }

  sendFrame(secondary: number, from: number, to: number): void {
    const node = this.nodes[secondary] as Node;
    const link = node.link as Link;
    const frame = this.#frame(from, to);
    const livesWhenAsked = node.told.lives;
    if (!this.isCalm && this.#chance(this.weather.hangRate)) link.isHung = true;
    if (!this.isCalm && this.#chance(this.weather.breakRate)) this.#breakLink(secondary, 'reset');
    const isLost = link.isBroken || link.isHung;
    const isLate = isLost && this.#chance(this.weather.lateReplayRate);
    if (isLost && !isLate) return;
    const lateness = isLate ? this.#random() * 6000 : 0;
    const at = Math.max(this.now + this.#latency(), link.toSecondaryAt) + lateness;
    if (!isLate) link.toSecondaryAt = at;
    this.after(at - this.now, () => this.#deliver(secondary, link, frame, livesWhenAsked));
  }

  restExchange(secondary: number): void {
    (this.nodes[secondary] as Node).link = null;
  }

  dropExchange(secondary: number): void {
    const node = this.nodes[secondary] as Node;
    if (node.link !== null) node.link.isBroken = true;
    node.link = null;
  }

  askHeartbeat(secondary: number): void {
    const node = this.nodes[secondary] as Node;
    const isLost = !this.isCalm && this.#chance(this.weather.heartbeatLossRate);
    const livesWhenAsked = node.told.lives;
    this.after(this.#latency(), () => {
      if (isLost || !node.isUp) {
        this.after(isLost ? HEARTBEAT.timeoutMs : 0, () => {
          this.master.heartbeatMissed(secondary, 'no answer', this.now);
          this.#armMaster();
        });
        return;
      }
      const answer = node.core.heartbeat();
      this.after(this.#latency(), () => {
        tell(node, answer, livesWhenAsked);
        this.master.heartbeatAnswered(secondary, answer, this.now);
        this.#armMaster();
      });
    });
  }

  note(): void {}

  #frame(from: number, to: number): Frame {
    const { log, keys, logId, epoch } = this.master;
    const decoder = new TextDecoder();
    const texts = Array.from({ length: to - from + 1 }, (_, i) =>
      decoder.decode(log.textAt(from + i)),
    );
    const messages = packMessages(texts.map((text) => JSON.parse(text) as string));
    return { logId, epoch, from, messages, keys: keys.within(from, to) };
  }

  #deliver(secondary: number, link: Link, frame: Frame, livesWhenAsked: number): void {
    const node = this.nodes[secondary] as Node;
    if (!node.isUp) return;
    const { core } = node;
    core.receive(frame, [this.#random(), this.#random()], this.now, (answer) => {
      this.#answer(secondary, link, core, answer, livesWhenAsked);
    });
    this.#armSecondary(core);
  }

  #armSecondary(core: Secondary): void {
    const at = core.nextWakeAt();
    if (!Number.isFinite(at)) return;
    this.after(Math.max(0, at - this.now), () => {
      if (this.nodes.some((node) => node.core === core && node.isUp)) core.tick(this.now);
    });
  }

  #answer(
    secondary: number,
    link: Link,
    core: Secondary,
    answer: FrameAnswer,
    livesWhenAsked: number,
  ): void {
    if (link.isBroken || link.isHung || core.bootId !== link.bootId) return;
    if (answer.kind === 'refused') {
      this.#breakLink(secondary, answer.problem);
      return;
    }
    link.toMasterAt = Math.max(this.now + this.#latency(), link.toMasterAt);
    this.after(link.toMasterAt - this.now, () => {
      if (link.isBroken) return;
      this.#say(`ack s${secondary + 1} ${answer.ack.bootId} ${answer.ack.length}`);
      tell(this.nodes[secondary] as Node, answer.ack, livesWhenAsked);
      this.master.acked(secondary, link.exchange, answer.ack, this.now, this.#random());
      this.#armMaster();
    });
  }

  #breakLink(secondary: number, reason: string): void {
    const node = this.nodes[secondary] as Node;
    const { link } = node;
    if (link === null || link.isBroken) return;
    link.isBroken = true;
    this.after(this.#latency(), () => {
      this.#say(`exchange s${secondary + 1}#${link.exchange} fails: ${reason}`);
      const random = this.#random();
      this.master.exchangeFailed(secondary, link.exchange, reason, this.now, random);
      this.#armMaster();
    });
  }
}

/** Notes what the master is about to learn: the dumb twin of what it should make of it. */
function tell({ told }: Node, statement: { bootId: string; length: number }, lives: number): void {
  const { bootId, length } = statement;
  if (bootId === told.life) {
    told.length = Math.max(told.length, length);
  } else if (lives === told.lives) {
    told.life = bootId;
    told.lives += 1;
    told.length = length;
  }
}
