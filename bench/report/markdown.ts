/** Writes the page of a run: the machine and all tables. */
import type { Results, ScenarioResult } from '../results.ts';
import { markdownTable } from './table.ts';

export function page(all: readonly Results[]): string {
  return `# Benchmark

Made by \`make bench-report\` from what \`make bench\` measured; [how it is measured](testing.md#speed-make-bench). All
figures of a table are from the same minutes on the same machine; a ratio is the median of the ratios of
each round, with its quartiles.

![ratios to a bare node:http server](benchmark.svg)

${all.map(section).join('\n')}`;
}

function section({ machine, isQuick, peers, scenarios }: Results): string {
  const { runtime, cpu, cores, memoryGiB, kernel, date } = machine;
  const versions = Object.entries(peers).map(([name, version]) => `, ${name} ${version}`);
  const quick = isQuick ? ' A quick run, on less data.' : '';
  return `## ${runtime}

${date}: ${cores} cores of ${cpu}, ${memoryGiB} GiB, Linux ${kernel}${versions.join('')}.${quick}

${scenarios.map(scenarioText).join('\n')}`;
}

function scenarioText({ name, failure, outcome }: ScenarioResult): string {
  const tables = outcome?.tables.map(markdownTable) ?? [`Failed: ${failure}\n`];
  return `### ${name}\n\n${tables.join('\n')}`;
}
