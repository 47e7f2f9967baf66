/** Redis: a primary and its replicas, a stream, and an append as `XADD` with `WAIT`. */
import { freePort } from '../../test/support/port.ts';
import { ask } from '../load/ask.ts';
import { RedisProtocol, redisCommand } from '../load/redis.ts';
import { Started, until } from '../measure/processes.ts';
import { temporaryDirectory } from '../measure/running.ts';
import type { Target } from '../measure/targets.ts';
import { MEMORY_DIRECTORY } from './peers.ts';

const STREAM = 'log';

export interface Redis {
  readonly primary: Started;
  readonly port: number;
  readonly pids: Readonly<Record<string, number>>;
}

/** Starts an empty server that stores in memory only. */
export async function startRedisServer(): Promise<Started> {
  const port = await freePort();
  const options = ['--port', `${port}`, '--bind', '127.0.0.1', '--daemonize', 'no'];
  const memoryOnly = ['--save', '', '--appendonly', 'no', '--repl-diskless-sync-delay', '0'];
  // A replica always writes its first synchronisation to a file.
  const directory = ['--dir', temporaryDirectory(MEMORY_DIRECTORY)];
  const started = new Started('redis-server', [...options, ...memoryOnly, ...directory]);
  started.port = port;
  await until('redis', () => redis(port, 'PING'));
  return started;
}

export async function startRedis(replicaCount: number): Promise<Redis> {
  const primary = await startRedisServer();
  const replicas = await Promise.all(Array.from({ length: replicaCount }, startRedisServer));
  for (const replica of replicas) await follow(replica, primary.port);
  const names = replicas.map(({ pid }, i) => [`replica ${i + 1}`, pid]);
  const pids = { primary: primary.pid, ...Object.fromEntries(names) };
  return { primary, port: primary.port, pids };
}

/** Makes an empty server a replica, and waits until it has everything. */
export async function follow(replica: Started, primaryPort: number): Promise<void> {
  await redis(replica.port, 'REPLICAOF', '127.0.0.1', `${primaryPort}`);
  const isLinked = async () =>
    (await redis(replica.port, 'INFO', 'replication')).includes('master_link_status:up');
  await until('the replica of redis', isLinked, { everyMs: 2 });
}

/** Adds entries to a stream, one for each message. */
export async function fillRedis({ port }: Started, messages: number): Promise<void> {
  const BATCH = 1000;
  const batch = new RedisProtocol(addition(100).repeat(BATCH), BATCH);
  for (let added = 0; added < messages; added += BATCH) await ask(port, batch);
}

/** Appends that wait for both replicas. */
export function redisAppending(
  { port, pids }: Redis,
  options: { variant?: string; bytes?: number; messages?: number; connections?: number } = {},
): Target {
  const { variant = '', bytes = 100, messages = 1, connections = 64 } = options;
  const text = addition(bytes).repeat(messages) + redisCommand('WAIT', '2', '0');
  const request = { protocol: 'redis', text, replies: messages + 1 } as const;
  return { kind: 'redis', variant, port, request, connections, messages, pids };
}

function addition(bytes: number): string {
  return redisCommand('XADD', STREAM, '*', 'm', 'x'.repeat(bytes));
}

async function redis(port: number, ...words: readonly string[]): Promise<string> {
  return (await ask(port, new RedisProtocol(redisCommand(...words), 1))).toString();
}
