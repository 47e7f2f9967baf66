/** All scenarios, in the order they run in. */
import type { Scenario } from './scenario.ts';
import { throughput } from './throughput.ts';

export const SCENARIOS: readonly Scenario[] = [throughput];
