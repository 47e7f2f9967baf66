import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Histogram } from '../../../src/lib/runtime/metrics/histogram.ts';
import { Exposition } from '../../../src/lib/wire/exposition.ts';

describe('Exposition', () => {
  it('writes families with their labels, escaped', () => {
    const text = new Exposition()
      .gauge('a', 'One.', [[1.5]])
      .counter('b_total', 'Two.', [
        [1, { node: 'x"y\\z\n' }],
        [2, { node: 's2', w: 3 }],
      ])
      .text();
    assert.equal(
      text,
      [
        '# HELP a One.',
        '# TYPE a gauge',
        'a 1.5',
        '# HELP b_total Two.',
        '# TYPE b_total counter',
        'b_total{node="x\\"y\\\\z\\n"} 1',
        'b_total{node="s2",w="3"} 2',
        '',
      ].join('\n'),
    );
  });

  it('writes histograms with buckets that hold all below', () => {
    const histogram = new Histogram();
    for (const seconds of [0.00005, 0.0001, 0.003, 1000]) histogram.observe(seconds);
    const text = new Exposition().histogram('h_seconds', 'H.', [[{ w: 2 }, histogram]]).text();
    const valueAt = (le: string) =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`h_seconds_bucket{w="2",le="${le}"}`))
          ?.split(' ')[1],
      );
    assert.deepEqual(['0.0001', '0.0025', '0.005', '60', '+Inf'].map(valueAt), [2, 2, 3, 3, 4]);
    assert.match(text, /h_seconds_count\{w="2"\} 4/);
    assert.match(text, /h_seconds_sum\{w="2"\} 1000\.003/);
  });
});
