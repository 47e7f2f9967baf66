/** Series for the chart, from measured targets. */
import type { Spread } from '../measure/statistics.ts';
import type { Target } from '../measure/targets.ts';
import type { Series } from './scenario.ts';

/** One series for each kind of target, one point for each of its variants. */
export function seriesByKind(
  panel: Series['panel'],
  targets: readonly Target[],
  value: (target: Target) => Spread,
): Series[] {
  const kinds = [...new Set(targets.map(({ kind }) => kind))];
  return kinds.map((name) => ({
    panel,
    name,
    points: targets
      .filter(({ kind }) => kind === name)
      .map((target) => ({ label: target.variant, value: value(target) })),
  }));
}
