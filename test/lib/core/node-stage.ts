/**
 * A member `b` of a, b and c on a stage: the test is its clock, its disk and the other members. What it asks of others is a
 * line of a transcript, such as `poll a`, `prepare a L/2`, `ask a` (a master's heartbeat), `probe a`, or an event of its log.
 */
import assert from 'node:assert/strict';
import type { WaitEnd, WriteConcern } from '../../../src/lib/core/concerns/write-concern.ts';
import type { HandoverEnd } from '../../../src/lib/core/election/handover.ts';
import type { EpochStart } from '../../../src/lib/core/log/epochs.ts';
import { packMessages } from '../../../src/lib/core/log/messages.ts';
import { Replica } from '../../../src/lib/core/log/replica.ts';
import type { Master } from '../../../src/lib/core/master.ts';
import { Node, type NodeConfig } from '../../../src/lib/core/node.ts';
import type {
  Frame,
  Heartbeat,
  HeartbeatRequest,
  Prepare,
  Sender,
} from '../../../src/lib/core/protocol.ts';
import type { LogEvent } from '../../../src/lib/core/refusal.ts';
import { SlowDisk } from './log/slow-disk.ts';

export const MEMBERS = 'digest';
export const MASTER: NonNullable<NodeConfig['master']> = {
  nodeId: 'b',
  newLogId: 'L',
  recoveryTimeoutMs: 1000,
  secondaries: ['a', 'c'].map((id) => ({ id, url: `http://${id}` })),
  quorumAppend: true,
  heartbeat: { intervalMs: 1000, timeoutMs: 1000 },
  failureDetector: { suspectedAfterMisses: 1, unhealthyAfterMisses: 3 },
  replicationTimeoutMs: 10_000,
  backoffBaseMs: 50,
  backoffMaxMs: 5000,
  logBytesMax: 0,
  waitingMax: 2,
  linger: { awaitedMs: 0, unawaitedMs: 0 },
  commitNoticeMs: Number.POSITIVE_INFINITY,
};

interface Options {
  /** Its own name; `a` is the first member. */
  readonly id?: string;
  /** The entries of its log, all of epoch 1. */
  readonly texts?: readonly string[];
  /** Whether it has a log, and lost nothing. */
  readonly isComplete?: boolean;
  /** Whether what it writes is durable only when the test says so. */
  readonly hasDisk?: boolean;
  readonly config?: Partial<NodeConfig>;
}

export class NodeStage {
  readonly node: Node;
  readonly disk = new SlowDisk();
  readonly replica: Replica;
  readonly events: LogEvent[] = [];
  now = 0;
  random = 0;
  readonly requests = new Map<string, HeartbeatRequest>();
  /** Who asked for a fetch, and its number. */
  fetch = 0;
  readonly #names: readonly string[];
  #lines: string[] = [];

  constructor({
    id = 'b',
    texts = [],
    isComplete = true,
    hasDisk = false,
    config = {},
  }: Options = {}) {
    this.replica = hasDisk ? new Replica(this.disk) : new Replica();
    this.#names = ['a', 'b', 'c'].filter((one) => one !== id);
    if (texts.length > 0 || isComplete) {
      this.replica.begin('L');
      this.replica.promise({ epoch: 1, writer: 'W' });
      this.replica.beginEpoch({ epoch: 1, writer: 'W' });
      if (texts.length > 0) this.replica.append(packMessages(texts), { epoch: 1, writer: 'W' }, []);
      if (isComplete) this.replica.becomeComplete();
      this.disk.sync();
    }
    let candidacies = 0;
    const members = ['a', 'b', 'c'].map((one) => ({ id: one, url: `http://${one}` }));
    const secondaries = members.filter((one) => one.id !== id);
    const say = (line: string) => this.#lines.push(line);
    const nameOf = (index: number) => this.#names[index] as string;
    this.node = new Node(
      {
        nodeId: id,
        bootId: `${id}/1`,
        faults: { delayMs: 0, errorRate: 0, errorAfterApplyRate: 0 },
        master: { ...MASTER, nodeId: id, secondaries },
        drawWriter: () => {
          candidacies += 1;
          return `${id}${candidacies}`;
        },
        election: { members, membersDigest: MEMBERS, timeoutMs: 3000, heartbeatIntervalMs: 1000 },
        ...config,
      },
      {
        openStream: (index, stream) => say(`open ${nameOf(index)}#${stream}`),
        sendFrame: (index, { from, to }) => say(`send ${nameOf(index)} ${from}..${to}`),
        closeStream: (index) => say(`close ${nameOf(index)}`),
        abortStream: (index) => say(`abort ${nameOf(index)}`),
        askHeartbeat: (index, request) => {
          this.requests.set(nameOf(index), request);
          const { prepare, isCandidate } = request;
          const what = prepare === null ? 'poll' : 'prepare';
          say(
            isCandidate && prepare !== null
              ? `${what} ${nameOf(index)} ${prepare.logId}/${prepare.epoch}`
              : `${isCandidate ? what : 'ask'} ${nameOf(index)}`,
          );
        },
        fetchLog: (index, fetch, from) => {
          this.fetch = fetch;
          say(`fetch ${nameOf(index)} ${from}..`);
        },
        probe: (member) => say(`probe ${member}`),
        logEvent: (event) => this.events.push(event),
      },
      this.replica,
    );
  }

  get master(): Master {
    return this.node.master as Master;
  }

  did(...lines: string[]): this {
    const done = this.#lines;
    this.#lines = [];
    assert.deepEqual(done, lines);
    return this;
  }

  skip(): this {
    this.#lines = [];
    return this;
  }

  tick(now: number): this {
    this.now = now;
    this.node.tick(now, () => this.random);
    return this;
  }

  /** The names of its events since it was last asked. */
  said(): string[] {
    return this.events.splice(0).map(({ event }) => event);
  }

  // --- what others ask of it ---------------------------------------------------------------------

  /** Another member, or a stranger, asks. */
  asked(
    from: Partial<Sender> | null,
    prepare: Prepare | null,
    more: Partial<HeartbeatRequest> = {},
  ): ReturnType<Node['heartbeat']> {
    const sender = { id: 'a', bootId: `${from?.id ?? 'a'}/1`, members: MEMBERS, ...from };
    const request = { prepare, bootId: null, completeFrom: null, committed: 0, ...more };
    const told = from === null ? request : { ...request, sender };
    return this.node.heartbeat(told, this.now, () => this.random);
  }

  /** The heartbeat of a master. */
  hears(epoch: number, more: Partial<HeartbeatRequest> = {}, id = 'a'): this {
    this.asked({ id }, { logId: 'L', epoch, writer: `${id}${epoch}` }, more);
    return this;
  }

  /** A candidate asks for a promise; returns the master that it is told of instead. */
  isAskedBy(
    id: string,
    epoch: number,
    more: Partial<HeartbeatRequest> = {},
    from: Partial<Sender> = {},
  ): string | null {
    const prepare = { logId: 'L', epoch, writer: `${id}${epoch}` };
    const answer = this.asked({ id, ...from }, prepare, { isCandidate: true, ...more });
    assert.ok(!('kind' in answer));
    return answer.master?.id ?? null;
  }

  /** A frame of a master, with its list of epochs. */
  receives(epoch: number, more: Partial<Frame> = {}, id = 'a'): string {
    let told = '';
    const epochs: EpochStart[] = [
      { epoch: 1, writer: 'W', firstSeq: 1 },
      { epoch, writer: `${id}${epoch}`, firstSeq: this.replica.log.length + 1 },
    ];
    const frame = {
      logId: 'L',
      epoch,
      writer: `${id}${epoch}`,
      from: this.replica.log.length + 1,
      messages: packMessages([]),
      keys: [],
      epochs,
      ...more,
    };
    this.node.receive(frame, [1, 1], this.now, (answer) => {
      told = answer.kind === 'ack' ? 'ack' : answer.problem;
    });
    return told;
  }

  // --- what others answer it ---------------------------------------------------------------------

  /** A member answers a question of its candidate or master. */
  answers(
    id: string,
    length: number,
    more: Partial<Heartbeat> & { isComplete?: boolean } = {},
  ): void {
    const { isComplete = true, ...other } = more;
    const prepare = this.requests.get(id)?.prepare ?? { epoch: 1, writer: 'W' };
    const prepareReply = {
      writer: prepare.writer,
      lastEpoch: 1,
      lastWriter: 'W',
      isLogMatched: this.master?.leadership !== null,
      isComplete,
    };
    const statement = { nodeId: id, bootId: `${id}/1`, logId: 'L', epoch: prepare.epoch, length };
    const answer = { ...statement, members: MEMBERS, prepareReply, ...other };
    this.master.heartbeatAnswered(this.#names.indexOf(id), answer, this.now);
  }

  silent(id: string, isDown = false): void {
    this.master.heartbeatMissed(this.#names.indexOf(id), 'timed out', isDown, this.now);
  }

  acks(id: string, length: number, stream = 1, bootId = `${id}/1`): void {
    const ack = { bootId, logId: 'L', epoch: this.node.epoch, length };
    this.master.acked(this.#names.indexOf(id), stream, ack, this.now, 0);
    this.node.master?.flush(this.now);
  }

  /** It stands by the time-out, and `a` and itself elect it. */
  elected(): this {
    this.tick(this.now).tick(this.now + 3000);
    this.answers('a', this.replica.log.length);
    this.answers('a', this.replica.log.length);
    assert.equal(this.node.role, 'master');
    return this;
  }

  // --- clients -----------------------------------------------------------------------------------

  append(text: string, w: WriteConcern = 'majority'): string[] {
    const ends: string[] = [];
    const request = {
      messages: packMessages([text]),
      w,
      key: null,
      deadline: Number.POSITIVE_INFINITY,
    };
    const outcome = this.master.append(request, this.now, (end: WaitEnd) => ends.push(end));
    if (outcome.kind === 'refused') ends.push(outcome.problem);
    else if (typeof outcome.wait === 'string') ends.push(outcome.wait);
    this.node.master?.flush(this.now);
    return ends;
  }

  handsOver(to: string | null): HandoverEnd[] {
    const ends: HandoverEnd[] = [];
    this.node.handOver(to, this.now, (end) => ends.push(end));
    return ends;
  }
}
