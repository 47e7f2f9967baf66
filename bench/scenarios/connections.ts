/** From one client to a thousand: the latency of one, the throughput of many. */
import { startCluster } from '../measure/cluster.ts';
import { loadTable, variantOf, versus } from '../measure/load-table.ts';
import { spreadOf } from '../measure/statistics.ts';
import { alternate, appending } from '../measure/targets.ts';
import { redisAppending, startRedis } from '../peers/redis.ts';
import { settings } from '../settings.ts';
import { startFloor } from './floor.ts';
import type { Scenario } from './scenario.ts';
import { seriesByKind } from './series.ts';

const COUNTS = settings.isQuick ? [1, 64, 1024] : [1, 16, 64, 256, 1024];

export const connections: Scenario = {
  name: 'connections',
  shows: 'appends of 100 bytes from one connection, and from up to 1024',
  async run({ load, peers }) {
    const floor = await startFloor();
    const { master, pids } = await startCluster(2);
    const cluster = { port: master.port, pids };
    const targets = COUNTS.flatMap((count) => {
      const options = { connections: count, variant: `${count}` };
      return [
        appending('floor', floor, options),
        appending('w=1', cluster, { ...options, w: 1 }),
        appending('w=3', cluster, { ...options, w: 3 }),
      ];
    });
    if (peers.has('redis')) {
      targets.push(redisAppending(await startRedis(2), { connections: 1, variant: '1' }));
    }
    const rounds = await alternate(load, targets, settings.times);
    const baselines = {
      'to the floor': versus('floor'),
      'to Redis': versus('redis'),
      'to 64 connections': variantOf('64'),
    };
    return {
      tables: [loadTable(connections.shows, rounds, baselines)],
      series: seriesByKind('connections', targets, (target) =>
        spreadOf((rounds.get(target) ?? []).map(({ p50 }) => p50)),
      ),
    };
  },
};
