/** The table of slices: ratios by round, CPU by process, saturated processes. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Slice } from '../../bench/measure/load.ts';
import {
  cpuByProcess,
  loadTable,
  ratioOf,
  saturated,
  throughputOf,
  versus,
} from '../../bench/measure/load-table.ts';
import { appending, type Rounds, type Target } from '../../bench/measure/targets.ts';

const place = { port: 1, pids: {} };

function slice(requests: number, cpuMsBy: Record<string, number> = {}, machineMs = 0): Slice {
  const percentiles = { p50: 1, p99: 2, p999: 3, max: 4 };
  return { requests, elapsedMs: 1000, cpuMs: 0, cpuMsBy, machineMs, ...percentiles };
}

function rounds(...all: [Target, Slice[]][]): Rounds {
  return new Map(all);
}

test('a ratio is the median of the ratios of each round, not the ratio of the medians', () => {
  const floor = appending('floor', place);
  const ours = appending('w=3', place);
  const slow = [slice(100), slice(10), slice(1000)];
  const half = [slice(50), slice(5), slice(900)];
  const both = rounds([floor, slow], [ours, half]);
  assert.deepEqual(ratioOf(both, ours, versus('floor')), { median: 0.5, low: 0.5, high: 0.7 });
  assert.equal(ratioOf(both, floor, versus('floor'))?.median, 1);
  assert.equal(ratioOf(both, ours, versus('redis')), null, 'who is not there');
});

test('a ratio is to the same variant; a request of many messages counts as many', () => {
  const floor = appending('floor', place, { variant: 'x10', messages: 10 });
  const other = appending('floor', place);
  const ours = appending('w=3', place, { variant: 'x10', messages: 10 });
  const all = rounds([other, [slice(1)]], [floor, [slice(8)]], [ours, [slice(4)]]);
  assert.equal(throughputOf(all, ours).median, 40);
  assert.equal(ratioOf(all, ours, versus('floor'))?.median, 0.5);
});

test('CPU is told for each request, and who had no more to give', () => {
  const slices = [
    slice(100, { load: 100, master: 950 }, 1500),
    slice(300, { load: 100, master: 950 }),
  ];
  assert.deepEqual(cpuByProcess(slices), { load: 500, master: 4750 });
  assert.equal(saturated(slices, 4), 'master');
  assert.equal(saturated([slice(1, { master: 10 }, 1900)], 2), 'all cores');
});

test('columns without anything are left out', () => {
  const target = appending('floor', place);
  const table = loadTable('title', rounds([target, [slice(1234)]]), {
    'to Redis': versus('redis'),
  });
  const columns = ['target', 'messages/s', 'p50 ms', 'p99 ms', 'p99.9 ms', 'CPU, us a request'];
  assert.deepEqual(table.columns, columns);
  assert.deepEqual(table.rows, [['floor', 1234, 1, 2, 3, {}]]);
});
