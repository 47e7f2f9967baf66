/** The charts of the last minutes: lines that differ in dashes as well as in colour, and their figures in words. */

const SVG = 'http://www.w3.org/2000/svg';
const CHART = { width: 320, height: 96, right: 4, bottom: 2, top: 6 };
/** A page that was just opened shows one minute, so that its lines are not only dots. */
const SHORT_SPAN = 60;
/** Samples that are further apart, in ms, are not joined: the page was hidden in between. */
const GAP_MS = 5000;
/** The lowest value of a logarithmic axis. */
const LOWEST = 0.05;

/** @param {string} name @param {Record<string, string | number>} attributes */
function svg(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

class Chart {
  root;
  #title;
  #format;
  #isLogarithmic;
  #picture = svg('svg', {
    viewBox: `0 0 ${CHART.width} ${CHART.height}`,
    preserveAspectRatio: 'none',
    role: 'img',
  });
  #top = element('span', 'chart-top muted');
  #figures = element('ul', 'figures');
  /** @type {Element[]} */
  #paths = [];
  #start = element('span', '');
  /** The number of seconds that the chart shows. */
  #span = SHORT_SPAN;

  /** @param {string} title @param {(value: number) => string} format @param {boolean} isLogarithmic */
  constructor(title, format, isLogarithmic = false) {
    this.#title = title;
    this.#format = format;
    this.#isLogarithmic = isLogarithmic;
    const head = element('div', 'chart-head', element('h3', '', title), this.#top);
    const axis = element('div', 'chart-axis muted', this.#start, element('span', '', 'now'));
    this.root = element('div', 'chart', head, this.#picture, axis, this.#figures);
  }

  /** @param {Line[]} lines */
  show(lines) {
    const first = samples[0]?.atMs ?? 0;
    const isShort = (samples.at(-1)?.atMs ?? 0) - first < SHORT_SPAN * SAMPLE_MS;
    this.#span = isShort ? SHORT_SPAN : SAMPLES_MAX;
    setText(this.#start, `${(this.#span * SAMPLE_MS) / 60_000} min ago`);
    const values = lines.flatMap((line) => line.values.filter((value) => value !== null));
    const highest = niceCeiling(Math.max(1, ...values));
    if (this.#figures.children.length !== lines.length) this.#makeLines(lines.length);
    const words = lines.map(({ name, values }) => `${name} ${this.#words(values)}`);
    for (const [index, { values }] of lines.entries()) {
      this.#paths[index]?.setAttribute('d', this.#path(values, highest));
      const item = this.#figures.children[index]?.lastChild;
      if (item) setText(item, words[index] ?? '');
    }
    setText(this.#top, `to ${this.#format(highest)}`);
    this.#picture.setAttribute('aria-label', `${this.#title}, last: ${words.join(', ')}`);
  }

  /** Creates `count` lines; no two of sixteen have the same colour and the same dashes. @param {number} count */
  #makeLines(count) {
    const [y, right] = [CHART.height - 1, CHART.width];
    const base = svg('line', { class: 'base', x1: 0, x2: right, y1: y, y2: y });
    const looks = Array.from(
      { length: count },
      (_, i) => `line hue-${i % 4} dash-${(i + Math.floor(i / 4)) % 4}`,
    );
    this.#paths = looks.map((look) =>
      svg('path', { class: look, 'vector-effect': 'non-scaling-stroke' }),
    );
    this.#picture.replaceChildren(base, ...this.#paths);
    const figures = looks.map((look) => {
      const key = svg('svg', { viewBox: '0 0 22 6', class: 'line-key', 'aria-hidden': 'true' });
      key.append(svg('path', { class: look, d: 'M0 3H22' }));
      return element('li', '', key, element('span', ''));
    });
    this.#figures.replaceChildren(...figures);
  }

  /** The last known value, in words. @param {(number | null)[]} values */
  #words(values) {
    const value = values.findLast((one) => one !== null) ?? null;
    return value === null ? '–' : this.#format(value);
  }

  /** The line, with gaps where no value is known; a single value is a dot. @param {(number | null)[]} values @param {number} highest */
  #path(values, highest) {
    const { width, height, right, bottom, top } = CHART;
    const now = samples.at(-1)?.atMs ?? 0;
    const pxPerMs = (width - right) / (this.#span * SAMPLE_MS);
    let path = '';
    let lastMs = Number.NEGATIVE_INFINITY;
    for (const [index, value] of values.entries()) {
      const atMs = samples[index]?.atMs ?? 0;
      if (value === null) {
        lastMs = Number.NEGATIVE_INFINITY;
        continue;
      }
      const x = (width - right - (now - atMs) * pxPerMs).toFixed(1);
      const share = this.#share(value, highest);
      const y = (height - bottom - share * (height - bottom - top)).toFixed(1);
      path += atMs - lastMs < GAP_MS ? `L${x} ${y}` : `M${x} ${y}h0`;
      lastMs = atMs;
    }
    return path;
  }

  /** @param {number} value @param {number} highest */
  #share(value, highest) {
    if (!this.#isLogarithmic) return value / highest;
    return Math.max(0, Math.log(value / LOWEST) / Math.log(highest / LOWEST));
  }
}

/** The least of 1, 2, 5, 10, 20 ... that is not below `value`. @param {number} value */
function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 2, 5, 10].find((one) => one * power >= value) ?? 10;
  return factor * power;
}

function startCharts() {
  const appends = new Chart('Messages per second', (value) => number(Math.round(value)));
  const latency = new Chart('Time to answer (log)', duration, true);
  const lag = new Chart('Lag, in messages', (value) => number(value));
  byId('charts').append(appends.root, latency.root, lag.root);
  const show = () => {
    const rates = samples.map(({ appendsPerSecond }) => appendsPerSecond);
    appends.show([{ name: 'all clients', values: rates }]);
    latency.show([
      { name: 'half within', values: samples.map(({ medianMs }) => medianMs) },
      { name: '99 % within', values: samples.map(({ slowMs }) => slowMs) },
    ]);
    const ids = health?.secondaries.map(({ id }) => id) ?? [];
    lag.show(ids.map((id) => ({ name: id, values: samples.map(({ lags }) => lags[id] ?? null) })));
  };
  sampleListeners.push(show);
  show();
}
