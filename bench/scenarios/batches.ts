/** Appends of many messages in one request. */
import { startCluster } from '../measure/cluster.ts';
import { loadTable, throughputOf, versus } from '../measure/load-table.ts';
import { alternate, appending } from '../measure/targets.ts';
import { redisAppending, startRedis } from '../peers/redis.ts';
import { settings } from '../settings.ts';
import { startFloor } from './floor.ts';
import type { Scenario } from './scenario.ts';
import { seriesByKind } from './series.ts';

const SIZES = [10, 100, 1000] as const;

export const batches: Scenario = {
  name: 'batches',
  shows: 'appends of 10, 100 and 1000 messages of 100 bytes in one request, w=3, 64 connections',
  async run({ load, peers }) {
    const floor = await startFloor();
    const { master, pids } = await startCluster(2);
    const cluster = { port: master.port, pids };
    const redis = peers.has('redis') ? await startRedis(2) : null;
    const targets = SIZES.flatMap((messages) => {
      const options = { messages, variant: `x${messages}` };
      return [
        appending('floor', floor, options),
        appending('w=3', cluster, { ...options, w: 3 }),
        ...(redis === null ? [] : [redisAppending(redis, options)]),
      ];
    });
    // A thousand messages take long enough for a short slice to see few answers.
    const measureMs = Math.max(2 * settings.times.measureMs, 400);
    const rounds = await alternate(load, targets, { ...settings.times, measureMs });
    const baselines = { 'to the floor': versus('floor'), 'to Redis': versus('redis') };
    return {
      tables: [loadTable(batches.shows, rounds, baselines)],
      series: seriesByKind('batches', targets, (target) => throughputOf(rounds, target)),
    };
  },
};
