/** Charts of the last minutes: lines that differ in dashes as well as in colour, and their figures in words. */

const SVG = 'http://www.w3.org/2000/svg';
const CHART = { width: 320, height: 96, right: 4, bottom: 2, top: 6 };
/** A page that was just opened shows a minute, so that its lines are no dots. */
const SHORT_SPAN = 60;

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
  #start = element('span', '');
  /** How many samples the width is. */
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
    this.#span = samples.length <= SHORT_SPAN ? SHORT_SPAN : SAMPLES_MAX;
    setText(this.#start, `${(this.#span * SAMPLE_MS) / 60_000} min ago`);
    const values = lines.flatMap((line) => line.values.filter((value) => value !== null));
    const highest = niceCeiling(Math.max(1, ...values));
    const base = svg('line', {
      class: 'base',
      x1: 0,
      x2: CHART.width,
      y1: CHART.height - 1,
      y2: CHART.height - 1,
    });
    const paths = lines.map(({ values, look }) =>
      svg('path', {
        class: `look-${look}`,
        d: this.#path(values, highest),
        'vector-effect': 'non-scaling-stroke',
      }),
    );
    this.#picture.replaceChildren(base, ...paths);
    setText(this.#top, `top: ${this.#format(highest)}`);
    const words = lines.map(({ name, values }) => `${name} ${this.#words(values)}`);
    this.#picture.setAttribute('aria-label', `${this.#title}, now: ${words.join(', ')}`);
    this.#figures.replaceChildren(
      ...lines.map(({ look }, index) => {
        const key = svg('svg', { viewBox: '0 0 22 6', class: 'line-key', 'aria-hidden': 'true' });
        key.append(svg('path', { class: `look-${look}`, d: 'M0 3H22' }));
        return element('li', '', key, ` ${words[index]}`);
      }),
    );
  }

  /** The last figure there is. @param {(number | null)[]} values */
  #words(values) {
    const value = values.findLast((one) => one !== null) ?? null;
    return value === null ? '–' : this.#format(value);
  }

  /** The line, with gaps where nothing is known; a point alone is a short dash. @param {(number | null)[]} values @param {number} highest */
  #path(values, highest) {
    const { width, height, right, bottom, top } = CHART;
    const step = (width - right) / (this.#span - 1);
    const start = this.#span - values.length;
    let path = '';
    let isOpen = false;
    for (const [index, value] of values.entries()) {
      if (value === null) {
        isOpen = false;
        continue;
      }
      const x = ((start + index) * step).toFixed(1);
      const y = (height - bottom - this.#share(value, highest) * (height - bottom - top)).toFixed(
        1,
      );
      path += isOpen ? `L${x} ${y}` : `M${x} ${y}h1.5`;
      isOpen = true;
    }
    return path;
  }

  /** @param {number} value @param {number} highest */
  #share(value, highest) {
    if (!this.#isLogarithmic) return value / highest;
    const lowest = 0.1;
    return Math.max(0, Math.log(value / lowest) / Math.log(highest / lowest));
  }
}

/** The next of 1, 2, 5, 10, 20 ... @param {number} value */
function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 2, 5, 10].find((one) => one * power >= value) ?? 10;
  return factor * power;
}

function startCharts() {
  const appends = new Chart('Appends per second', (value) => number(Math.round(value)));
  const latency = new Chart('Time to the answer', duration, true);
  const lag = new Chart('Lag, in messages', (value) => number(value));
  byId('charts').append(appends.root, latency.root, lag.root);
  const show = () => {
    const rates = samples.map(({ appendsPerSecond }) => appendsPerSecond);
    appends.show([{ name: 'all clients', values: rates, look: 0 }]);
    latency.show([
      { name: 'half within', values: samples.map(({ medianMs }) => medianMs), look: 0 },
      { name: '99 % within', values: samples.map(({ slowMs }) => slowMs), look: 1 },
    ]);
    const ids = health?.secondaries.map(({ id }) => id) ?? [];
    lag.show(
      ids.map((id, index) => {
        const values = samples.map(({ lags }) => lags[id] ?? null);
        return { name: id, values, look: index % 4 };
      }),
    );
  };
  sampleListeners.push(show);
  show();
}
