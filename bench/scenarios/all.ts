/** All scenarios, in the order they run in. */
import { batches } from './batches.ts';
import { connections } from './connections.ts';
import { disk } from './disk.ts';
import type { Scenario } from './scenario.ts';
import { secondaries } from './secondaries.ts';
import { sizes } from './sizes.ts';
import { throughput } from './throughput.ts';

export const SCENARIOS: readonly Scenario[] = [
  throughput,
  batches,
  connections,
  sizes,
  secondaries,
  disk,
];
