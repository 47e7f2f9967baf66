/** Tells how all nodes are, whenever it changes.  examples/watch-health.ts [--count 3] [--every-ms 500] */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Health, ReplicatedLogClient } from '../src/client.ts';
import { nodes, numberOf, token } from './nodes.ts';

const client = new ReplicatedLogClient({ nodes, token, timeoutMs: 1000 });
const looks = numberOf('count', Number.POSITIVE_INFINITY);
const everyMs = numberOf('every-ms', 500);

function told(health: Health): string {
  const { nodeId, status, length } = health;
  const base = `${nodeId} ${status}, ${length} messages`;
  if (health.role !== 'master') return base;
  const { available, required } = health.quorum;
  const others = health.secondaries.map(({ id, status, lag }) => `${id} ${status} lag ${lag}`);
  return `${base}, ${available} nodes of ${required} needed (${others.join(', ')})`;
}

let before = '';
for (let look = 0; look < looks; look += 1) {
  if (look > 0) await sleep(everyMs);
  const asked = nodes.map((node) => client.health(node).then(told, () => `${node} is away`));
  const now = (await Promise.all(asked)).join('\n');
  if (now !== before) console.log(`${new Date().toISOString()}\n${now}\n`);
  before = now;
}
