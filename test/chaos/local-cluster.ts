/**
 * Nodes as processes of this machine. The master reaches each secondary through a faulty proxy;
 * clients reach all nodes directly.
 *
 * A full disk is a limit on the size of the files that the process may write (`prlimit --fsize`): it
 * needs no rights and no mount, cuts a write in the middle as a disk does, and can be lifted while
 * the node runs. The node gets EFBIG instead of ENOSPC, and must treat both alike.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dice } from '../lib/support.ts';
import { type Environment, type LogLine, NodeProcess } from '../support/cluster.ts';
import { type ChaosCluster, type Deposed, isDefect, MASTER_TIMES } from './cluster.ts';
import type { Finding, Mode } from './history.ts';
import { lastingPort } from './port.ts';
import { FaultyProxy, LINK_FAULTS, type LinkFault } from './proxy.ts';

const MASTER = 'master';
interface Node {
  /** Where its present incarnation listens. */
  port: number;
  /** All its incarnations; the last one is the present. */
  readonly incarnations: NodeProcess[];
  /** Processes that were ended on purpose; any other end is a defect. */
  readonly killed: Set<NodeProcess>;
}

export class LocalCluster implements ChaosCluster {
  readonly master = MASTER;
  readonly secondaries: readonly string[];
  readonly linkFaults = LINK_FAULTS;
  readonly hasDiskFull: boolean;
  readonly hasSecondMaster: boolean;
  readonly #mode: Mode;
  readonly #nodes = new Map<string, Node>();
  readonly #proxies = new Map<string, FaultyProxy>();
  readonly #dataDir = mkdtempSync(join(tmpdir(), 'replicated-log-chaos-'));
  readonly #findings: Finding[] = [];

  private constructor(mode: Mode, secondaries: readonly string[]) {
    this.#mode = mode;
    this.secondaries = secondaries;
    // Two masters cannot share a directory.
    this.hasSecondMaster = mode === 'memory';
    process.once('exit', this.#removeNow);
    this.hasDiskFull = mode === 'disk' && spawnSync('prlimit', ['--version']).status === 0;
  }

  /** A cluster with this many secondaries, not started yet; `random` draws where garbage is inserted. */
  static async open(mode: Mode, count: number, random: () => number): Promise<LocalCluster> {
    const ids = Array.from({ length: count }, (_, index) => `s${index + 1}`);
    const cluster = new LocalCluster(mode, ids);
    for (const id of [MASTER, ...ids]) {
      cluster.#nodes.set(id, { port: await lastingPort(), incarnations: [], killed: new Set() });
    }
    for (const id of ids) {
      const proxy = new FaultyProxy(cluster.#node(id).port, random);
      cluster.#proxies.set(id, await proxy.listen());
    }
    return cluster;
  }

  url(node: string): string {
    return `http://127.0.0.1:${this.#node(node).port}`;
  }

  incarnation(node: string): number {
    return this.#node(node).incarnations.length;
  }

  async start(node: string): Promise<void> {
    const { port, incarnations, killed } = this.#node(node);
    const shared: Environment = {
      NODE_ID: node,
      PORT: port,
      CLUSTER_TOKEN: 'the-token-of-chaos',
      ...(this.#mode === 'disk' ? { DATA_DIR: this.#directory(node), FSYNC: 'always' } : {}),
    };
    const links = [...this.#proxies].map(([id, { port }]) => `${id}=http://127.0.0.1:${port}`);
    const own: Environment =
      node === MASTER
        ? { ...MASTER_TIMES, SECONDARIES: links.join(',') }
        : { FAULT_INJECTION: true };
    const incarnation = new NodeProcess(node === MASTER ? 'master' : 'secondary', {
      ...shared,
      ...own,
    });
    incarnations.push(incarnation);
    incarnation.exited().then((code) => {
      if (killed.has(incarnation)) return;
      const detail = `${node}, incarnation ${incarnations.indexOf(incarnation) + 1}, ended by itself with ${code}: `;
      this.#findings.push({
        name: 'unexpected exit',
        detail: detail + incarnation.stderr.slice(-2000),
      });
    });
    await incarnation.listening();
  }

  async kill(node: string): Promise<void> {
    const incarnation = this.#incarnation(node);
    this.#node(node).killed.add(incarnation);
    await incarnation.stop('SIGKILL');
  }

  async freeze(node: string): Promise<void> {
    this.#incarnation(node).signal('SIGSTOP');
  }

  async thaw(node: string): Promise<void> {
    this.#incarnation(node).signal('SIGCONT');
  }

  async usurp(): Promise<Deposed> {
    const master = this.#node(MASTER);
    const deposed = this.#incarnation(MASTER);
    const url = this.url(MASTER);
    deposed.signal('SIGSTOP');
    master.port = await lastingPort();
    await this.start(MASTER);
    return {
      url,
      thaw: async () => deposed.signal('SIGCONT'),
      kill: async () => {
        master.killed.add(deposed);
        await deposed.stop('SIGKILL');
      },
    };
  }

  async disturb(secondary: string, fault: string, dice: Dice): Promise<void> {
    this.#proxies.get(secondary)?.disturb(fault as LinkFault, {
      delayMs: dice.integer(100, 1200),
      dripBytes: dice.integer(1, 40),
      garbageRate: dice.pick([0.05, 0.3, 1]),
    });
  }

  async heal(secondary: string): Promise<void> {
    this.#proxies.get(secondary)?.heal();
  }

  async fillDisk(node: string, dice: Dice): Promise<boolean> {
    if (!this.#incarnation(node).isRunning) return false;
    const directory = this.#directory(node);
    const sizes = readdirSync(directory).map((file) => statSync(join(directory, file)).size);
    const limit = Math.max(0, ...sizes) + dice.pick([0, 0, 300, 3000]);
    this.#limitFiles(node, String(limit));
    return true;
  }

  async freeDisk(node: string): Promise<void> {
    if (this.#incarnation(node).isRunning) this.#limitFiles(node, 'unlimited');
  }

  async close(): Promise<void> {
    for (const [node, { incarnations, killed }] of this.#nodes) {
      const incarnation = incarnations.at(-1);
      if (incarnation === undefined || !incarnation.isRunning) continue;
      killed.add(incarnation);
      const isServing = incarnation.events('listening').length > 0;
      const code = await incarnation.stop(isServing ? 'SIGTERM' : 'SIGKILL');
      if (code === 0 || !isServing) continue;
      this.#findings.push({ name: 'unexpected exit', detail: `${node} ended with ${code}` });
    }
    for (const proxy of this.#proxies.values()) await proxy.close();
    process.off('exit', this.#removeNow);
    this.#removeNow();
  }

  readonly #removeNow = () => rmSync(this.#dataDir, { recursive: true, force: true });

  findings(): Finding[] {
    const defects = this.#logs().filter(({ line }) => isDefect(line.event));
    return [
      ...this.#findings,
      ...defects.map(({ node, line }) => ({
        name: 'defect',
        detail: `${node}: ${JSON.stringify(line)}`,
      })),
    ];
  }

  lastLines(count: number): string {
    return [...this.#nodes.keys()]
      .map((id) => this.#logs().filter(({ node }) => node === id))
      .flatMap((lines) => lines.slice(-count))
      .map(({ line }) => JSON.stringify(line))
      .join('\n');
  }

  #logs(): { node: string; line: LogLine }[] {
    return [...this.#nodes].flatMap(([node, { incarnations }]) =>
      incarnations.flatMap((incarnation) => incarnation.log.map((line) => ({ node, line }))),
    );
  }

  #node(node: string): Node {
    return this.#nodes.get(node) as Node;
  }

  #incarnation(node: string): NodeProcess {
    return this.#node(node).incarnations.at(-1) as NodeProcess;
  }

  #directory(node: string): string {
    const directory = join(this.#dataDir, node);
    mkdirSync(directory, { recursive: true });
    return directory;
  }

  /** Only the soft limit: the hard one could not be raised again. */
  #limitFiles(node: string, bytes: string): void {
    execFileSync('prlimit', ['--pid', String(this.#incarnation(node).pid), `--fsize=${bytes}:`]);
  }
}
