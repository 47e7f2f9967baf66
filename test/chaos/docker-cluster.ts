/**
 * Nodes as containers, of a compose project of their own. `docker kill`, `pause` and `network
 * disconnect` do what signals and proxies do to local processes; a disconnected secondary is out of
 * reach of its master and of all clients.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '../support/wait.ts';
import { type ChaosCluster, type Deposed, isDefect, MASTER_TIMES } from './cluster.ts';
import { docker, insist, run } from './engine.ts';
import type { Finding, Mode } from './history.ts';
import { call } from './http.ts';
import { lastingPort } from './port.ts';

const MASTER = 'master';
const SECONDARIES = ['s1', 's2'];
const ALL = [MASTER, ...SECONDARIES];

export class DockerCluster implements ChaosCluster {
  readonly master = MASTER;
  readonly secondaries = SECONDARIES;
  readonly linkFaults = ['disconnect'];
  readonly hasDiskFull = false;
  readonly hasSecondMaster = false;
  readonly #project = `replicated-log-chaos-${process.pid}`;
  readonly #directory = mkdtempSync(join(tmpdir(), 'replicated-log-chaos-'));
  readonly #ports: ReadonlyMap<string, number>;
  readonly #incarnations = new Map<string, number>();
  readonly #compose: readonly string[];
  readonly #environment: NodeJS.ProcessEnv;
  readonly #findings: Finding[] = [];
  #logs = '';

  private constructor(mode: Mode, ports: ReadonlyMap<string, number>) {
    this.#ports = ports;
    const override = join(this.#directory, 'compose.json');
    writeFileSync(override, JSON.stringify(overrides(mode, this.#directory)));
    const files = ['-f', 'docker-compose.yml', '-f', override, '-p', this.#project];
    const hasPlugin = spawnSync('docker', ['compose', 'version']).status === 0;
    this.#compose = [...(hasPlugin ? ['docker', 'compose'] : ['docker-compose']), ...files];
    this.#environment = {
      ...process.env,
      CLUSTER_TOKEN: 'the-token-of-chaos',
      MASTER_PORT: String(ports.get('master')),
      S1_PORT: String(ports.get('s1')),
      S2_PORT: String(ports.get('s2')),
    };
    process.once('exit', this.#removeNow);
  }

  /** Builds the image and makes the containers; nothing runs yet. */
  static async open(mode: Mode): Promise<DockerCluster> {
    const ports = new Map<string, number>();
    for (const node of ALL) ports.set(node, await lastingPort());
    const cluster = new DockerCluster(mode, ports);
    await cluster.#runCompose('build', MASTER);
    await cluster.#runCompose('up', '--no-start');
    return cluster;
  }

  url(node: string): string {
    return `http://127.0.0.1:${this.#ports.get(node)}`;
  }

  incarnation(node: string): number {
    return this.#incarnations.get(node) ?? 0;
  }

  async start(node: string): Promise<void> {
    this.#incarnations.set(node, this.incarnation(node) + 1);
    await this.#insist('running', true, node, 'start');
    await waitFor(`${node} to serve`, async () => {
      // It answers to nobody while it is disconnected; that it runs must do.
      if (!(await this.#states.connected(node))) return true;
      return call(`${this.url(node)}/livez`, { timeoutMs: 500 }).then(
        () => true,
        () => false,
      );
    });
  }

  async kill(node: string): Promise<void> {
    await this.#recordEnd(node);
    await this.#insist('running', false, node, 'kill');
    await docker('wait', this.#container(node));
  }

  async freeze(node: string): Promise<void> {
    await this.#insist('paused', true, node, 'pause');
  }

  async thaw(node: string): Promise<void> {
    await this.#insist('paused', false, node, 'unpause');
  }

  async usurp(): Promise<Deposed> {
    throw new Error('there is one container for each node');
  }

  async disturb(secondary: string): Promise<void> {
    await this.#insist('connected', false, secondary, 'network', 'disconnect', this.#network);
  }

  async heal(secondary: string): Promise<void> {
    const connect = ['network', 'connect', '--alias', secondary, this.#network];
    await this.#insist('connected', true, secondary, ...connect);
  }

  async fillDisk(): Promise<boolean> {
    return false;
  }

  async freeDisk(): Promise<void> {}

  async close(): Promise<void> {
    try {
      for (const node of ALL) {
        if (this.incarnation(node) === 0) continue;
        await this.#recordEnd(node);
        await this.#insist('running', false, node, 'stop', '--time', '10');
        const code = await this.#inspect(node, '{{.State.ExitCode}}');
        if (code === '0') continue;
        this.#findings.push({ name: 'unexpected exit', detail: `${node} ended with ${code}` });
      }
      this.#logs = await this.#runCompose('logs', '--no-color', '--no-log-prefix');
    } finally {
      process.off('exit', this.#removeNow);
      this.#removeNow();
    }
  }

  /** However the run ends, nothing of it stays. */
  readonly #removeNow = () => {
    const [command, ...first] = this.#compose as [string, ...string[]];
    const down = [...first, 'down', '--volumes', '--remove-orphans', '--timeout', '5'];
    spawnSync(command, down, { env: this.#environment, stdio: 'ignore' });
    rmSync(this.#directory, { recursive: true, force: true });
  };

  findings(): Finding[] {
    const defects = this.#lines().filter((line) => isDefect(eventOf(line)));
    return [...this.#findings, ...defects.map((detail) => ({ name: 'defect', detail }))];
  }

  lastLines(count: number): string {
    const lines = this.#lines();
    return ALL.flatMap((node) =>
      lines.filter((line) => line.includes(`"node":"${node}"`)).slice(-count),
    ).join('\n');
  }

  get #network(): string {
    return `${this.#project}_nodes`;
  }

  #container(node: string): string {
    return `chaos-${process.pid}-${node}`;
  }

  #lines(): string[] {
    return this.#logs.split('\n');
  }

  /** A node that we are about to end should still run. */
  async #recordEnd(node: string): Promise<void> {
    if (await this.#states.running(node)) return;
    const code = await this.#inspect(node, '{{.State.ExitCode}}');
    const detail = `${node}, incarnation ${this.incarnation(node)}, ended by itself with ${code}`;
    this.#findings.push({ name: 'unexpected exit', detail });
  }

  /** What a container can be made to be, and how to see whether it is. */
  readonly #states = {
    running: async (node: string) => (await this.#inspect(node, '{{.State.Running}}')) === 'true',
    paused: async (node: string) => (await this.#inspect(node, '{{.State.Paused}}')) === 'true',
    connected: async (node: string) =>
      (await this.#inspect(node, '{{json .NetworkSettings.Networks}}')).includes(this.#network),
  };

  /** Gives a command about the node's container until it is in the state that the command is for. */
  async #insist(
    state: 'running' | 'paused' | 'connected',
    wanted: boolean,
    node: string,
    ...command: string[]
  ): Promise<void> {
    const isThere = async () => (await this.#states[state](node)) === wanted;
    await insist(() => docker(...command, this.#container(node)), isThere);
  }

  async #inspect(node: string, format: string): Promise<string> {
    return (await docker('inspect', '--format', format, this.#container(node))).trim();
  }

  async #runCompose(...args: string[]): Promise<string> {
    const [command, ...first] = this.#compose as [string, ...string[]];
    const options = { env: this.#environment, maxBuffer: 2 ** 30 };
    return (await run(command, [...first, ...args], options)).stdout;
  }
}

/** What is other than in `docker-compose.yml`: names, short times, no restarts but ours, a disk. */
function overrides(mode: Mode, directory: string): object {
  const user = `${process.getuid?.() ?? 1000}:${process.getgid?.() ?? 1000}`;
  const service = (node: string) => {
    const data = join(directory, node);
    mkdirSync(data);
    const isOnDisk = mode === 'disk';
    return {
      container_name: `chaos-${process.pid}-${node}`,
      restart: 'no',
      environment: {
        ...(node === MASTER ? MASTER_TIMES : {}),
        ...(isOnDisk ? { DATA_DIR: '/data', FSYNC: 'always' } : {}),
      },
      ...(isOnDisk ? { user, volumes: [`${data}:/data`] } : {}),
    };
  };
  return { services: Object.fromEntries(ALL.map((node) => [node, service(node)])) };
}

function eventOf(line: string): string {
  try {
    return JSON.parse(line).event;
  } catch {
    return '';
  }
}
