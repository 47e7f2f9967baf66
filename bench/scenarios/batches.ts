/** Appends of many messages in one request. */
import { startCluster } from '../measure/cluster.ts';
import { loadTable, throughputOf, versus } from '../measure/load-table.ts';
import { alternate, appending } from '../measure/targets.ts';
import { redisAppending, startRedis } from '../peers/redis.ts';
import { settings } from '../settings.ts';
import { startFloor } from './floor.ts';
import type { Scenario } from './scenario.ts';
import { seriesByKind } from './series.ts';

/** The largest batches use fewer connections, or a slice would see at most one round of answers. */
const SIZES = [
  { messages: 10, connections: 64 },
  { messages: 100, connections: 64 },
  { messages: 1000, connections: 16 },
];

export const batches: Scenario = {
  name: 'batches',
  shows:
    'appends of 10 and 100 messages of 100 bytes in one request from 64 connections, of 1000 from 16',
  async run({ load, peers }) {
    const floor = await startFloor();
    const { master, pids } = await startCluster(2);
    const cluster = { port: master.port, pids };
    const redis = peers.has('redis') ? await startRedis(2) : null;
    const targets = SIZES.flatMap((size) => {
      const options = { ...size, variant: `x${size.messages}` };
      return [
        appending('floor', floor, options),
        appending('w=3', cluster, { ...options, w: 3 }),
        ...(redis === null ? [] : [redisAppending(redis, options)]),
      ];
    });
    const measureMs = Math.max(settings.times.measureMs, 300);
    const rounds = await alternate(load, targets, { ...settings.times, measureMs });
    const baselines = { 'to the floor': versus('floor'), 'to Redis': versus('redis') };
    return {
      tables: [loadTable(batches.shows, rounds, baselines)],
      series: seriesByKind('batches', targets, (target) => throughputOf(rounds, target)),
    };
  },
};
