/** SIGKILL at any instant: what was acknowledged is there after the restart, at its seq, once. */
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { it } from 'node:test';
import { messages } from '../support/client.ts';
import type { NodeProcess } from '../support/cluster.ts';
import { DiskCluster, kill } from '../support/disk-cluster.ts';
import { DEADLINE_MS, waitFor } from '../support/wait.ts';

const ROUNDS = 5;
const CONNECTIONS = 4;
/** Between the acks a round waits for and its end, at random, in ms. */
const MORE_MS_MAX = 60;

/** Appends one message with w=1; its seq, or null if no answer came. */
function appendOne(master: NodeProcess, agent: Agent, message: string): Promise<number | null> {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json' };
    const req = request(`${master.url}/messages`, { method: 'POST', agent, headers }, (res) => {
      let text = '';
      res.on('data', (chunk) => {
        text += chunk;
      });
      res.on('error', () => resolve(null));
      res.on('close', () => {
        resolve(res.complete && res.statusCode === 201 ? JSON.parse(text).seq : null);
      });
    });
    req.on('error', () => resolve(null));
    req.setTimeout(DEADLINE_MS, () => req.destroy());
    req.end(JSON.stringify({ message, w: 1 }));
  });
}

it('a master that is killed at any instant has every append it acknowledged', async (t) => {
  const cluster = new DiskCluster(t);
  const acked = new Map<string, number>();
  let sent = 0;
  for (let round = 1; round <= ROUNDS; round += 1) {
    const master = await cluster.master();
    const agent = new Agent({ keepAlive: true });
    const before = acked.size;
    const client = async (name: number) => {
      for (let i = 1; ; i += 1) {
        const text = `${round}-${name}-${i} ${'x'.repeat((i * 37) % 300)}`;
        sent += 1;
        const seq = await appendOne(master, agent, text);
        if (seq === null) return;
        acked.set(text, seq);
      }
    };
    const clients = Array.from({ length: CONNECTIONS }, (_, name) => client(name));
    await waitFor('some acks', () => acked.size >= before + 10 * round);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * MORE_MS_MAX));
    await kill(master);
    await Promise.all(clients);
    agent.destroy();
  }
  const master = await cluster.master();
  const shown = await messages(master);
  t.diagnostic(`${acked.size} of ${sent} acknowledged, ${shown.length} there`);
  for (const [text, seq] of acked) assert.equal(shown[seq - 1], text, `seq ${seq}`);
  assert.equal(new Set(shown).size, shown.length, 'nothing is there twice');
  assert(shown.length <= sent);
});
