/** Three members that can be hurt, as processes of this machine or, in `docker-cluster.ts`, as containers. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastingPort } from '../chaos/port.ts';
import { Member } from '../support/members.ts';

export const IDS = ['a', 'b', 'c'] as const;
export type Id = (typeof IDS)[number];

export const TOKEN = 'the-token-of-the-failover-check';

export interface FailoverCluster {
  readonly kind: string;
  /** Whether a member can be cut off from the network here. */
  readonly canCutOff: boolean;
  url(id: Id): string;
  start(id: Id): Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill(id: Id): Promise<void>;
  /** SIGTERM; resolves when it has ended. */
  stop(id: Id): Promise<void>;
  pause(id: Id): Promise<void>;
  wake(id: Id): Promise<void>;
  cutOff(id: Id): Promise<void>;
  reconnect(id: Id): Promise<void>;
  /** Deletes the disk of a member that does not run. */
  wipe(id: Id): Promise<void>;
  /** Ends and removes everything, whatever state it is in. */
  remove(): void;
}

export class LocalFailoverCluster implements FailoverCluster {
  readonly kind = `local processes, run by ${process.env.RUNTIME ?? `node ${process.version}`}`;
  readonly canCutOff = false;
  readonly #path = mkdtempSync(join(tmpdir(), 'failover-check-'));
  readonly #members: ReadonlyMap<Id, Member>;

  private constructor(ports: ReadonlyMap<Id, number>) {
    const list = IDS.map((id) => `${id}=http://127.0.0.1:${ports.get(id)}`);
    const environment = { MEMBERS: list.join(','), CLUSTER_TOKEN: TOKEN };
    this.#members = new Map(
      IDS.map((id) => [
        id,
        new Member(id, ports.get(id) as number, join(this.#path, id), environment),
      ]),
    );
  }

  static async open(): Promise<LocalFailoverCluster> {
    const ports = new Map<Id, number>();
    for (const id of IDS) ports.set(id, await lastingPort());
    return new LocalFailoverCluster(ports);
  }

  url(id: Id): string {
    return this.#member(id).url;
  }

  async start(id: Id): Promise<void> {
    await this.#member(id).start();
  }

  async kill(id: Id): Promise<void> {
    await this.#member(id).kill();
  }

  async stop(id: Id): Promise<void> {
    const code = await this.#member(id).stop();
    if (code !== 0) throw new Error(`${id} was told to stop and ended with ${code}`);
  }

  async pause(id: Id): Promise<void> {
    this.#member(id).pause();
  }

  async wake(id: Id): Promise<void> {
    this.#member(id).wake();
  }

  async cutOff(): Promise<void> {
    throw new Error('a local process cannot be cut off');
  }

  async reconnect(): Promise<void> {}

  async wipe(id: Id): Promise<void> {
    rmSync(this.#member(id).directory, { recursive: true });
  }

  remove(): void {
    for (const { runs } of this.#members.values()) for (const run of runs) run.signal('SIGKILL');
    rmSync(this.#path, { recursive: true, force: true });
  }

  #member(id: Id): Member {
    return this.#members.get(id) as Member;
  }
}
