import assert from 'node:assert/strict';
import test from 'node:test';
import { Latencies } from '../../bench/load/latencies.ts';
import { median, spreadOf } from '../../bench/measure/statistics.ts';

test('a median is the middle value, or between the two in the middle', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(median([10, 9, 100]), 10, 'by size, not by spelling');
  assert.ok(Number.isNaN(median([])));
});

test('a spread names the quartiles and leaves its values as they were', () => {
  const values = [5, 1, 4, 2, 3];
  assert.deepEqual(spreadOf(values), { median: 3, low: 2, high: 4 });
  assert.deepEqual(spreadOf([1, 2]), { median: 1.5, low: 1.25, high: 1.75 });
  assert.deepEqual(values, [5, 1, 4, 2, 3]);
});

test('percentiles of latencies are by nearest rank', () => {
  const latencies = new Latencies();
  assert.deepEqual(latencies.percentiles(), { p50: 0, p99: 0, p999: 0, max: 0 });
  for (let ms = 1000; ms >= 1; ms -= 1) latencies.add(ms);
  assert.deepEqual(latencies.percentiles(), { p50: 500, p99: 990, p999: 999, max: 1000 });
});

test('there is room for more latencies than were expected', () => {
  const latencies = new Latencies();
  const count = 200_000;
  for (let i = 0; i < count; i += 1) latencies.add(i < count / 2 ? 1 : 7);
  assert.equal(latencies.count, count);
  assert.deepEqual(latencies.percentiles(), { p50: 1, p99: 7, p999: 7, max: 7 });
});
