/** The members of `docker-compose.failover.yml`, in a compose project of their own. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { docker, insist, run } from '../chaos/engine.ts';
import { lastingPort } from '../chaos/port.ts';
import { waitFor } from '../support/wait.ts';
import { type FailoverCluster, IDS, type Id, TOKEN } from './cluster.ts';

export class DockerFailoverCluster implements FailoverCluster {
  readonly kind = 'Docker containers';
  readonly canCutOff = true;
  readonly #project = `replicated-log-failover-${process.pid}`;
  readonly #directory = mkdtempSync(join(tmpdir(), 'failover-check-'));
  readonly #ports: ReadonlyMap<Id, number>;
  readonly #compose: readonly string[];
  readonly #environment: NodeJS.ProcessEnv;

  private constructor(ports: ReadonlyMap<Id, number>) {
    this.#ports = ports;
    const override = join(this.#directory, 'compose.json');
    const services = Object.fromEntries(
      // The check itself says when a container starts.
      IDS.map((id) => [id, { container_name: this.#container(id), restart: 'no' }]),
    );
    writeFileSync(override, JSON.stringify({ services }));
    const hasPlugin = spawnSync('docker', ['compose', 'version']).status === 0;
    const files = ['-f', 'docker-compose.failover.yml', '-f', override, '-p', this.#project];
    this.#compose = [...(hasPlugin ? ['docker', 'compose'] : ['docker-compose']), ...files];
    this.#environment = {
      ...process.env,
      CLUSTER_TOKEN: TOKEN,
      API_TOKEN: '',
      ...Object.fromEntries(IDS.map((id) => [`${id.toUpperCase()}_PORT`, `${ports.get(id)}`])),
    };
  }

  /** Builds the image and makes the containers; nothing runs yet. */
  static async open(): Promise<DockerFailoverCluster> {
    const ports = new Map<Id, number>();
    for (const id of IDS) ports.set(id, await lastingPort());
    const cluster = new DockerFailoverCluster(ports);
    try {
      await cluster.#runCompose('build', 'a');
      await cluster.#runCompose('up', '--no-start');
    } catch (error) {
      cluster.remove();
      throw error;
    }
    return cluster;
  }

  url(id: Id): string {
    return `http://127.0.0.1:${this.#ports.get(id)}`;
  }

  async start(id: Id): Promise<void> {
    // Makes the container again if its disk was wiped.
    await this.#runCompose('up', '--detach', '--no-deps', '--no-build', id);
    await waitFor(`${id} to serve`, () =>
      fetch(`${this.url(id)}/livez`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
  }

  async kill(id: Id): Promise<void> {
    await this.#insist('Running', 'false', id, 'kill');
    await docker('wait', this.#container(id));
  }

  async stop(id: Id): Promise<void> {
    await this.#insist('Running', 'false', id, 'stop', '--time', '15');
    const code = await this.#inspect(id, '{{.State.ExitCode}}');
    if (code !== '0') throw new Error(`${id} was told to stop and ended with ${code}`);
  }

  async pause(id: Id): Promise<void> {
    await this.#insist('Paused', 'true', id, 'pause');
  }

  async wake(id: Id): Promise<void> {
    await this.#insist('Paused', 'false', id, 'unpause');
  }

  async cutOff(id: Id): Promise<void> {
    const disconnect = () => docker('network', 'disconnect', this.#network, this.#container(id));
    await insist(disconnect, async () => !(await this.#isConnected(id)));
  }

  async reconnect(id: Id): Promise<void> {
    const connect = ['network', 'connect', '--alias', id, this.#network, this.#container(id)];
    await insist(
      () => docker(...connect),
      () => this.#isConnected(id),
    );
  }

  async wipe(id: Id): Promise<void> {
    await docker('rm', this.#container(id));
    await docker('volume', 'rm', `${this.#project}_data-${id}`);
  }

  remove(): void {
    const [command, ...first] = this.#compose as [string, ...string[]];
    // A paused container cannot be stopped.
    for (const id of IDS)
      spawnSync('docker', ['unpause', this.#container(id)], { stdio: 'ignore' });
    const down = [...first, 'down', '--volumes', '--remove-orphans', '--timeout', '1'];
    spawnSync(command, down, { env: this.#environment, stdio: 'ignore' });
    rmSync(this.#directory, { recursive: true, force: true });
  }

  get #network(): string {
    return `${this.#project}_nodes`;
  }

  #container(id: Id): string {
    return `failover-${process.pid}-${id}`;
  }

  async #isConnected(id: Id): Promise<boolean> {
    return (await this.#inspect(id, '{{json .NetworkSettings.Networks}}')).includes(this.#network);
  }

  /** Gives a command about a container until it is in the state that the command is for. */
  async #insist(state: string, wanted: string, id: Id, ...command: string[]): Promise<void> {
    const isThere = async () => (await this.#inspect(id, `{{.State.${state}}}`)) === wanted;
    await insist(() => docker(...command, this.#container(id)), isThere);
  }

  async #inspect(id: Id, format: string): Promise<string> {
    return (await docker('inspect', '--format', format, this.#container(id))).trim();
  }

  async #runCompose(...args: string[]): Promise<void> {
    const [command, ...first] = this.#compose as [string, ...string[]];
    await run(command, [...first, ...args], { env: this.#environment, maxBuffer: 2 ** 30 });
  }
}

/** Whether an engine answers and compose is there. */
export function hasDocker(): boolean {
  try {
    execFileSync('docker', ['info'], { stdio: 'ignore' });
  } catch {
    return false;
  }
  const versions = [
    spawnSync('docker', ['compose', 'version']),
    spawnSync('docker-compose', ['version']),
  ];
  return versions.some(({ status }) => status === 0);
}
