/**
 * Writes metrics in Prometheus' text format (version 0.0.4). Names follow its naming guide: base units, `_total` for
 * counters.
 */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

type Labels = Readonly<Record<string, string | number>>;
/** One value of a metric, and its labels. */
export type Sample = readonly [value: number, labels?: Labels];

/** A histogram: `counts[i]` values were above `bounds[i - 1]` and up to `bounds[i]`. */
export interface HistogramValues {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
  readonly count: number;
}

export class Exposition {
  readonly #lines: string[] = [];

  /** A value that goes up and down. */
  gauge(name: string, help: string, samples: Iterable<Sample>): this {
    return this.#family(name, 'gauge', help, samples);
  }

  /** A value that only grows within one run of the node. */
  counter(name: string, help: string, samples: Iterable<Sample>): this {
    return this.#family(name, 'counter', help, samples);
  }

  /** One histogram for each set of labels. */
  histogram(name: string, help: string, all: Iterable<readonly [Labels, HistogramValues]>): this {
    this.#head(name, 'histogram', help);
    for (const [labels, { bounds, counts, sum, count }] of all) {
      let below = 0;
      for (const [i, bound] of bounds.entries()) {
        below += counts[i] as number;
        this.#sample(`${name}_bucket`, below, { ...labels, le: bound });
      }
      this.#sample(`${name}_bucket`, count, { ...labels, le: '+Inf' });
      this.#sample(`${name}_sum`, sum, labels);
      this.#sample(`${name}_count`, count, labels);
    }
    return this;
  }

  /** Quantiles that the node computes itself. */
  summary(
    name: string,
    help: string,
    quantiles: Iterable<Sample>,
    sum: number,
    count: number,
  ): this {
    this.#family(name, 'summary', help, quantiles);
    this.#sample(`${name}_sum`, sum, {});
    this.#sample(`${name}_count`, count, {});
    return this;
  }

  /** The whole page. */
  text(): string {
    return `${this.#lines.join('\n')}\n`;
  }

  #family(name: string, type: string, help: string, samples: Iterable<Sample>): this {
    this.#head(name, type, help);
    for (const [value, labels = {}] of samples) this.#sample(name, value, labels);
    return this;
  }

  #head(name: string, type: string, help: string): void {
    this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
  }

  #sample(name: string, value: number, labels: Labels): void {
    const list = Object.entries(labels).map(([key, text]) => `${key}="${escaped(String(text))}"`);
    const shown = list.length === 0 ? '' : `{${list.join(',')}}`;
    this.#lines.push(`${name}${shown} ${value}`);
  }
}

function escaped(text: string): string {
  return text.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`));
}
