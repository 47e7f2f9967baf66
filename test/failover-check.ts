/**
 * Plays what can happen to a cluster that elects its master, on a new cluster of its own: kills, hangs, cuts,
 * handovers, a lost disk, a stop of all. A client appends through it all. Exits with 1 when an acknowledged append is
 * lost, doubled or out of order, or when appends fail for longer than they may. The story is in `failover/story.ts`.
 *
 *   WHERE=docker|local  where the cluster runs; default: in Docker if an engine answers
 *   RUNTIME="bun"       what runs local nodes; default: node with tsx
 */
import assert from 'node:assert/strict';
import { LocalFailoverCluster } from './failover/cluster.ts';
import { DockerFailoverCluster, hasDocker } from './failover/docker-cluster.ts';
import { Story } from './failover/story.ts';

/** How long the whole check may take, in ms, with building the image. */
const CHECK_MS_MAX = 600_000;

const where = process.env.WHERE ?? (hasDocker() ? 'docker' : 'local');
assert(where === 'docker' || where === 'local', `WHERE must be docker or local; got '${where}'`);

const cluster =
  where === 'docker' ? await DockerFailoverCluster.open() : await LocalFailoverCluster.open();
// Whatever ends this process, nothing of the cluster stays.
process.once('exit', () => cluster.remove());
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
setTimeout(() => {
  console.error(`not ok: it took longer than ${CHECK_MS_MAX} ms`);
  process.exit(1);
}, CHECK_MS_MAX).unref();

console.log(
  `Three members that elect their master, on ${cluster.kind}. A client appends without pause, at majority.`,
);
console.log('The bounds are for a machine that is not busy; the check fails beyond twice as much.');
try {
  await new Story(cluster).play();
  console.log('passed');
  process.exit(0);
} catch (error) {
  const { message, stderr = '' } = error as Error & { stderr?: string };
  console.error(`not ok: ${message}${stderr}`);
  process.exit(1);
}
