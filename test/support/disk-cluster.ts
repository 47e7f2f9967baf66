/** Nodes with their logs on disk, which can be restarted with the same directory and port. */

import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { health } from './client.ts';
import { type Environment, FAST, NodeProcess } from './cluster.ts';
import { freePort } from './port.ts';
import { waitFor } from './wait.ts';

/** Starts a node whose files may not grow beyond some hundred kilobytes. */
export const SMALL_DISK = ['sh', '-c', 'ulimit -f 512; exec "$@"', 'sh'] as const;
/** Turns off what writes other files, for which there is no room either. */
const QUIET = { NODE_V8_COVERAGE: '', TSX_DISABLE_CACHE: 1 };

export class DiskCluster {
  readonly path = fs.mkdtempSync(join(tmpdir(), 'nodes-'));
  readonly #nodes: NodeProcess[] = [];
  readonly #ports = new Map<string, number>();
  readonly #environment: Environment;

  /** Its nodes are stopped and its directories removed after the test. */
  constructor(t: TestContext, environment: Environment = {}) {
    this.#environment = environment;
    t.after(async () => {
      await Promise.all(this.#nodes.map((node) => node.stop()));
      fs.rmSync(this.path, { recursive: true, force: true });
      for (const node of this.#nodes) {
        assert.deepEqual([...node.events('defect'), ...node.events('handler-failed')], []);
      }
    });
  }

  directory(id: string): string {
    return join(this.path, id);
  }

  /** The names of the files in a node's directory, without the lock. */
  files(id: string): string[] {
    const names = fs.readdirSync(this.directory(id)).sort();
    return names.filter((name) => !name.startsWith('lock'));
  }

  file(id: string, name = 'log.ndjson'): string {
    return join(this.directory(id), name);
  }

  /** Starts a secondary, at the same address every time; it may still end before it listens. */
  async spawnSecondary(id: string, under: readonly string[] = []): Promise<NodeProcess> {
    const port = this.#ports.get(id) ?? (await freePort());
    this.#ports.set(id, port);
    return this.#spawn('secondary', id, { PORT: port }, under);
  }

  async secondary(id: string, under: readonly string[] = []): Promise<NodeProcess> {
    return (await this.spawnSecondary(id, under)).listening();
  }

  /** Starts a master for all secondaries that were started. */
  spawnMaster(environment: Environment = {}, under: readonly string[] = []): NodeProcess {
    const list = [...this.#ports].map(([id, port]) => `${id}=http://127.0.0.1:${port}`);
    const all = { PORT: 0, SECONDARIES: list.join(','), ...FAST, ...environment };
    return this.#spawn('master', 'master', all, under);
  }

  /** The same, when it has recovered. */
  async master(environment: Environment = {}, under: readonly string[] = []): Promise<NodeProcess> {
    const node = await this.spawnMaster(environment, under).listening();
    await waitFor('the master to recover', () => node.events('recovered')[0]);
    return node;
  }

  #spawn(
    entry: 'master' | 'secondary',
    id: string,
    environment: Environment,
    under: readonly string[],
  ): NodeProcess {
    const own = { NODE_ID: id, DATA_DIR: this.directory(id), ...(under.length > 0 ? QUIET : {}) };
    const node = new NodeProcess(entry, { ...own, ...environment, ...this.#environment }, under);
    this.#nodes.push(node);
    return node;
  }
}

/** Kills nodes with SIGKILL, all in the same moment. */
export async function kill(...nodes: NodeProcess[]): Promise<void> {
  for (const node of nodes) node.signal('SIGKILL');
  await Promise.all(nodes.map((node) => node.exited()));
}

/** Waits until a node shows this many messages. */
export function shows(node: { readonly url: string }, length: number): Promise<unknown> {
  return waitFor(`${node.url} to show ${length}`, async () => {
    return (await health(node)).length === length;
  });
}

/** Waits until each of these nodes does. */
export async function allShow(
  nodes: readonly { readonly url: string }[],
  length: number,
): Promise<void> {
  for (const node of nodes) await shows(node, length);
}
