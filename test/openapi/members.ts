/** A cluster of three members, whose answers are held against the description. */
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { health } from '../support/client.ts';
import { type Environment, FAST, NodeProcess, stopAfter } from '../support/cluster.ts';
import { freePort } from '../support/port.ts';
import { waitFor } from '../support/wait.ts';

const IDS = ['a', 'b', 'c'];

export interface Members {
  /** The one that was elected first. */
  readonly master: NodeProcess;
  readonly others: readonly [NodeProcess, NodeProcess];
}

/** Starts three members, and waits until one is the master, and the others are complete and know it. */
export async function startMembers(
  t: TestContext,
  environment: Environment = {},
): Promise<Members> {
  const path = fs.mkdtempSync(join(tmpdir(), 'members-'));
  t.after(() => fs.rmSync(path, { recursive: true, force: true }));
  const ports = await Promise.all(IDS.map(freePort));
  const list = IDS.map((id, index) => `${id}=http://127.0.0.1:${ports[index]}`).join(',');
  const nodes = IDS.map(
    (id) =>
      new NodeProcess('master', {
        ...FAST,
        MEMBERS: list,
        NODE_ID: id,
        DATA_DIR: join(path, id),
        FSYNC: 'never',
        FAULT_INJECTION: true,
        ELECTION_TIMEOUT_MS: 1000,
        ...environment,
      }),
  );
  stopAfter(t, ...nodes);
  await Promise.all(nodes.map((node) => node.listening()));
  return waitFor('a master that all know', async () => {
    const all = await Promise.all(nodes.map(health));
    const at = all.findIndex(({ role, status }) => role === 'master' && status === 'ok');
    const isKnown = all.every(({ complete, master }) => complete && master?.id === IDS[at]);
    const [first, second] = nodes.filter((_, index) => index !== at);
    if (!isKnown || first === undefined || second === undefined) return null;
    return { master: nodes[at] as NodeProcess, others: [first, second] as const };
  });
}
