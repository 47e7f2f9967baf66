/** Tables as text and Markdown, and the chart as SVG that can be read. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { chart } from '../../bench/report/chart.ts';
import { page } from '../../bench/report/markdown.ts';
import { cellText, markdownTable, numberText, textTable } from '../../bench/report/table.ts';
import type { Results } from '../../bench/results.ts';

const table = {
  title: 'Title',
  columns: ['target', 'msg/s', 'ratio'],
  rows: [
    ['floor', 12345.6, { median: 1, low: 1, high: 1 }],
    ['w=3', 7, { median: 0.512, low: 0.5, high: 0.6 }],
    ['a|b', 3.146, null],
  ],
};

const spread = (median: number) => ({ median, low: median * 0.9, high: median * 1.1 });

function results(runtime: string): Results {
  const machine = { cpu: 'A & B', cores: 2, memoryGiB: 8, kernel: '6.1', date: '2026-01-02' };
  const points = (...labels: string[]) =>
    labels.map((label, i) => ({ label, value: spread(10 ** (i - 1)) }));
  const series = [
    { panel: 'throughput', name: 'ratio', points: points('floor', 'w=3', 'redis') },
    { panel: 'batches', name: 'w=3', points: points('x10', 'x100') },
    { panel: 'batches', name: 'redis', points: [{ label: 'x10', value: spread(Number.NaN) }] },
    { panel: 'connections', name: 'floor', points: points('1') },
  ] as const;
  const good = { name: 'one', shows: 'it', failure: null, outcome: { tables: [table], series } };
  const bad = { name: 'two', shows: 'it', failure: 'why', outcome: null };
  const scenarios = [good, bad];
  return { machine: { ...machine, runtime }, isQuick: false, peers: { redis: '7.0.1' }, scenarios };
}

test('numbers keep three digits that count', () => {
  const texts = [0, 1, 0.5123, 9.876, 12.34, 123.4, 12345.6, Number.NaN].map(numberText);
  assert.deepEqual(texts, ['0', '1', '0.51', '9.88', '12.3', '123', '12,346', '-']);
});

test('a cell is text, a number, a spread or shares by name', () => {
  assert.equal(cellText(null), '');
  assert.equal(cellText({ median: 0.5, low: 0.4, high: 0.6 }), '0.50 (0.40-0.60)');
  assert.equal(cellText({ median: 1, low: 1, high: 1 }), '1');
  assert.equal(cellText({ load: 12, master: 3.5 }), 'load 12, master 3.50');
});

test('text is aligned, numbers to the right', () => {
  const lines = textTable(table).split('\n');
  assert.deepEqual(lines.slice(2, 6), [
    '  target   msg/s             ratio',
    '  floor   12,346                 1',
    '  w=3          7  0.51 (0.50-0.60)',
    '  a|b       3.15',
  ]);
});

test('Markdown has as many cells in every line', () => {
  const lines = markdownTable(table).trim().split('\n').slice(2);
  assert.deepEqual(lines.slice(0, 2), ['| target | msg/s | ratio |', '| --- | ---: | ---: |']);
  for (const line of lines) assert.equal(line.match(/(?<!\\)\|/g)?.length, 4, line);
});

test('the page names the machine, the peers, and what failed', () => {
  const text = page([results('Node 26.0.0'), results('Bun 1.0.0')]);
  for (const part of ['## Node 26.0.0', '## Bun 1.0.0', 'redis 7.0.1', '### one', 'Failed: why']) {
    assert.ok(text.includes(part), part);
  }
});

test('the chart is one SVG with a bar for each target, inside of its frame', () => {
  const one = chart([results('Node 26.0.0')]);
  const two = chart([results('Node 26.0.0'), results('Bun 1.0.0')]);
  assert.equal(one.match(/<rect /g)?.length, 3);
  assert.equal(two.match(/<rect /g)?.length, 6);
  for (const svg of [one, two]) {
    assert.doesNotMatch(svg, /NaN|undefined|Infinity|A & B/);
    assert.match(svg, /prefers-color-scheme:dark/);
    const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? [];
    for (const [, x, y] of svg.matchAll(/<(?:text|circle) c?x="([\d.-]+)" c?y="([\d.-]+)"/g)) {
      assert.ok(Number(x) >= 0 && Number(x) <= Number(width), `x=${x}`);
      assert.ok(Number(y) >= 0 && Number(y) <= Number(height), `y=${y}`);
    }
    const open = svg.match(/<(svg|style|text)\b/g)?.length;
    assert.equal(svg.match(/<\/(svg|style|text)>/g)?.length, open);
  }
});

test('a run of other scenarios has a chart without panels', () => {
  const none = { ...results('Node 26.0.0'), scenarios: [] };
  assert.match(chart([none]), /<\/svg>\n$/);
});
