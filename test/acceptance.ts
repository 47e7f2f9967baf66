/**
 * The self-check, on a new cluster of its own: start M + S1; (Msg1, w=1) ok; (Msg2, w=2) ok;
 * (Msg3, w=3) waits; (Msg4, w=1) ok; start S2; S2 shows all four, in order.
 *
 *   WHERE=docker|local  where the cluster runs; default: in Docker if an engine answers
 *   RUNTIME="bun"       what runs local nodes; default: node with tsx
 */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { ReplicatedLogClient } from '../src/client.ts';
import { type NodeProcess, startMaster, startSecondary } from './support/cluster.ts';
import { freePort } from './support/port.ts';
import { waitFor } from './support/wait.ts';

type Name = 'master' | 's1' | 's2';

interface Cluster {
  readonly kind: string;
  start(...names: Name[]): Promise<void>;
  at(name: Name): { readonly url: string };
  cleanUp(): Promise<void>;
}

/** Nodes as processes of this machine. */
class LocalCluster implements Cluster {
  readonly kind = `local processes, run by ${process.env.RUNTIME ?? `node ${process.version}`}`;
  readonly #nodes = new Map<Name, NodeProcess>();
  readonly #ports: Promise<number[]> = Promise.all([freePort(), freePort()]);

  async start(...names: Name[]): Promise<void> {
    const ports = await this.#ports;
    for (const name of names) {
      const environment = { NODE_ID: name, CLUSTER_TOKEN: 'acceptance-token' };
      const node =
        name === 'master'
          ? await startMaster(ports, environment)
          : await startSecondary({ ...environment, PORT: ports[name === 's1' ? 0 : 1] as number });
      this.#nodes.set(name, node);
    }
  }

  at(name: Name): NodeProcess {
    const node = this.#nodes.get(name);
    assert(node, `${name} was not started`);
    return node;
  }

  async cleanUp(): Promise<void> {
    await Promise.all([...this.#nodes.values()].map((node) => node.stop()));
  }
}

/** Nodes as containers, of a compose project of their own, on ports that Docker picks. */
class DockerCluster implements Cluster {
  readonly kind = 'Docker containers';
  readonly #compose = hasComposePlugin() ? ['docker', 'compose'] : ['docker-compose'];
  readonly #project = `replicated-log-acceptance-${process.pid}`;
  readonly #environment = {
    ...process.env,
    CLUSTER_TOKEN: randomBytes(16).toString('hex'),
    MASTER_PORT: '0',
    S1_PORT: '0',
    S2_PORT: '0',
  };

  async start(...names: Name[]): Promise<void> {
    this.#run('build', 'master'); // One image serves all nodes.
    this.#run('up', '-d', '--no-deps', ...names);
    for (const name of names) {
      const isServing = () =>
        clientOf(this.at(name))
          .health()
          .catch(() => undefined);
      await waitFor(`${name} to serve`, isServing);
    }
  }

  at(name: Name): { readonly url: string } {
    const port = { master: 8080, s1: 8081, s2: 8082 }[name];
    return { url: `http://${this.#run('port', name, String(port)).trim()}` };
  }

  async cleanUp(): Promise<void> {
    this.#run('down', '--volumes', '--remove-orphans', '--timeout', '5');
  }

  #run(...args: string[]): string {
    const [command, ...first] = this.#compose as [string, ...string[]];
    return execFileSync(command, [...first, '-p', this.#project, ...args], {
      env: this.#environment,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }
}

function hasComposePlugin(): boolean {
  return spawnSync('docker', ['compose', 'version']).status === 0;
}

function hasDocker(): boolean {
  const isUp = spawnSync('docker', ['info']).status === 0;
  return isUp && (hasComposePlugin() || spawnSync('docker-compose', ['version']).status === 0);
}

function step(text: string): void {
  console.log(`ok  ${text}`);
}

/** How long the whole check may take, in ms, with building images; an append would be retried without end. */
const CHECK_MS_MAX = 600_000;
const tooLong = new AbortController();

/** A client of this node alone. */
function clientOf({ url }: { readonly url: string }): ReplicatedLogClient {
  return new ReplicatedLogClient({ nodes: [url], signal: tooLong.signal });
}

async function selfCheck(cluster: Cluster): Promise<void> {
  await cluster.start('s1', 'master');
  const master = clientOf(cluster.at('master'));
  await waitFor('the master to be writable', async () =>
    ['ok', 'degraded'].includes((await master.health()).status),
  );
  step('M + S1 started');

  const first = await master.append('Msg1', { w: 1 });
  assert.equal(first.status, 'acknowledged');
  step('(Msg1, w=1) ok');

  const second = await master.append('Msg2', { w: 2 });
  assert.equal(second.status, 'acknowledged');
  assert.deepEqual(second.acked, ['master', 's1']);
  step('(Msg2, w=2) ok');

  let isThirdAnswered = false;
  const third = master.append('Msg3', { w: 3 }).finally(() => {
    isThirdAnswered = true;
  });
  third.catch(() => {}); // A failure is reported where it is awaited.
  await waitFor('(Msg3, w=3) to wait', async () => {
    const health = await master.health();
    return health.role === 'master' && health.waiting === 1;
  });
  step('(Msg3, w=3) waits');

  const fourth = await master.append('Msg4', { w: 1 });
  assert.equal(fourth.status, 'acknowledged');
  assert.equal(isThirdAnswered, false, 'Msg3 was answered although S2 is down');
  step('(Msg4, w=1) ok, and Msg3 still waits');

  await cluster.start('s2');
  assert.equal((await third).status, 'acknowledged');
  step('S2 started, and (Msg3, w=3) ok');

  const all = ['Msg1', 'Msg2', 'Msg3', 'Msg4'];
  const s2 = clientOf(cluster.at('s2'));
  assert.deepEqual((await s2.read({ minSeq: all.length, waitMs: 20_000 })).messages, all);
  step(`S2 shows [${all.join(', ')}]`);
  assert.deepEqual((await clientOf(cluster.at('s1')).read()).messages, all);
  assert.deepEqual((await master.read()).messages, all);
  step('so do S1 and M');
}

const where = process.env.WHERE ?? (hasDocker() ? 'docker' : 'local');
assert(where === 'docker' || where === 'local', `WHERE must be docker or local; got '${where}'`);
const cluster = where === 'docker' ? new DockerCluster() : new LocalCluster();
console.log(`The self-check, on ${cluster.kind}`);
const timer = setTimeout(() => {
  tooLong.abort(new Error(`it took longer than ${CHECK_MS_MAX} ms`));
}, CHECK_MS_MAX);
try {
  await selfCheck(cluster);
  console.log('passed');
} catch (error) {
  const { message, stderr } = error as Error & { stderr?: string };
  console.error(`not ok  ${message}${stderr ?? ''}`);
  process.exitCode = 1;
} finally {
  clearTimeout(timer);
  await cluster.cleanUp();
}
