/**
 * A cluster that elects its master, as real processes on loopback: each member has a directory and a port of its own,
 * with which it can be started again.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Answer, health, request } from './client.ts';
import { type Environment, FAST, NodeProcess } from './cluster.ts';
import { DEADLINE_MS, waitFor } from './wait.ts';

/** Elections are quick, and yet a machine that is busy for some hundred ms causes none. */
export const ELECTION = { ...FAST, ELECTION_TIMEOUT_MS: 1000 };

/** A member, over all its runs. */
export class Member {
  readonly id: string;
  readonly port: number;
  readonly directory: string;
  readonly #environment: Environment;
  readonly #runs: NodeProcess[] = [];
  #isPaused = false;

  constructor(id: string, port: number, directory: string, environment: Environment) {
    this.id = id;
    this.port = port;
    this.directory = directory;
    this.#environment = { ...environment, NODE_ID: id, PORT: port, DATA_DIR: directory };
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Its present run, or the last one. */
  get process(): NodeProcess {
    return this.#runs.at(-1) as NodeProcess;
  }

  /** All its runs, the present one last. */
  get runs(): readonly NodeProcess[] {
    return this.#runs;
  }

  /** Whether it runs, and is not paused. */
  get isAwake(): boolean {
    return this.process.isRunning && !this.#isPaused;
  }

  /** Starts it, at the same address and with the same directory every time. */
  async start(environment: Environment = {}): Promise<this> {
    this.#isPaused = false;
    const node = new NodeProcess('master', { ...this.#environment, ...environment });
    this.#runs.push(node);
    await node.listening();
    return this;
  }

  /** Ends it without notice, as the loss of its machine does. */
  async kill(): Promise<void> {
    await this.process.stop('SIGKILL');
  }

  /** Lets it end in order: a master hands over first. Resolves with the exit code. */
  async stop(): Promise<number | null> {
    this.#isPaused = false;
    return this.process.stop();
  }

  /** Kills it if it runs, and starts it again. */
  async restart(environment: Environment = {}): Promise<this> {
    if (this.process.isRunning) await this.kill();
    return this.start(environment);
  }

  /** Makes it hang: its connections stay open, and nothing is answered. */
  pause(): void {
    this.#isPaused = true;
    this.process.signal('SIGSTOP');
  }

  wake(): void {
    this.#isPaused = false;
    this.process.signal('SIGCONT');
  }
}

export class Members {
  readonly list: readonly Member[];
  readonly #clusterToken: string | undefined;

  constructor(list: readonly Member[], { CLUSTER_TOKEN }: Environment) {
    this.list = list;
    this.#clusterToken = CLUSTER_TOKEN === undefined ? undefined : String(CLUSTER_TOKEN);
  }

  get urls(): string[] {
    return this.list.map(({ url }) => url);
  }

  /** Those that run, and are not paused. */
  get awake(): Member[] {
    return this.list.filter(({ isAwake }) => isAwake);
  }

  member(id: string): Member {
    return this.list.find((member) => member.id === id) as Member;
  }

  /** All members but this one. */
  others(than: Member): Member[] {
    return this.list.filter((member) => member !== than);
  }

  /** Waits until one member is the master, takes appends, and is followed by all that are awake; returns it. */
  master(): Promise<Member> {
    return waitFor('a master that all follow', async () => {
      const views = await this.#healths();
      const masters = views.filter(({ role }) => role === 'master');
      const [master] = masters;
      const isAgreed = views.every((view) => view?.master?.id === master?.nodeId);
      const isWritable = ['ok', 'degraded'].includes(master?.status);
      return masters.length === 1 && isAgreed && isWritable && this.member(master.nodeId);
    });
  }

  /** Waits until all members are complete and Healthy, so that any one may be lost; returns the master. */
  async whole(): Promise<Member> {
    return waitFor('all members to be complete', async () => {
      const views = await this.#healths();
      const master = views.find(({ role }) => role === 'master');
      const isWhole =
        views.length === this.list.length &&
        master?.status === 'ok' &&
        views.every((view) => view.complete && view.master?.id === master.nodeId);
      return isWhole && this.member(master.nodeId);
    });
  }

  /** Asks the master to hand over, to the best member if none is named; resolves with its answer. */
  handOver(from: Member, to?: Member): Promise<Answer> {
    return request(`${from.url}/handover`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(this.#clusterToken === undefined
          ? {}
          : { authorization: `Bearer ${this.#clusterToken}` }),
      },
      body: JSON.stringify(to === undefined ? {} : { to: to.id }),
    });
  }

  /** Hands over, and again if that does not come about in time; returns the master before. */
  async changeMaster(to?: Member): Promise<Member> {
    const end = performance.now() + DEADLINE_MS;
    for (;;) {
      const from = await this.whole();
      const { status, body } = await this.handOver(from, to);
      if (status === 200) return from;
      if (performance.now() > end) throw new Error(`no handover: ${JSON.stringify(body)}`);
    }
  }

  /** What `/health` says of those that are awake and answer. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  async #healths(): Promise<any[]> {
    const asked = await Promise.allSettled(this.awake.map((member) => health(member)));
    return asked.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  }
}

/**
 * Starts members a, b, c and so on, and waits until all are complete. They are stopped and their directories removed
 * after the test, which fails if a defect is in their logs.
 */
export async function startMembers(
  t: TestContext,
  count = 3,
  environment: Environment = {},
): Promise<Members> {
  const path = fs.mkdtempSync(join(tmpdir(), 'members-'));
  const ids = 'abcdefghijklmnopqrstuvwxyz'.slice(0, count).split('');
  const ports = await freePorts(count);
  const named = ids.map((id, index) => `${id}=http://127.0.0.1:${ports[index]}`);
  const shared = { ...ELECTION, FAULT_INJECTION: true, MEMBERS: named.join(','), ...environment };
  const list = ids.map(
    (id, index) => new Member(id, ports[index] as number, join(path, id), shared),
  );
  t.after(async () => {
    const runs = list.flatMap((member) => member.runs);
    await Promise.all(runs.map((run) => run.stop()));
    fs.rmSync(path, { recursive: true, force: true });
    for (const run of runs) {
      assert.deepEqual([...run.events('defect'), ...run.events('handler-failed')], []);
    }
  });
  await Promise.all(list.map((member) => member.start()));
  const members = new Members(list, environment);
  await members.whole();
  return members;
}

/** Ports that are free now, all different. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  for (const server of servers) server.close();
  await Promise.all(servers.map((server) => once(server, 'close')));
  return ports;
}
