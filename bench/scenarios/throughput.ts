/** Appends of one message, from 64 connections: the floor, every write concern, and the peers. */
import { startCluster } from '../measure/cluster.ts';
import { loadTable, ratioOf, versus } from '../measure/load-table.ts';
import { alternate, appending, type Target } from '../measure/targets.ts';
import { startEtcd } from '../peers/etcd.ts';
import { startNats } from '../peers/nats.ts';
import { redisAppending, startRedis } from '../peers/redis.ts';
import { settings } from '../settings.ts';
import { startFloor } from './floor.ts';
import type { Context, Scenario } from './scenario.ts';

export const throughput: Scenario = {
  name: 'throughput',
  shows: 'appends of 100 bytes from 64 connections, a master and two secondaries in memory',
  async run({ load, peers }) {
    const { master, pids } = await startCluster(2);
    const cluster = { port: master.port, pids };
    const ours = [1, 2, 3].map((w) => appending(`w=${w}`, cluster, { w }));
    const targets = [appending('floor', await startFloor()), ...ours, ...(await startPeers(peers))];
    const rounds = await alternate(load, targets, settings.times);
    const baselines = { 'to the floor': versus('floor'), 'to Redis': versus('redis') };
    const points = targets.flatMap((target) => {
      const value = ratioOf(rounds, target, versus('floor'));
      return value === null ? [] : [{ label: target.kind, value }];
    });
    return {
      tables: [loadTable(throughput.shows, rounds, baselines)],
      series: [{ panel: 'throughput', name: 'to the floor', points }],
    };
  },
};

async function startPeers(peers: Context['peers']): Promise<Target[]> {
  return [
    ...(peers.has('redis') ? [redisAppending(await startRedis(2))] : []),
    ...(peers.has('nats') ? [await startNats()] : []),
    ...(peers.has('etcd') ? [await startEtcd()] : []),
  ];
}
