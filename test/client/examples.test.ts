/** Runs every example as a program on a cluster of its own. An example without a check here fails. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { append, messages } from '../support/client.ts';
import { type Cluster, FAST, startCluster, startMaster, stopAfter } from '../support/cluster.ts';
import { inherited, RUNTIME } from '../support/runtime.ts';
import { DEADLINE_MS, waitFor } from '../support/wait.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** An example that runs; killed after the test at the latest. */
class Example {
  output = '';
  readonly #child: ChildProcess;
  readonly #code: Promise<number | null>;

  constructor(t: TestContext, file: string, { master, secondaries }: Cluster, args: string[]) {
    const [command, ...options] = RUNTIME as [string, ...string[]];
    const NODES = [master, ...secondaries].map(({ url }) => url).join(',');
    this.#child = spawn(command, [...options, `examples/${file}`, ...args], {
      cwd: ROOT,
      env: { ...inherited(), NODES },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: DEADLINE_MS,
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk) => {
        this.output += chunk;
      });
    }
    this.#code = once(this.#child, 'close').then(([code]) => code);
    t.after(() => this.#child.kill('SIGKILL'));
  }

  /** Waits until it exits with 0; returns the lines that it printed. */
  async lines(): Promise<string[]> {
    assert.equal(await this.#code, 0, this.output);
    return this.output.trimEnd().split('\n');
  }
}

const CHECKS: Record<string, (t: TestContext, cluster: Cluster) => Promise<void>> = {
  'append.ts': async (t, cluster) => {
    const [line = ''] = await new Example(t, 'append.ts', cluster, ['Hello', 'world']).lines();
    assert.match(line, /^'Hello world' is at seq 1, on master, s\d/);
    assert.deepEqual(await messages(cluster.master), ['Hello world']);
  },

  'read-your-writes.ts': async (t, cluster) => {
    const lines = await new Example(t, 'read-your-writes.ts', cluster, []).lines();
    const names = ['master', 's1', 's2'];
    assert.deepEqual(
      lines,
      names.map((name) => `${name} shows 'mine' at seq 1`),
    );
  },

  'tail.ts': async (t, cluster) => {
    await append(cluster.master, { messages: ['a', 'b'] });
    const tail = new Example(t, 'tail.ts', cluster, ['--from', '2', '--count', '3']);
    await waitFor('what there is', () => tail.output === '2 b\n');
    await append(cluster.master, { messages: ['c', 'd', 'e'] });
    assert.deepEqual(await tail.lines(), ['2 b', '3 c', '4 d']);
  },

  'survive-restart.ts': async (t, cluster) => {
    const { master, secondaries } = cluster;
    const args = ['--count', '60', '--every-ms', '20'];
    const example = new Example(t, 'survive-restart.ts', cluster, args);
    await waitFor('some appends', async () => (await messages(master)).length > 5);
    await master.stop('SIGKILL');
    const ports = secondaries.map(({ port }) => port);
    stopAfter(t, await startMaster(ports, { ...FAST, PORT: master.port }));
    const lines = await example.lines();
    assert.equal(lines[0], '1: a master of epoch 1');
    assert.match(lines[1] ?? '', /^\d+: a master of epoch 2$/);
    assert.equal(lines.at(-1), '60 appended, 60 in the log, each once, in order');
  },

  'watch-health.ts': async (t, cluster) => {
    const { secondaries } = cluster;
    const args = ['--count', '150', '--every-ms', '50'];
    const example = new Example(t, 'watch-health.ts', cluster, args);
    const all = /master ok, 0 messages, 3 nodes of 2 needed \(s1 Healthy lag 0, s2 Healthy lag 0\)/;
    await waitFor('all to be well', () => all.test(example.output));
    await secondaries[1]?.stop('SIGKILL');
    const away = /master degraded, .*s2 (Suspected|Unhealthy).*\n.*\nhttp:\S+ is away/;
    await waitFor('one to be away', () => away.test(example.output));
    await example.lines();
  },
};

const files = readdirSync(new URL('../../examples', import.meta.url));
/** Shared by the examples, and no program. */
const SHARED = 'nodes.ts';

describe('the example', () => {
  for (const file of files.filter((name) => name.endsWith('.ts') && name !== SHARED)) {
    it(file, async (t) => {
      const check = CHECKS[file];
      assert(check, `examples/${file} has no check in this file`);
      await check(t, await startCluster(t));
    });
  }

  it('is there for each check', () => {
    for (const file of Object.keys(CHECKS)) assert(files.includes(file), `no examples/${file}`);
  });
});
