/** NATS JetStream: three servers, a stream with three replicas in memory, loaded at its leader. */
import { freePort } from '../../test/support/port.ts';
import { ask } from '../load/ask.ts';
import { NatsProtocol } from '../load/nats.ts';
import { Started, until } from '../measure/processes.ts';
import { temporaryDirectory } from '../measure/running.ts';
import type { Target } from '../measure/targets.ts';
import { MEMORY_DIRECTORY } from './peers.ts';

const STREAM = 'log';

/** Publishes of 100 bytes, each acknowledged by the stream. */
export async function startNats(): Promise<Target> {
  const names = ['n1', 'n2', 'n3'];
  const ports = await Promise.all(names.map(freePort));
  const routePorts = await Promise.all(names.map(freePort));
  const routes = routePorts.map((port) => `nats://127.0.0.1:${port}`).join(',');
  const started = names.map((name, i) => {
    const own = ['-n', name, '-a', '127.0.0.1', '-p', `${ports[i]}`];
    const cluster = ['--cluster_name', 'bench', '--cluster', `nats://127.0.0.1:${routePorts[i]}`];
    const store = ['-js', '-sd', temporaryDirectory(MEMORY_DIRECTORY)];
    return new Started('nats-server', [...own, ...cluster, '--routes', routes, ...store]);
  });
  const leader = await until('a stream of NATS', () => createStream(ports[0] as number));
  return {
    kind: 'nats',
    variant: '',
    port: ports[names.indexOf(leader)] as number,
    request: { protocol: 'nats', subject: STREAM, text: 'x'.repeat(100) },
    connections: 64,
    messages: 1,
    pids: Object.fromEntries(started.map(({ pid }, i) => [names[i] as string, pid])),
  };
}

/** Creates the stream, if it is not there yet, and returns its leader. */
async function createStream(port: number): Promise<string | null> {
  const stream = { name: STREAM, subjects: [STREAM], num_replicas: 3, storage: 'memory' };
  const bounded = { ...stream, max_bytes: 2 ** 30, discard: 'old' };
  const subject = `$JS.API.STREAM.CREATE.${STREAM}`;
  const protocol = new NatsProtocol(subject, JSON.stringify(bounded), '"leader"');
  const answer = (await ask(port, protocol, 2000)).toString();
  return /"leader":\s*"(n\d)"/.exec(answer)?.[1] ?? null;
}
