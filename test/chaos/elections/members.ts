/**
 * The members of an elected cluster as processes of this machine, their logs on disk. All of them reach a member through
 * its faulty proxy, because all have the same list of members; clients reach it directly.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dice } from '../../lib/support.ts';
import { NodeProcess } from '../../support/cluster.ts';
import { isDefect, MASTER_TIMES } from '../cluster.ts';
import { type Answer, call } from '../http.ts';
import { lastingPort } from '../port.ts';
import { FaultyProxy, type LinkFault } from '../proxy.ts';
import type { Finding } from './history.ts';

/** Short, so that a minute sees many elections. */
export const ELECTION_TIMEOUT_MS = 1000;
const CLUSTER_TOKEN = 'the-token-of-chaos';

interface Member {
  readonly port: number;
  readonly proxy: FaultyProxy;
  readonly runs: NodeProcess[];
  readonly killed: Set<NodeProcess>;
}

export class Members {
  readonly ids: readonly string[];
  readonly hasDiskFull = spawnSync('prlimit', ['--version']).status === 0;
  readonly #members = new Map<string, Member>();
  readonly #dataDir = mkdtempSync(join(tmpdir(), 'replicated-log-elections-'));
  readonly #findings: Finding[] = [];

  private constructor(ids: readonly string[]) {
    this.ids = ids;
    process.once('exit', this.#removeNow);
  }

  /** Members a, b, c and so on, not started yet; `random` draws where garbage is inserted. */
  static async open(count: number, random: () => number): Promise<Members> {
    const ids = Array.from({ length: count }, (_, index) => String.fromCharCode(97 + index));
    const members = new Members(ids);
    for (const id of ids) {
      const port = await lastingPort();
      const proxy = await new FaultyProxy(port, random).listen();
      members.#members.set(id, { port, proxy, runs: [], killed: new Set() });
    }
    return members;
  }

  url(id: string): string {
    return `http://127.0.0.1:${this.#of(id).port}`;
  }

  isRunning(id: string): boolean {
    return this.#of(id).runs.at(-1)?.isRunning === true;
  }

  async start(id: string): Promise<void> {
    const { port, runs, killed } = this.#of(id);
    const list = [...this.#members].map(
      ([each, { proxy }]) => `${each}=http://127.0.0.1:${proxy.port}`,
    );
    const run = new NodeProcess('master', {
      ...MASTER_TIMES,
      ELECTION_TIMEOUT_MS,
      MEMBERS: list.join(','),
      NODE_ID: id,
      PORT: port,
      DATA_DIR: this.#directory(id),
      CLUSTER_TOKEN,
      FAULT_INJECTION: true,
    });
    runs.push(run);
    run.exited().then((code) => {
      if (killed.has(run)) return;
      const detail = `${id}, run ${runs.indexOf(run) + 1}, ended with ${code}: ${run.stderr.slice(-2000)}`;
      this.#findings.push({ name: 'unexpected exit', detail });
    });
    await run.listening();
  }

  /** Ends it by this signal: SIGKILL, or SIGTERM, at which a master hands over. */
  async end(id: string, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const run = this.#run(id);
    this.#of(id).killed.add(run);
    await run.stop(signal);
  }

  freeze(id: string): void {
    this.#run(id).signal('SIGSTOP');
  }

  thaw(id: string): void {
    this.#run(id).signal('SIGCONT');
  }

  /** Its disk is replaced by an empty one; it must not run. */
  wipe(id: string): void {
    rmSync(this.#directory(id), { recursive: true, force: true });
  }

  disturb(id: string, fault: LinkFault, dice: Dice): void {
    this.#of(id).proxy.disturb(fault, {
      delayMs: dice.integer(50, 800),
      dripBytes: dice.integer(1, 40),
      garbageRate: dice.pick([0.05, 0.3, 1]),
    });
  }

  heal(id: string): void {
    this.#of(id).proxy.heal();
  }

  /** Its files grow no more, or hardly; false if it does not run. */
  fillDisk(id: string, dice: Dice): boolean {
    if (!this.isRunning(id)) return false;
    const directory = this.#directory(id);
    const sizes = readdirSync(directory).map((file) => statSync(join(directory, file)).size);
    this.#limitFiles(id, String(Math.max(0, ...sizes) + dice.pick([0, 300, 3000])));
    return true;
  }

  freeDisk(id: string): void {
    if (this.isRunning(id)) this.#limitFiles(id, 'unlimited');
  }

  /** Hands over to any member; rejects if it does not answer. */
  handOver(id: string): Promise<Answer> {
    const headers = { authorization: `Bearer ${CLUSTER_TOKEN}` };
    return call(`${this.url(id)}/handover`, { method: 'POST', headers, timeoutMs: 5000 });
  }

  /** Ends all in peace, and removes what they left. */
  async close(): Promise<void> {
    for (const id of this.ids) {
      const run = this.#of(id).runs.at(-1);
      if (run?.isRunning) await this.end(id, 'SIGKILL');
      await this.#of(id).proxy.close();
    }
    process.off('exit', this.#removeNow);
    this.#removeNow();
  }

  /** What their logs and ends tell of defects. */
  findings(): Finding[] {
    const defects = [...this.#members].flatMap(([id, { runs }]) =>
      runs.flatMap(({ log }) =>
        log.filter(({ event }) => isDefect(event)).map((line) => ({ id, line })),
      ),
    );
    const told = defects.map(({ id, line }) => ({
      name: 'defect',
      detail: `${id}: ${JSON.stringify(line)}`,
    }));
    return [...this.#findings, ...told];
  }

  /** How often members were elected in all. */
  get elections(): number {
    const runs = [...this.#members.values()].flatMap((member) => member.runs);
    return runs.reduce((sum, run) => sum + run.events('elected').length, 0);
  }

  /** The last lines of each log, for people. */
  lastLines(count: number): string {
    return [...this.#members]
      .flatMap(([, { runs }]) => runs.flatMap(({ log }) => log).slice(-count))
      .map((line) => JSON.stringify(line))
      .join('\n');
  }

  readonly #removeNow = () => rmSync(this.#dataDir, { recursive: true, force: true });

  #of(id: string): Member {
    return this.#members.get(id) as Member;
  }

  #run(id: string): NodeProcess {
    return this.#of(id).runs.at(-1) as NodeProcess;
  }

  #directory(id: string): string {
    const directory = join(this.#dataDir, id);
    mkdirSync(directory, { recursive: true });
    return directory;
  }

  #limitFiles(id: string, bytes: string): void {
    execFileSync('prlimit', ['--pid', String(this.#run(id).pid), `--fsize=${bytes}:`]);
  }
}
