/** All scenarios, in the order they run in. */
import { batches } from './batches.ts';
import { catchUp } from './catch-up.ts';
import { connections } from './connections.ts';
import { disk } from './disk.ts';
import { followers } from './followers.ts';
import { keys } from './keys.ts';
import { memory } from './memory.ts';
import { reading } from './reading.ts';
import { recovery } from './recovery.ts';
import { comeBack } from './return.ts';
import type { Scenario } from './scenario.ts';
import { secondaries } from './secondaries.ts';
import { sizes } from './sizes.ts';
import { throughput } from './throughput.ts';

export const SCENARIOS: readonly Scenario[] = [
  throughput,
  batches,
  connections,
  followers,
  sizes,
  secondaries,
  reading,
  catchUp,
  memory,
  keys,
  disk,
  recovery,
  comeBack,
];
