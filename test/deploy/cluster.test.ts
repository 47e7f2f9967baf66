/**
 * deploy/cluster.sh with local processes, in a copy of the checkout: a node that is stopped and started again has its
 * old configuration, whatever the environment is then; with FAILOVER=1 another member takes over meanwhile.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { freePort } from '../support/port.ts';
import { waitFor } from '../support/wait.ts';

const NODES = ['master', 's1', 's2'] as const;
const MEMBERS = ['a', 'b', 'c'] as const;
const TOKEN = `it's"quoted"$HOME\\`;

class Checkout {
  readonly path = fs.mkdtempSync(join(tmpdir(), 'checkout-'));
  readonly #ports: Record<string, string>;

  /** @param ports by the name of the node */
  constructor(ports: ReadonlyMap<string, number>) {
    const variables = [...ports].map(([node, port]) => [`${node.toUpperCase()}_PORT`, `${port}`]);
    this.#ports = Object.fromEntries(variables);
    for (const name of ['src', 'node_modules', 'package.json']) {
      fs.symlinkSync(join(process.cwd(), name), join(this.path, name));
    }
    fs.mkdirSync(join(this.path, 'deploy'));
    fs.copyFileSync('deploy/cluster.sh', join(this.path, 'deploy/cluster.sh'));
    fs.mkdirSync(join(this.path, 'bin'));
    fs.writeFileSync(join(this.path, 'bin/docker'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  }

  /** Runs the script; returns what it prints. */
  async cluster(args: readonly string[], settings: Record<string, string> = {}): Promise<string> {
    const { PATH, HOME } = process.env;
    // Its nodes use another loader, whose coverage cannot be merged with that of the rest.
    const quiet = { NODE_V8_COVERAGE: '' };
    const env = { HOME, ...quiet, ...settings, PATH: `${join(this.path, 'bin')}:${PATH}` };
    const command = promisify(execFile)('deploy/cluster.sh', args, { cwd: this.path, env });
    return (await command).stdout;
  }

  async up(settings: Record<string, string>): Promise<void> {
    await this.cluster(['up'], { ...this.#ports, ...settings });
  }

  async restart(node: string, settings: Record<string, string> = {}): Promise<void> {
    await this.cluster(['stop', node]);
    await this.cluster(['start', node], settings);
  }

  /** Sends a request to a node, which may be starting. */
  async ask(node: string, path: string, token: string | null = TOKEN, body?: object) {
    const port = this.#ports[`${node.toUpperCase()}_PORT`];
    const headers = {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const answer = await waitFor(`${node} to answer`, () =>
      fetch(`http://127.0.0.1:${port}${path}`, {
        headers,
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      }).catch(() => null),
    );
    // biome-ignore lint/suspicious/noExplicitAny: bodies of every shape
    return { status: answer.status, body: (await answer.json()) as any };
  }
}

async function checkout(t: TestContext, nodes: readonly string[] = NODES): Promise<Checkout> {
  const ports = new Map<string, number>();
  for (const node of nodes) ports.set(node, await freePort());
  const made = new Checkout(ports);
  t.after(async () => {
    await made.cluster(['down']);
    fs.rmSync(made.path, { recursive: true, force: true });
  });
  return made;
}

describe('deploy/cluster.sh', { skip: process.platform === 'win32' }, () => {
  it('starts a stopped node as the one that it was, with the settings of `up`', async (t) => {
    const cluster = await checkout(t);
    await cluster.up({
      API_TOKEN: TOKEN,
      DATA_DIR: 'kept',
      S2_FAULT_DELAY_MS: '7',
      S1_FAULT_DELAY_MS: '3',
      MAX_MESSAGE_BYTES: '123',
    });
    const first = await cluster.ask('master', '/messages', TOKEN, { message: 'a', w: 3 });
    assert.equal(first.status, 201);
    const before = (await cluster.ask('master', '/health')).body;

    // No change of the environment may reach the nodes, neither missing variables nor new ones.
    const others = { API_TOKEN: '', FAULT_DELAY_MS: '9', MAX_LOG_BYTES: '1', QUORUM_APPEND: 'no' };
    for (const node of NODES) await cluster.restart(node, others);
    for (const node of NODES) {
      assert.equal((await cluster.ask(node, '/messages', null)).status, 401, `${node}: no token`);
      const read = await cluster.ask(node, '/messages');
      assert.deepEqual([read.status, read.body], [200, ['a']], `${node} had it on its disk`);
    }
    await waitFor(
      'all to be up',
      async () => (await cluster.ask('master', '/health')).body.status === 'ok',
    );
    const after = (await cluster.ask('master', '/health')).body;
    assert.deepEqual([after.logId, after.epoch], [before.logId, before.epoch + 1]);
    const large = { message: 'x'.repeat(124), w: 1 };
    assert.equal((await cluster.ask('master', '/messages', TOKEN, large)).status, 413);
    assert.equal((await cluster.ask('master', '/messages', TOKEN, { message: 'b' })).status, 201);
    for (const [node, delayMs] of [
      ['s1', 3],
      ['s2', 7],
    ] as const) {
      assert.equal((await cluster.ask(node, '/faults')).body.delayMs, delayMs);
    }
  });

  it('keeps their settings for nobody else, and until `down`', async (t) => {
    const cluster = await checkout(t);
    const state = join(cluster.path, '.cluster');
    const kept = () => fs.readdirSync(state).filter((name) => name.endsWith('.env'));
    await cluster.up({ API_TOKEN: TOKEN });
    assert.deepEqual(kept().sort(), ['master.env', 's1.env', 's2.env']);
    for (const name of kept()) assert.equal(fs.statSync(join(state, name)).mode & 0o777, 0o600);

    // A missing node is started with its old configuration; the others run on.
    await cluster.cluster(['stop', 's2']);
    await cluster.up({});
    assert.equal((await cluster.ask('s2', '/messages', null)).status, 401);

    await cluster.cluster(['down']);
    assert.deepEqual(kept(), []);
    await cluster.up({});
    for (const node of NODES) {
      assert.equal((await cluster.ask(node, '/messages', null)).status, 200, `${node} is another`);
    }
  });

  it('with FAILOVER=1 starts members that elect their master, and elect another when it stops', async (t) => {
    const cluster = await checkout(t, MEMBERS);
    await cluster.up({ FAILOVER: '1', API_TOKEN: TOKEN });
    const masterAt = async (node: string): Promise<string | undefined> =>
      (await cluster.ask(node, '/health')).body.master?.id;
    // Where nobody has a log the first one begins it, so the README can name its port.
    assert.equal(await masterAt('c'), 'a');
    const first = await cluster.ask('a', '/messages', TOKEN, { message: 'one' });
    assert.deepEqual([first.status, first.body.w], [201, 2]);

    await cluster.cluster(['stop', 'a']);
    const next = await waitFor('another master', async () => {
      const id = await masterAt('b');
      return id === 'a' ? undefined : id;
    });
    const second = await cluster.ask(next, '/messages', TOKEN, { message: 'two' });
    assert.deepEqual([second.status, second.body.seq], [201, 2]);
    await cluster.cluster(['start', 'a']);
    const known = await waitFor('a to have caught up', async () => {
      const { length, master } = (await cluster.ask('a', '/health')).body;
      return length === 2 ? master?.id : undefined;
    });
    assert.equal(known, next, 'a node that returns disturbs nobody');

    const other = cluster.cluster(['up']);
    await assert.rejects(other, /members that elect their master run here; stop them first/);
    assert.match(await cluster.cluster(['ps']), /^a {2}pid .*\nb {2}pid .*\nc {2}pid /);
    await cluster.cluster(['down']);
    await cluster.up({ FAILOVER: '1' });
    for (const node of MEMBERS) {
      assert.deepEqual((await cluster.ask(node, '/messages', null)).body, ['one', 'two'], node);
    }
  });
});
