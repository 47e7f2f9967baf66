/** The alternatives that the log is compared with, if they are installed. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { settings } from '../settings.ts';

const COMMANDS = { redis: 'redis-server', etcd: 'etcd', nats: 'nats-server' } as const;

export type Peer = keyof typeof COMMANDS;

/** The version of each peer; null if it is not installed. */
export function installedPeers(): Record<Peer, string | null> {
  const versionOf = (command: string) => {
    const { stdout } = spawnSync(command, ['--version'], {
      encoding: 'utf8',
      env: { PATH: settings.path },
    });
    return /\d+\.\d+\.\d+/.exec(stdout ?? '')?.[0] ?? null;
  };
  const { redis, etcd, nats } = COMMANDS;
  return { redis: versionOf(redis), etcd: versionOf(etcd), nats: versionOf(nats) };
}

/** The directory for files that peers always write: in memory, if the machine has such a directory. */
export const MEMORY_DIRECTORY = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
