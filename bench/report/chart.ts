/**
 * Draws the chart as an SVG for light and dark pages: bars with whiskers for the ratios to the floor, and two panels
 * of lines on logarithmic scales for batches and connections.
 */
import type { Results } from '../results.ts';
import type { Series } from '../scenarios/scenario.ts';

const WIDTH = 860;
const MARGIN = 24;
const LABELS = 150;
const ROW = 26;
const PANEL = { width: 390, height: 190, left: 44, top: 44 };
const GRAY = '#8b949e';
const OURS = ['#7cb7ff', '#4c8dff', '#2f6fe0'];
const PEERS: Readonly<Record<string, string>> = {
  redis: '#e5534b',
  nats: '#e08a3c',
  etcd: '#c9a227',
};
const NAMES: Readonly<Record<string, string>> = {
  floor: 'bare node:http',
  redis: 'Redis XADD + WAIT 2',
  nats: 'NATS JetStream R3',
  etcd: 'etcd, 3 nodes',
};
const STYLE = `text{font:13px system-ui,sans-serif;fill:#24292f}.small{font-size:11px;fill:#6e7781}
.title{font-size:15px;font-weight:600}.axis{stroke:#8b949e;stroke-opacity:.35}.whisker{stroke:#24292f;stroke-width:1.5}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9198a1}.whisker{stroke:#e6edf3}}`;

/** The chart of one run. Runs of other runtimes add bars, each as a ratio to its own floor. */
export function chart(all: readonly [Results, ...Results[]]): string {
  const [first] = all;
  const bars = barPanel(all, MARGIN + 44);
  const top = bars.bottom + 24;
  const side = (panel: Series['panel'], x: number, title: string) => {
    const series = seriesOf(first, panel);
    return series.length === 0 ? '' : linePanel(series, title, x, top);
  };
  const lines =
    side('batches', MARGIN, 'messages a second, by messages in a request') +
    side('connections', WIDTH / 2 + 12, 'p50 of an append in ms, by connections');
  const height = lines === '' ? bars.bottom + MARGIN : top + PANEL.height + MARGIN;
  const { runtime, cpu, cores, date } = first.machine;
  const runs = all.length === 1 ? `${runtime}, ` : '';
  const subtitle = `64 connections, 100 bytes, a master and two secondaries; ${runs}${cores} cores of ${cpu}, ${date}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Benchmark">
<style>${STYLE}</style>
${text(MARGIN, MARGIN + 6, 'Appends a second, as a ratio to a bare node:http server', 'title')}
${text(MARGIN, MARGIN + 26, subtitle, 'small')}
${bars.svg}${lines}</svg>
`;
}

function seriesOf({ scenarios }: Results, panel: Series['panel']): Series[] {
  return scenarios
    .flatMap(({ outcome }) => outcome?.series ?? [])
    .filter((series) => series.panel === panel)
    .map((series) => ({
      ...series,
      // A slice without an answer has no figure.
      points: series.points.filter(
        ({ value }) => Number.isFinite(value.median) && value.median > 0,
      ),
    }))
    .filter(({ points }) => points.length > 0);
}

function barPanel(all: readonly Results[], top: number): { svg: string; bottom: number } {
  const groups = all.map((results) => ({
    name: results.machine.runtime,
    points: seriesOf(results, 'throughput').flatMap(({ points }) => points),
  }));
  const highest = Math.max(1, ...groups.flatMap(({ points }) => points.map((p) => p.value.high)));
  const scale = (WIDTH - LABELS - 2 * MARGIN - 60) / highest;
  const left = MARGIN + LABELS;
  const parts: string[] = [];
  let y = top;
  for (const { name, points } of groups) {
    if (groups.length > 1) parts.push(text(MARGIN, y + 16, name, 'small'));
    if (groups.length > 1) y += ROW;
    for (const { label, value } of points) {
      const [middle, end] = [y + ROW / 2, left + value.median * scale];
      const [low, high] = [left + value.low * scale, left + value.high * scale];
      const whisker = `M${round(low)} ${middle}H${round(high)}M${round(low)} ${middle - 4}v8M${round(high)} ${middle - 4}v8`;
      parts.push(
        text(left - 10, middle + 4, NAMES[label] ?? label, '', 'end'),
        `<rect x="${left}" y="${y + 4}" width="${round(end - left)}" height="${ROW - 8}" rx="2" fill="${colorOf(label)}"/>`,
        low === high ? '' : `<path class="whisker" d="${whisker}"/>`,
        text(Math.max(end, high) + 8, middle + 4, value.median.toFixed(2)),
      );
      y += ROW;
    }
  }
  const one = round(left + scale);
  parts.push(`<path class="axis" stroke-dasharray="4 3" d="M${one} ${top}V${y}"/>`);
  return { svg: `${parts.join('\n')}\n`, bottom: y };
}

function linePanel(series: readonly Series[], title: string, x: number, y: number): string {
  const values = series.flatMap(({ points }) => points.map(({ value }) => value.median));
  const [low, high] = [decade(Math.min(...values), 'floor'), decade(Math.max(...values), 'ceil')];
  const labels = [...new Set(series.flatMap(({ points }) => points.map(({ label }) => label)))];
  const [left, right, top, bottom] = [
    x + PANEL.left,
    x + PANEL.width,
    y + PANEL.top,
    y + PANEL.height - 20,
  ];
  const atX = (label: string) =>
    left + 16 + (labels.indexOf(label) / Math.max(1, labels.length - 1)) * (right - left - 32);
  const atY = (value: number) =>
    bottom - ((Math.log10(value) - low) / Math.max(1, high - low)) * (bottom - top);
  const parts = [text(x, y + 10, title)];
  for (let power = low; power <= high; power += 1) {
    const level = round(atY(10 ** power));
    parts.push(`<path class="axis" d="M${left} ${level}H${right}"/>`);
    parts.push(text(left - 6, level + 4, tickText(10 ** power), 'small', 'end'));
  }
  for (const label of labels) {
    parts.push(text(atX(label), bottom + 16, label, 'small', 'middle'));
  }
  series.forEach(({ name, points }, i) => {
    const color = colorOf(name);
    const at = points.map(({ label, value }) => [round(atX(label)), round(atY(value.median))]);
    const dots = at.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3" fill="${color}"/>`);
    const legend = left + 90 * i;
    parts.push(
      `<polyline fill="none" stroke="${color}" stroke-width="2" points="${at.join(' ')}"/>`,
      ...dots,
      `<circle cx="${legend + 4}" cy="${y + 26}" r="4" fill="${color}"/>`,
      text(legend + 13, y + 30, name, 'small'),
    );
  });
  return `${parts.join('\n')}\n`;
}

function colorOf(name: string): string {
  if (name === 'floor') return GRAY;
  const w = /^w=(\d)$/.exec(name)?.[1];
  return PEERS[name] ?? OURS[(Number(w ?? 1) - 1) % OURS.length] ?? GRAY;
}

function decade(value: number, how: 'floor' | 'ceil'): number {
  return Math[how](Math.log10(value));
}

function tickText(value: number): string {
  if (value >= 1e6) return `${value / 1e6}M`;
  return value >= 1000 ? `${value / 1000}k` : `${Number(value.toPrecision(2))}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function text(x: number, y: number, content: string, kind = '', anchor = 'start'): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const style = kind === '' ? '' : ` class="${kind}"`;
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}"${style}>${escaped}</text>`;
}
