/**
 * What the check plays, step by step. Each step prints what it did, who is the master then, in which epoch, and for how
 * long no append was acknowledged. The bounds are those of the contract. A busy machine is given twice as long, and the
 * longest pause that was seen while nothing happened to the master.
 */
import assert from 'node:assert/strict';
import { ReplicatedLogClient } from '../../src/client.ts';
import { waitFor } from '../support/wait.ts';
import { type FailoverCluster, IDS, type Id, TOKEN } from './cluster.ts';
import { Writer } from './writer.ts';

/** How long appends may fail, in ms. */
const KILL_MS = 2000;
const HANG_MS = 6000;
const HANDOVER_MS = 300;
/** How many times as long a busy machine is given. */
const PATIENCE = 2;
/** How long a step may take, in ms. */
const STEP_MS = 60_000;

interface Master {
  readonly id: Id;
  readonly epoch: number;
}

// biome-ignore lint/suspicious/noExplicitAny: health of every role
type Health = any;

export class Story {
  readonly #cluster: FailoverCluster;
  readonly #writer: Writer;
  /** Members that answer. */
  readonly #up = new Set<Id>();
  #master: Master = { id: 'a', epoch: 0 };
  #step = 0;
  /** The longest pause of appends while nothing happened to the master, in ms. */
  #ordinaryMs = 0;

  constructor(cluster: FailoverCluster) {
    this.#cluster = cluster;
    this.#writer = new Writer(cluster);
  }

  /** Plays all steps; rejects with the first violation. */
  async play(): Promise<void> {
    const cluster = this.#cluster;
    await this.#firstStart();

    this.#say(`kill -9 of the master, ${this.#master.id}`);
    const killed = await this.#loseMaster((id) => cluster.kill(id), KILL_MS);
    this.#say(`${killed} is started again`);
    await this.#return(killed, () => cluster.start(killed));

    this.#say(`the master, ${this.#master.id}, hangs: every connection stays open`);
    const hung = await this.#loseMaster((id) => cluster.pause(id), HANG_MS);
    this.#say(`${hung} wakes, and has missed the election`);
    await this.#return(hung, () => cluster.wake(hung));

    if (cluster.canCutOff) {
      this.#say(`the master, ${this.#master.id}, is cut off from the network`);
      const cut = await this.#loseMaster((id) => cluster.cutOff(id), HANG_MS);
      this.#say(`${cut} is connected again`);
      await this.#return(cut, () => cluster.reconnect(cut));
    } else {
      this.#say('a master that is cut off: left out, needs Docker; what others see is a hang');
    }

    await this.#handOver();

    this.#say(`SIGTERM for the master, ${this.#master.id}: it hands over before it ends`);
    const stopped = await this.#loseMaster((id) => cluster.stop(id), HANDOVER_MS);
    this.#say(`${stopped} is started again`);
    await this.#return(stopped, () => cluster.start(stopped));

    await this.#loseDisk();
    await this.#restartAll();
    await this.#compare();
  }

  // --- steps -----------------------------------------------------------------------------------------

  async #firstStart(): Promise<void> {
    this.#say('first start of a, b and c, with empty disks');
    const beganAt = performance.now();
    await Promise.all(IDS.map((id) => this.#cluster.start(id)));
    for (const id of IDS) this.#up.add(id);
    this.#master = await this.#agreed(0);
    this.#writer.start();
    await this.#writer.acknowledgedIn(1);
    const tookMs = Math.round(performance.now() - beganAt);
    this.#tell(`${this.#who()}; a majority holds the first append, ${tookMs} ms after the start`);
    await this.#whole();
  }

  /** Does something to the master, and waits for another one. Returns who it was. */
  async #loseMaster(hurt: (id: Id) => Promise<void>, boundMs: number): Promise<Id> {
    const { id, epoch } = this.#master;
    this.#writer.measure();
    this.#up.delete(id);
    await hurt(id);
    this.#master = await this.#agreed(epoch);
    await this.#writer.acknowledgedIn(this.#master.epoch);
    this.#tellPause(boundMs);
    return id;
  }

  /** Lets a member come back; it must follow, and change nothing. */
  async #return(id: Id, comeBack: () => Promise<void>): Promise<void> {
    const { epoch } = this.#master;
    this.#writer.measure();
    await comeBack();
    this.#up.add(id);
    await this.#whole();
    await this.#writer.acknowledgedIn(epoch);
    assert.deepEqual(
      await this.#agreed(0),
      this.#master,
      `${id} came back, and the master changed`,
    );
    const { longestMs } = this.#writer;
    this.#ordinaryMs = Math.max(this.#ordinaryMs, longestMs);
    this.#tell(
      `${id} follows ${this.#master.id}, still in epoch ${epoch}; ` +
        `appends went on, longest pause ${longestMs} ms`,
    );
  }

  async #handOver(): Promise<void> {
    const { id, epoch } = this.#master;
    const to = this.#another(id);
    this.#say(`POST /handover {"to":"${to}"} at the master, ${id}`);
    this.#writer.measure();
    const response = await fetch(`${this.#cluster.url(id)}/handover`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
      body: JSON.stringify({ to }),
    });
    const text = await response.text();
    assert.equal(response.status, 200, `the handover was answered ${response.status} ${text}`);
    this.#master = await this.#agreed(epoch);
    assert.equal(this.#master.id, to, `the handover to ${to} made another the master`);
    await this.#writer.acknowledgedIn(this.#master.epoch);
    this.#tellPause(HANDOVER_MS);
    await this.#whole();
  }

  async #loseDisk(): Promise<void> {
    const wiped = this.#another(this.#master.id);
    this.#say(`${wiped} is killed, its disk is wiped, and it is started empty`);
    this.#writer.measure();
    await this.#cluster.kill(wiped);
    await this.#cluster.wipe(wiped);
    await this.#cluster.start(wiped);
    await this.#whole();
    this.#tell(
      `${wiped} has the whole log again, and was admitted by ${this.#master.id}; ` +
        `longest pause of appends ${this.#writer.longestMs} ms`,
    );
    this.#say(`kill -9 of the master, ${this.#master.id}: ${wiped} must count now`);
    const killed = await this.#loseMaster((id) => this.#cluster.kill(id), KILL_MS);
    await this.#return(killed, () => this.#cluster.start(killed));
  }

  async #restartAll(): Promise<void> {
    this.#say('all three are stopped, and started again');
    const { epoch } = this.#master;
    this.#writer.measure();
    await Promise.all(IDS.map((id) => this.#cluster.stop(id)));
    await Promise.all(IDS.map((id) => this.#cluster.start(id)));
    this.#master = await this.#agreed(epoch);
    await this.#writer.acknowledgedIn(this.#master.epoch);
    this.#tell(
      `${this.#who()}; appends failed for ${this.#writer.longestMs} ms, from first to last`,
    );
    await this.#whole();
  }

  /** Every acknowledged append is on every member once, in the order in which it was made. */
  async #compare(): Promise<void> {
    this.#say('the client stops, and what it was told is compared with every log');
    await this.#writer.stop();
    const { acknowledged } = this.#writer;
    const logs = await Promise.all(IDS.map((id) => this.#logOf(id)));
    const [first = []] = logs;
    assert.equal(new Set(first).size, first.length, 'a message is there twice');
    for (const [at, log] of logs.entries()) {
      assert.deepEqual(log, first, `the logs of a and ${IDS[at]} differ`);
    }
    let last = 0;
    for (const { message, seq } of acknowledged) {
      assert.equal(
        first[seq - 1],
        message,
        `${message} was acknowledged at seq ${seq}, and is lost`,
      );
      assert(seq > last, `${message} is before a message that was acknowledged earlier`);
      last = seq;
    }
    this.#tell(
      `all ${acknowledged.length} acknowledged appends are on a, b and c, once and in order`,
    );
  }

  // --- what the members say -------------------------------------------------------------------------

  /** Waits until all that are up name one master, of a later epoch than this one. */
  #agreed(epoch: number): Promise<Master> {
    return waitFor(
      'one master that all others follow',
      async () => {
        const views = await Promise.all([...this.#up].map((id) => this.#health(id)));
        const [view] = views.filter((one) => one?.role === 'master');
        const isAgreed = views.every(
          (one) => one?.master?.id === view?.nodeId && one?.master?.epoch === view?.epoch,
        );
        const isWritable = ['ok', 'degraded'].includes(view?.status);
        return (
          isAgreed && isWritable && view.epoch > epoch && { id: view.nodeId, epoch: view.epoch }
        );
      },
      STEP_MS,
    );
  }

  /** Waits until all are there, complete and Healthy, so that the next one may be lost. */
  async #whole(): Promise<void> {
    await waitFor(
      'all members to be complete',
      async () => {
        const views = await Promise.all(IDS.map((id) => this.#health(id)));
        const master = views.find((one) => one?.role === 'master');
        return master?.status === 'ok' && views.every((one) => one?.complete === true);
      },
      STEP_MS,
    );
  }

  async #health(id: Id): Promise<Health> {
    const signal = AbortSignal.timeout(1000);
    const ask = async () => (await fetch(`${this.#cluster.url(id)}/health`, { signal })).json();
    return ask().catch(() => null);
  }

  async #logOf(id: Id): Promise<string[]> {
    const client = new ReplicatedLogClient({ nodes: [this.#cluster.url(id)] });
    const minSeq = this.#writer.acknowledged.at(-1)?.seq ?? 0;
    await client.read({ minSeq, limit: 1, waitMs: STEP_MS });
    const log: string[] = [];
    for await (const { message } of client.readAll()) log.push(message);
    return log;
  }

  #another(than: Id): Id {
    return IDS.find((id) => id !== than) as Id;
  }

  // --- words -----------------------------------------------------------------------------------------

  #who(): string {
    return `${this.#master.id} is the master, epoch ${this.#master.epoch}`;
  }

  /** Tells for how long appends failed, and fails if that was too long. */
  #tellPause(boundMs: number): void {
    const { longestMs } = this.#writer;
    const isLate = longestMs > boundMs;
    const limit = `bound ${boundMs} ms`;
    this.#tell(
      `${this.#who()}; appends failed for ${longestMs} ms (${limit}${isLate ? ', MISSED' : ''})`,
    );
    const allowedMs = PATIENCE * boundMs + this.#ordinaryMs;
    assert(
      longestMs <= allowedMs,
      `appends failed for ${longestMs} ms; the bound is ${boundMs} ms, and this machine is given ${allowedMs} ms`,
    );
  }

  #say(text: string): void {
    this.#step += 1;
    console.log(`${String(this.#step).padStart(2)}. ${text}`);
  }

  #tell(text: string): void {
    console.log(`    ${text}`);
  }
}
