/** Alerts and dashboard: Prometheus accepts them, and they use only metrics that exist. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { MEMBER_METRIC_NAMES, METRIC_NAMES } from './metric-names.ts';

const root = new URL('../../', import.meta.url);
const textOf = (path: string) => readFileSync(new URL(path, root), 'utf8');

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string; description: string; runbook: string };
}
interface Panel {
  readonly targets: readonly { readonly expr: string }[];
}

const rules: { groups: { rules: Alert[] }[] } = parse(textOf('deploy/prometheus-alerts.yml'));
const alerts = rules.groups.flatMap((group) => group.rules);
const dashboard: { panels: Panel[] } = JSON.parse(textOf('deploy/grafana-dashboard.json'));

const allNames: ReadonlySet<string> = new Set([...METRIC_NAMES, ...MEMBER_METRIC_NAMES]);

/** Every name in an expression that looks like one of a metric. */
const metricsIn = (expr: string) =>
  expr.match(/\b(?:replicated_log|process|nodejs)_[a-z_]+\b/g) ?? [];

const hasPromtool = spawnSync('promtool', ['--version']).error === undefined;
const skip = hasPromtool ? false : 'promtool is not installed (Debian: prometheus)';

function promtool(...args: string[]): void {
  const { status, stdout, stderr } = spawnSync('promtool', args, {
    cwd: fileURLToPath(root),
    encoding: 'utf8',
  });
  assert.equal(status, 0, stdout + stderr);
}

describe('the alerts', () => {
  it('are good for promtool', { skip }, () => promtool('check', 'config', 'deploy/prometheus.yml'));

  it('fire when they should', { skip }, () =>
    promtool('test', 'rules', 'deploy/prometheus-alerts.test.yml'),
  );

  it('are each played by the tests of promtool', () => {
    const played = textOf('deploy/prometheus-alerts.test.yml');
    for (const { alert } of alerts) assert(played.includes(`- name: ${alert}\n`), alert);
  });

  it('name only metrics that there are', () => {
    for (const { alert, expr } of alerts) {
      for (const name of metricsIn(expr)) assert(allNames.has(name), `${alert}: ${name}`);
    }
  });

  it('say what, why, and where to read on', () => {
    const headings = textOf('docs/operations.md').match(/^#+ .*/gm) ?? [];
    const anchors = headings.map((line) => line.replace(/^#+ /, '').toLowerCase());
    for (const { alert, annotations } of alerts) {
      assert(annotations.summary && annotations.description, alert);
      const [, anchor = ''] = /^docs\/operations\.md#(.+)$/.exec(annotations.runbook) ?? [];
      assert(
        anchors.some((text) => text.replaceAll(' ', '-') === anchor),
        `${alert}: ${anchor}`,
      );
    }
  });
});

describe('the dashboard', () => {
  it('names only metrics that there are, and all of them', () => {
    const named = dashboard.panels.flatMap((panel) =>
      panel.targets.flatMap(({ expr }) => metricsIn(expr)),
    );
    for (const name of named) assert(allNames.has(name), name);
    // Sums and counts of histograms give averages, which hide what quantiles show.
    const wanted = [...allNames].filter((name) => !/seconds_(sum|count)$/.test(name));
    const seenElsewhere = ['replicated_log_read_only'];
    assert.deepEqual(
      wanted.filter((name) => !named.includes(name)),
      seenElsewhere,
    );
  });

  it('has expressions that promtool can read', { skip }, () => {
    const rules = dashboard.panels.flatMap(({ targets }) =>
      targets.map(({ expr }, at) => ({ record: `panel:target${at}`, expr, labels: { of: expr } })),
    );
    const folder = mkdtempSync(`${tmpdir()}/dashboard-`);
    const file = `${folder}/rules.yml`;
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
    promtool('check', 'rules', file);
    rmSync(folder, { recursive: true });
  });
});
