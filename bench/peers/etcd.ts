/** etcd: three nodes, and a put through the HTTP gateway of the leader. */

import { freePort } from '../../test/support/port.ts';
import { Started, until } from '../measure/processes.ts';
import { post } from '../measure/requests.ts';
import { temporaryDirectory } from '../measure/running.ts';
import type { Target } from '../measure/targets.ts';
import { MEMORY_DIRECTORY } from './peers.ts';

interface Status {
  readonly leader?: string;
  readonly header: { readonly member_id: string };
}

/** Puts of a value of 100 bytes, to the leader of a cluster of three. */
export async function startEtcd(): Promise<Target> {
  const names = ['e1', 'e2', 'e3'];
  const url = async () => `http://127.0.0.1:${await freePort()}`;
  const members = await Promise.all(
    names.map(async (name) => ({ name, client: await url(), peer: await url() })),
  );
  const cluster = members.map(({ name, peer }) => `${name}=${peer}`).join(',');
  const started = members.map(({ name, client, peer }) => {
    const urls = ['--listen-client-urls', client, '--advertise-client-urls', client];
    const peerUrls = ['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer];
    const where = ['--name', name, '--data-dir', temporaryDirectory(MEMORY_DIRECTORY)];
    return new Started('etcd', [...where, ...urls, ...peerUrls, '--initial-cluster', cluster]);
  });
  const leader = await until('a leader of etcd', async () => {
    for (const { client } of members) {
      const answer = await fetch(`${client}/v3/maintenance/status`, { method: 'POST', body: '{}' });
      const { leader, header } = (await answer.json()) as Status;
      if (leader === header.member_id) return client;
    }
    return null;
  });
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const body = JSON.stringify({ key: base64('log'), value: base64('x'.repeat(100)) });
  return {
    kind: 'etcd',
    variant: '',
    port: Number(new URL(leader).port),
    request: { protocol: 'http', text: post('/v3/kv/put', body) },
    connections: 64,
    messages: 1,
    pids: Object.fromEntries(started.map(({ pid }, i) => [names[i] as string, pid])),
  };
}
